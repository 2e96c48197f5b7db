"""What a notice says, and to whom."""

from typing import Any

import pytest

from hub.alert.aims import Aims, broken_among
from hub.alert.measure import _WAYS, fitting
from hub.alert.notice import MOST_TOLD, notice_of
from hub.connector import Says
from hub.model.alert import BUILT_IN, Alert, Phase, Standing, When
from hub.model.condition import CONDITIONS, lasting
from hub.model.destination import Destination, DestinationState
from hub.model.time import US_PER_S

ROOT = "https://hub.example"
HOUR = 3600 * US_PER_S


def standing(when: str = "dead_letters", subject: str = "till", **given: Any) -> Standing:
    """One that fires since an hour."""
    usual: dict[str, Any] = {
        "rule": when.replace("_", "-"),
        "severity": "warning",
        "phase": Phase.FIRING,
        "since": HOUR,
        "value": 3.0,
        "fired_at": HOUR,
    }
    return Standing(when=when, subject=subject, **(usual | given))


def told(*standings: Standing, rules: dict[str, Alert] | None = None) -> dict[str, Any]:
    return notice_of(list(standings), rules or {}, root=ROOT, now=2 * HOUR)


def test_one_alert_is_told_in_full() -> None:
    notice = told(standing())
    assert notice["event"] == "alert.firing"
    assert notice["subject"] == "[warning] 3 deliveries to till were given up within 15 min."
    [alert] = notice["alerts"]
    assert alert["of"] == {"destination": "till"}
    assert alert["url"] == f"{ROOT}/v1/deliveries?status=dead&destination=till"
    assert "hub replay --dead --destination till" in alert["do"]
    assert alert["do"] in notice["text"]
    assert alert["url"] in notice["text"]
    assert (alert["since"], alert["reminder"]) == ("1970-01-01T01:00:00.000000Z", False)


def test_a_rule_s_own_hint_is_told_instead() -> None:
    rule = Alert(when="dead_letters", hint="Call Ada.", threshold=2)
    [alert] = told(standing(), rules={"dead-letters": rule})["alerts"]
    assert (alert["do"], alert["threshold"]) == ("Call Ada.", 2)


def test_several_are_told_together_the_worst_first_and_no_more_than_fit() -> None:
    some = [standing(subject=f"d{n}") for n in range(MOST_TOLD + 5)]
    notice = told(*some, standing("disk_low", "box", severity="critical"))
    assert notice["severity"] == "critical"
    assert notice["alerts"][0]["when"] == "disk_low"
    assert len(notice["alerts"]) == MOST_TOLD
    assert notice["left_out"] == 6
    assert notice["text"].endswith("And 6 more.")
    assert "56 alerts: disk-low, dead-letters" in notice["subject"]


def test_the_end_says_how_long_it_was_and_a_reminder_for_how_long_it_is() -> None:
    notice = told(standing(phase=Phase.RESOLVED, since=HOUR + 90 * US_PER_S))
    assert notice["event"] == "alert.resolved"
    assert notice["subject"].startswith("[resolved] Over after 90 s: 3 deliveries to till")
    assert notice["alerts"][0]["lasted_s"] == 90
    [again] = told(standing(is_told=True))["alerts"]
    assert again["reminder"] is True
    assert again["message"].startswith("For 1 h now: ")


def test_names_are_quoted_in_addresses_and_long_ones_shortened_in_titles() -> None:
    [alert] = told(standing(subject="a&b=c"))["alerts"]
    assert alert["url"].endswith("&destination=a%26b%3Dc")
    [bare] = told(standing("breaker_open", "https://x.example:443"))["alerts"]
    assert bare["url"] == f"{ROOT}/v1/deliveries?destination=https%3A//x.example%3A443"
    assert len(told(standing(subject="a" * 500))["subject"]) == 200


@pytest.mark.parametrize("name", CONDITIONS)
def test_every_condition_can_be_told_and_measured(name: str) -> None:
    [alert] = told(standing(name, "box"))["alerts"]
    for text in (alert["message"], alert["do"], alert["url"]):
        assert "{" not in text
    assert name in _WAYS
    assert Alert(when=name).limit == CONDITIONS[name].threshold  # type: ignore[arg-type]  # a name


