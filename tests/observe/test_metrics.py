"""Counting: bounded, by the names that people set, and never by what a stranger sends."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from hub.model.segment import StepTook
from hub.observe import metrics as module
from hub.observe.families import FAMILIES, Family
from hub.observe.metrics import ADDRESS, OTHER, UNKNOWN, Count, Metrics, Series, Spread


def told(registry: CollectorRegistry) -> dict[tuple[str, ...], float]:
    """Every sample by its name and its labels, in the order of their names."""
    return {
        (each.name, *(value for _, value in sorted(each.labels.items()))): each.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for each in family.samples
    }


def test_a_family_has_so_many_series_and_the_rest_counts_as_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_SERIES", 3)
    monkeypatch.setattr(module, "_MOST_OTHERS", 2)
    series = Series(Family("c", "counter", "A count.", ("name", "code")), Count)
    for n in range(10):
        series.of(f"n{n}", f"c{n}").inc()
    for _ in range(2):
        series.of("n1", "c1").inc()
    counts = {tuple(each.labels.values()): each.value for each in series.told().samples}
    assert counts == {
        ("n0", "c0"): 1,
        ("n1", "c1"): 3,
        ("n2", "c2"): 1,
        (OTHER, "c3"): 1,
        (OTHER, "c4"): 1,
        (OTHER, OTHER): 5,
    }


def test_a_value_falls_into_the_first_bucket_that_holds_it() -> None:
    series = Series(Family("h", "histogram", "A spread.", (), (1, 2.5)), lambda: Spread((1, 2.5)))
    for value in (0, 1, 1.01, 2.5, 3, 1000):
        series.of().observe(value)
    found = {(e.name, e.labels.get("le")): e.value for e in series.told().samples}
    assert found == {
        ("h_bucket", "1.0"): 2,
        ("h_bucket", "2.5"): 4,
        ("h_bucket", "+Inf"): 6,
        ("h_count", None): 6,
        ("h_sum", None): 1007.51,
    }


def test_what_alerts_wait_for_begins_at_zero() -> None:
    family = Family("c", "counter", "A count.", ("name", "status"))
    series = Series(family, Count, ("good", "bad"))
    series.of("a", "good").inc()
    series.of("a", "odd").inc()
    series.of("b", "bad").inc()
    counts = {tuple(each.labels.values()): each.value for each in series.told().samples}
    assert counts == {
        ("a", "good"): 1,
        ("a", "bad"): 0,
        ("a", "odd"): 1,
        ("b", "good"): 0,
        ("b", "bad"): 1,
    }


def test_a_stranger_makes_no_label() -> None:
    counts = Metrics()
    for n in range(50):
        counts.event_received(None, "rejected", 0.1)
        counts.event_rejected(None, f"no code {n}")
        counts.request_answered(OTHER, f"BREW{n}", 400 + n % 100, 0.1)
    seen = {key for key in told(counts.registry) if key[0].endswith("_total") and "hub_" in key[0]}
    assert ("hub_events_total", "rejected", UNKNOWN) in seen
    assert ("hub_events_rejected_total", OTHER, UNKNOWN) in seen
    assert ("hub_http_requests_total", OTHER, OTHER, "4xx") in seen
    assert not any("BREW" in part or "no code" in part for key in seen for part in key)


def test_bare_addresses_are_one_destination() -> None:
    counts = Metrics()
    for n in range(9):
        counts.attempted(f"https://x{n}.example:443", "delivered", 200, 5)
        counts.settled(f"https://x{n}.example:443", "delivered", 2_000_000)
        counts.breaker_changed("env.URL", "opened")
    counts.attempted("till", "retry", None, 5)
    counts.attempted("till", "retry", 999, 5)
    seen = told(counts.registry)
    assert seen["hub_attempts_total", ADDRESS, "delivered", "2xx"] == 9
    assert seen["hub_attempts_total", "till", "retry", "none"] == 2
    assert seen["hub_deliveries_total", ADDRESS, "delivered"] == 9
    assert seen["hub_breaker_changes_total", "opened", ADDRESS] == 9
    assert seen["hub_delivery_seconds_sum",] == 18


def test_a_clock_that_is_behind_gives_no_negative_time() -> None:
    counts = Metrics()
    counts.run_claimed("high", -5_000_000)
    counts.message_heard(3, -1)
    counts.settled("till", "delivered", -1)
    counts.schedule_fired("shop/sell", "fired", -1)
    seen = told(counts.registry)
    assert seen["hub_run_wait_seconds_sum", "high"] == 0
    assert seen["hub_message_seconds_sum",] == 0
    assert seen["hub_delivery_seconds_sum",] == 0
    assert seen["hub_schedule_late_seconds_sum",] == 0
    assert seen["hub_messages_delivered_total",] == 3


def test_steps_are_counted_with_their_time_and_their_failures() -> None:
    counts = Metrics()
    counts.steps_made([StepTook("deliver", 2_500_000, False), StepTook("deliver", 500_000, True)])
    seen = told(counts.registry)
    assert seen["hub_step_seconds_sum", "deliver"] == 3
    assert seen["hub_step_failures_total", "deliver"] == 1


def test_names_and_labels_are_as_prometheus_wants_them() -> None:
    names = [each.told for each in FAMILIES]
    assert len(set(names)) == len(names)
    for each in FAMILIES:
        assert each.name.startswith("hub_"), each.name
        assert not each.name.endswith(("_total", "_ms", "_us", "_count", "_sum")), each.name
        assert "le" not in each.labels
        assert (each.kind == "histogram") == bool(each.buckets), each.name
        assert list(each.buckets) == sorted(set(each.buckets))
        assert each.help.endswith("."), each.name
