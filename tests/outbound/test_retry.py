"""The delays between attempts."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.outbound.retry import (
    DEFAULT_SCHEDULE_S,
    LONGEST_RETRY_AFTER_S,
    back_pressure_delay_s,
    next_delay_s,
)

SCHEDULES = st.lists(st.floats(0, 30 * 86400), max_size=12)
JITTERS = st.floats(0, 1, exclude_max=True)
RETRY_AFTERS = st.none() | st.floats()
MIDDLE = 0.5


def test_the_default_schedule_is_the_documented_one() -> None:
    assert DEFAULT_SCHEDULE_S == (5, 30, 120, 600, 3600, 10800, 28800, 86400, 86400)


def test_nine_delays_make_ten_attempts() -> None:
    delays = [next_delay_s(DEFAULT_SCHEDULE_S, used, None, MIDDLE) for used in range(1, 11)]
    assert delays[:9] == pytest.approx(DEFAULT_SCHEDULE_S)
    assert delays[9] is None


def test_an_empty_schedule_means_a_single_attempt() -> None:
    assert next_delay_s((), 1, 5.0, MIDDLE) is None


def test_a_count_that_leaves_out_the_failed_attempt_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="attempts_used"):
        next_delay_s(DEFAULT_SCHEDULE_S, 0, None, MIDDLE)


def test_retry_after_lengthens_and_is_capped_at_ten_hours() -> None:
    assert next_delay_s((5.0,), 1, 60.0, 0.0) == 60.0
    assert next_delay_s((60.0,), 1, 5.0, MIDDLE) == pytest.approx(60.0)
    assert next_delay_s((5.0,), 1, 1e9, MIDDLE) == 36_000.0
    assert next_delay_s((86400.0,), 1, 1e9, MIDDLE) == pytest.approx(86400.0)


@given(SCHEDULES, st.integers(1, 20), RETRY_AFTERS, JITTERS)
def test_a_delay_exists_exactly_while_the_schedule_lasts(
    schedule: list[float], used: int, retry_after_s: float | None, jitter: float
) -> None:
    delay_s = next_delay_s(schedule, used, retry_after_s, jitter)
    assert (delay_s is None) == (used > len(schedule))
    assert delay_s is None or (math.isfinite(delay_s) and delay_s >= 0)


@given(st.floats(0.001, 86400), JITTERS)
def test_jitter_moves_a_delay_by_a_tenth_at_most(base_s: float, jitter: float) -> None:
    delay_s = next_delay_s((base_s,), 1, None, jitter)
    assert delay_s is not None
    assert base_s * 0.899 <= delay_s <= base_s * 1.101


@given(st.floats(0, 86400), RETRY_AFTERS, JITTERS)
def test_retry_after_never_shortens_a_delay(
    base_s: float, retry_after_s: float | None, jitter: float
) -> None:
    without_s = next_delay_s((base_s,), 1, None, jitter)
    with_s = next_delay_s((base_s,), 1, retry_after_s, jitter)
    assert without_s is not None
    assert with_s is not None
    assert without_s <= with_s <= max(without_s, LONGEST_RETRY_AFTER_S)


@given(st.floats(0, LONGEST_RETRY_AFTER_S), JITTERS)
def test_what_retry_after_asks_for_is_never_undercut(asked_s: float, jitter: float) -> None:
    delay_s = next_delay_s((0.0,), 1, asked_s, jitter)
    assert delay_s is not None
    assert asked_s <= delay_s
    assert back_pressure_delay_s(0, asked_s, jitter) >= asked_s


def test_back_pressure_doubles_from_two_seconds_to_a_minute() -> None:
    delays = [back_pressure_delay_s(waits, None, MIDDLE) for waits in range(7)]
    assert delays == pytest.approx([2, 4, 8, 16, 32, 60, 60])


@given(st.integers(0, 10**9), RETRY_AFTERS, JITTERS)
def test_back_pressure_stays_within_its_bounds(
    waits: int, retry_after_s: float | None, jitter: float
) -> None:
    delay_s = back_pressure_delay_s(waits, retry_after_s, jitter)
    assert 1.8 <= delay_s <= LONGEST_RETRY_AFTER_S
    assert back_pressure_delay_s(waits + 1, retry_after_s, jitter) >= delay_s
