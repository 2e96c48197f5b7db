"""The pages of alerts: what fires, and the rules with all that can be done to them."""

import html
from typing import Any

import pytest

from hub.bootstrap import Hub
from hub.dashboard.pages.alerts import page_of
from hub.model.alert import Phase, Standing
from hub.model.condition import CONDITIONS
from hub.store.alerts import CLAIM_LOOK, KEEP_LOOK, Look
from hub.web.desk import Desk
from tests.dashboard.conftest import Visitor, VisitorOf
from tests.dashboard.sending import HOSTILE, till

LIST, NEW = "/dashboard/alerts", "/dashboard/alerts/-new"
RULE = {"of": "", "severity": "warning", "enabled": "on"}


async def _rule(desk: Desk, slug: str) -> Any:
    return await desk.ask("GET", "/v1/alerts/{slug}", {"slug": slug})


async def test_what_fires_holds_and_is_over_is_shown(hub: Hub, visitor: Visitor) -> None:
    page = await visitor.see(LIST)
    assert "Nothing fires." in page
    assert 'data-live="alerts"' in page
    assert "dead-letters" in page, "rules that are built in"
    n = await hub.ledger.write(CLAIM_LOOK, (0, 0))
    assert n is not None
    some = [
        Standing("dead-letters", HOSTILE, "dead_letters", "critical", phase, 1, 9.0, fired_at=1)
        for phase in (Phase.FIRING,)
    ]
    some += [
        Standing("slow", "low", "lane_age", "warning", Phase.PENDING, 1, 90.0),
        Standing("slow", "high", "lane_age", "warning", Phase.RESOLVED, 1, 90.0, fired_at=1),
    ]
    assert await hub.ledger.write(KEEP_LOOK, Look(n, tuple(some)))
    page = await visitor.see(LIST)
    assert "Nothing fires." not in page
    assert HOSTILE not in page
    assert f"9 deliveries to {html.escape(HOSTILE)} were given up" in page
    assert 'href="/dashboard/dead-letters?status=dead&amp;destination=%3Cscript%3E' in page
    assert "not for long enough yet" in page
    assert "Is over" in page


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("http://hub.test/v1/runs?status=failed&task=a/b", "runs?status=failed&task=a/b"),
        ("http://hub.test/v1/deliveries?destination=a", "deliveries?destination=a"),
        ("http://hub.test/v1/destinations/till/breaker", "destinations/till"),
        ("http://hub.test/v1/lanes", "lanes"),
        ("http://hub.test/readyz", "health"),
    ],
)
def test_an_address_of_the_api_leads_to_its_page(url: str, page: str) -> None:
    assert page_of(url) == f"/dashboard/{page}"


@pytest.mark.parametrize("when", CONDITIONS)
async def test_a_rule_is_made_of_every_condition(desk: Desk, visitor: Visitor, when: str) -> None:
    assert f'value="{when}"' in await visitor.see(NEW)
    condition = CONDITIONS[when]
    form = await visitor.see(f"{NEW}?when={when}")
    assert ('name="of"' in form) == (condition.about is not None)
    assert ('name="ratio"' in form) == (condition.ratio is not None)
    fields = {"for_s": "5", "of": "a*" if condition.about else ""}
    page = await visitor.do(NEW, **{**RULE, **fields, "slug": "mine", "when": when})
    assert "It is saved." in page
    rule = await _rule(desk, "mine")
    assert (rule["when"], rule["for_s"], rule["threshold"]) == (when, 5, None)
    assert page.count('name="for_s" value="5"') == 1


async def test_a_rule_is_changed_and_what_is_emptied_is_as_the_condition_has_it(
    desk: Desk, visitor: Visitor
) -> None:
    await till(desk)
    path = f"{LIST}/dead-letters"
    fields = {"threshold": "3", "quiet_s": "1.5", "hint": HOSTILE, "severity": "critical"}
    page = await visitor.do(path, **RULE | fields, destinations=["till"])
    assert HOSTILE not in page
    assert html.escape(HOSTILE) in page
    assert 'value="till" checked' in page
    rule = await _rule(desk, "dead-letters")
    assert (rule["threshold"], rule["quiet_s"], rule["severity"]) == (3, 1.5, "critical")
    assert (rule["destinations"], rule["hint"]) == (["till"], HOSTILE)
    await visitor.do(path, of="", severity="warning")
    rule = await _rule(desk, "dead-letters")
    assert (rule["threshold"], rule["destinations"], rule["enabled"]) == (None, [], False)
    page = await visitor.do(f"{path}/remove")
    assert "<h1>Alerts</h1>" in page
    assert (await _rule(desk, "dead-letters"))["managed_by"] == "hub"
    assert "is built in and stays" in await visitor.do(f"{path}/remove")


