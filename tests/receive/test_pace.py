"""How many requests are taken in a time."""

import pytest

from hub.errors import AccessError
from hub.model.source import Limit
from hub.receive import pace
from hub.receive.pace import Pace


class Hand:
    """A clock in the test's hand."""

    at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def hand() -> Hand:
    return Hand()


def taken(counted: Pace, key: str, limit: Limit, times: int = 100) -> int:
    """How many of so many requests are taken at once."""
    for n in range(times):
        try:
            counted.take(key, limit)
        except AccessError:
            return n
    return times


def test_a_burst_is_taken_then_as_many_as_time_allows(hand: Hand) -> None:
    counted, limit = Pace(hand), Limit(requests=5, per_s=10)
    assert taken(counted, "a", limit) == 5
    hand.at = 1.9
    assert taken(counted, "a", limit) == 0
    hand.at = 2.0
    assert taken(counted, "a", limit) == 1
    hand.at = 8.0
    assert taken(counted, "a", limit) == 3
    hand.at = 1000.0
    assert taken(counted, "a", limit) == 5


def test_each_is_counted_for_itself(hand: Hand) -> None:
    counted, limit = Pace(hand), Limit(requests=2, per_s=1)
    assert (taken(counted, "a", limit), taken(counted, "b", limit)) == (2, 2)


@pytest.mark.parametrize(("per_s", "wait_s"), [(1, 1), (60, 30), (3600, 1800)])
def test_the_refusal_says_when_to_come_again(hand: Hand, per_s: float, wait_s: int) -> None:
    counted, limit = Pace(hand), Limit(requests=2, per_s=per_s)
    taken(counted, "a", limit)
    with pytest.raises(AccessError) as caught:
        counted.take("a", limit)
    assert caught.value.code == "too_many_requests"
    assert caught.value.details["retry_after_s"] == wait_s
    hand.at = wait_s
    counted.take("a", limit)


def test_of_very_many_the_quietest_are_forgotten(
    hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "_MOST", 3)
    counted, limit = Pace(hand), Limit(requests=1, per_s=60)
    for key in "abcd":
        counted.take(key, limit)
    assert taken(counted, "d", limit) == 0
    assert taken(counted, "b", limit) == 0
    assert taken(counted, "a", limit) == 1