def test_the_words_of_rules_are_the_conditions() -> None:
    assert list(When.__args__) == list(CONDITIONS)  # type: ignore[attr-defined]  # a Literal's
    assert {each.when for each in BUILT_IN.values()} <= set(CONDITIONS)


def aims(**given: Any) -> Aims:
    known = {name: Destination(url="https://x.example") for name in ("till", "desk", "pager")}
    for name, state in given.pop("states", {}).items():
        known[name] = known[name].model_copy(update={"state": DestinationState(state)})
    return Aims(known, given.pop("usual", ("pager",)), frozenset(given.pop("broken", ())))


def rule(*destinations: str) -> Alert:
    return Alert(when="dead_letters", destinations=destinations)


def test_whom_a_rule_names_is_told_else_the_usual_ones() -> None:
    about = standing(subject="elsewhere")
    assert aims().of(about, rule("desk", "till", "desk")) == ("desk", "till")
    assert aims().of(about, rule()) == ("pager",)
    assert aims().of(about, None) == ("pager",)
    assert aims(usual=()).of(about, rule("nobody")) == ()


def test_a_destination_is_not_the_only_one_to_hear_of_itself() -> None:
    assert aims().of(standing(subject="till"), rule("till", "desk")) == ("desk",)
    assert aims().of(standing(subject="till"), rule("till")) == ("pager",)
    assert aims(usual=()).of(standing(subject="till"), rule("till")) == ("till",)
    broken = broken_among([standing(subject="till"), standing("lane_age", "desk")])
    assert broken == {"till"}
    assert aims(broken=broken).of(standing("lane_age", "low"), rule("till")) == ("pager",)


@pytest.mark.parametrize("state", ["paused", "disabled"])
def test_one_that_takes_nothing_is_stood_in_for(state: str) -> None:
    about = standing("lane_age", "low")
    assert aims(states={"till": state}).of(about, rule("till")) == ("pager",)
    both = {"till": state, "pager": state}
    assert aims(states=both).of(about, rule("till")) == ("till",)


def test_the_end_goes_to_whom_the_beginning_went() -> None:
    over = standing(phase=Phase.RESOLVED, told=("desk", "gone"))
    assert aims().of(over, rule("till")) == ("desk",)


def test_slack_is_told_in_its_own_words() -> None:
    from connectors.slack.connector import CONNECTOR

    assert isinstance(CONNECTOR, Says)
    said = CONNECTOR.say("[warning] a <b> & c", "x" * 50_000)
    assert said["text"].startswith("*[warning] a &lt;b&gt; &amp; c*\nxxx")
    assert len(said["text"]) < 40_000


def test_names_fit_patterns() -> None:
    assert [fitting("shop/*")(name) for name in ("shop/a", "shops/a")] == [True, False]
    assert fitting("*")("any.thing")
    assert not fitting("a.c")("abc")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (3600, "1 h"), (7500, "2 h 5 min"),
     (90_000, "1 d 1 h")],
)  # fmt: skip
def test_durations_are_read_at_a_glance(seconds: float, said: str) -> None:
    assert lasting(seconds) == said


@pytest.mark.parametrize(
    "given",
    [
        {"when": "nothing"},
        {"when": "lane_depth", "of": {"task": "x"}},
        {"when": "lane_depth", "of": {}},
        {"when": "lane_depth", "of": {"lane": "low", "task": "x"}},
        {"when": "disk_low", "of": {"lane": "low"}},
        {"when": "lane_depth", "window_s": 5},
        {"when": "lane_depth", "threshold": 0},
        {"when": "lane_depth", "threshold": 1e9},
        {"when": "breaker_open", "threshold": 1},
        {"when": "task_failures", "ratio": 2},
        {"when": "task_failures", "at_least": 2},
        {"when": "task_failure_rate", "threshold": 2},
        {"when": "task_failures", "quiet_s": 0},
        {"when": "task_failures", "destinations": [""]},
        {"when": "task_failures", "severity": "loud"},
        {"when": "task_failures", "unknown": 1},
    ],
)
def test_rules_that_make_no_sense_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        Alert.model_validate(given)