@pytest.mark.parametrize(
    "fields",
    [
        {"threshold": "many"},
        {"threshold": "-1"},
        {"for_s": "1e999"},
        {"for_s": "NaN"},
        {"of": "two words"},
        {"severity": "bad"},
        {"hint": "x" * 1001},
    ],
)
async def test_a_rule_that_is_wrong_is_told_and_what_was_typed_kept(
    desk: Desk, visitor: Visitor, fields: dict[str, str]
) -> None:
    typed = {**RULE, "hint": HOSTILE, **fields}
    for path, more in (
        (f"{LIST}/dead-letters", {}),
        (NEW, {"slug": "mine", "when": "dead_letters"}),
    ):
        page = (await visitor.send(path, 422, **typed, **more)).text
        assert 'role="alert"' in page
        assert HOSTILE not in page
        for name, value in fields.items():
            if name != "severity":
                assert value in page
    assert (await _rule(desk, "dead-letters"))["managed_by"] == "hub"


@pytest.mark.parametrize(
    ("slug", "status"), [("dead-letters", 409), ("No!", 400), ("", 400), ("firing", 400)]
)
async def test_a_new_rule_has_a_name_of_its_own(visitor: Visitor, slug: str, status: int) -> None:
    fields = {**RULE, "slug": slug, "when": "dead_letters"}
    page = (await visitor.send(NEW, status, **fields)).text
    assert 'role="alert"' in page
    assert f'name="slug" value="{slug}"' in page


async def test_a_new_rule_watches_something(visitor: Visitor) -> None:
    assert "Choose first" in await visitor.do(NEW, **RULE, slug="mine", when="the_sky")
    assert 'type="radio"' in await visitor.see(f"{NEW}?when={HOSTILE}")


async def test_a_rule_is_muted_for_a_reason_and_told_of_again(desk: Desk, visitor: Visitor) -> None:
    path = f"{LIST}/dead-letters"
    page = await visitor.do(f"{path}/mute", for_s="900", because=HOSTILE)
    assert HOSTILE not in page
    assert "muted until" in page
    assert html.escape(HOSTILE) in page
    assert (await _rule(desk, "dead-letters"))["muted_reason"] == HOSTILE
    assert ">muted<" in await visitor.see(LIST)
    assert "muted until" not in await visitor.do(f"{path}/unmute")
    for wrong in ({"for_s": ""}, {"for_s": "long"}, {"for_s": "900", "because": "x" * 1001}):
        assert 'class="said bad"' in await visitor.do(f"{path}/mute", **wrong)
    assert (await _rule(desk, "dead-letters"))["muted_until"] is None


async def test_a_rule_is_switched_off_and_on_and_tried_out(desk: Desk, visitor: Visitor) -> None:
    path = f"{LIST}/dead-letters"
    assert "not watched any more" in await visitor.do(f"{path}/switch", to="off")
    assert (await _rule(desk, "dead-letters"))["enabled"] is False
    await visitor.do(f"{path}/switch", to="on")
    assert (await _rule(desk, "dead-letters"))["enabled"] is True
    assert 'class="said bad"' in await visitor.do(f"{path}/test"), "nobody is told"
    await till(desk)
    await visitor.do(path, **RULE, destinations="till")
    assert "on its way to till" in await visitor.do(f"{path}/test")
    found = await desk.ask("GET", "/v1/deliveries")
    assert [each["destination"] for each in found["items"]] == ["till"]


async def test_an_unknown_rule_is_no_page(visitor: Visitor) -> None:
    await visitor.see(f"{LIST}/nothing", 404)
    await visitor.send(f"{LIST}/nothing", 404, **RULE)
    for what in ("switch", "mute", "unmute", "test", "remove"):
        answer = await visitor.send(f"{LIST}/nothing/{what}", 303, for_s="900")
        assert answer.headers["location"] == f"{LIST}/nothing"


async def test_whoever_only_reads_changes_no_rule(desk: Desk, visitor_of: VisitorOf) -> None:
    reader = await visitor_of("read")
    assert "Make a rule" not in await reader.see(LIST)
    page = await reader.see(f"{LIST}/dead-letters")
    assert "<form" not in page.partition("<main")[2]
    await reader.see(NEW, 403)
    for path in ("", "/switch", "/mute", "/unmute", "/test", "/remove"):
        await reader.send(f"{LIST}/dead-letters{path}", 403, **RULE)
    assert (await _rule(desk, "dead-letters"))["managed_by"] == "hub"
