"""When to try again. Pure: the caller brings the dice.

``jitter`` is a number from 0 up to but not 1. It moves each delay by up to 10 percent either way,
so that deliveries which failed together do not all come back together.
"""

from collections.abc import Sequence

from hub.model.destination import DEFAULT_SCHEDULE_S

__all__ = ["DEFAULT_SCHEDULE_S", "back_pressure_delay_s", "next_delay_s"]

LONGEST_RETRY_AFTER_S = 36_000.0
_JITTER = 0.1
_FIRST_WAIT_S = 2.0
_LONGEST_WAIT_S = 60.0
_DOUBLINGS = 5  # 2 s doubled five times is past 60 s


def next_delay_s(
    schedule: Sequence[float], attempts_used: int, retry_after_s: float | None, jitter: float
) -> float | None:
    """Seconds until the next attempt, or None when the schedule is exhausted.

    ``attempts_used`` counts the attempt that has just failed: after the first it is 1 and the
    delay is ``schedule[0]``. So a schedule of nine delays allows ten attempts. The answer's
    ``Retry-After`` (seconds) only lengthens, by ten hours at most.

    Raises:
        ValueError: ``attempts_used`` is below 1.
    """
    if attempts_used < 1:
        raise ValueError("attempts_used counts the attempt that has just failed")
    if attempts_used > len(schedule):
        return None
    return _lengthened(_moved(schedule[attempts_used - 1], jitter), retry_after_s, jitter)


def back_pressure_delay_s(waits: int, retry_after_s: float | None, jitter: float) -> float:
    """Seconds until the next try of a delivery that was not taken for lack of room.

    ``waits`` counts the waits before this one: 2 s, 4 s, 8 s and so on to 60 s. No attempt is
    used up; the caller bounds the whole of it. ``Retry-After`` lengthens as above.
    """
    grown = _FIRST_WAIT_S * 2.0 ** min(max(waits, 0), _DOUBLINGS)
    return _lengthened(_moved(min(grown, _LONGEST_WAIT_S), jitter), retry_after_s, jitter)


def _moved(delay_s: float, jitter: float) -> float:
    return delay_s * (1 - _JITTER + 2 * _JITTER * jitter)


def _lengthened(delay_s: float, retry_after_s: float | None, jitter: float) -> float:
    """What was asked for is never undercut: there the jitter only adds."""
    if retry_after_s is None or not retry_after_s > 0:  # also for what is not a number
        return delay_s
    return max(delay_s, min(retry_after_s * (1 + _JITTER * jitter), LONGEST_RETRY_AFTER_S))
