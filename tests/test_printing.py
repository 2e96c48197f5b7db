"""What commands and pages print."""

import pytest

from hub.printing import counted


@pytest.mark.parametrize(
    ("count", "things", "said"),
    [
        (0, "events", "0 events"),
        (1, "events", "1 event"),
        (1, "deliveries", "1 delivery"),
        (2000, "deliveries", "2,000 deliveries"),
        (1, "times", "1 time"),
    ],
)
def test_one_thing_is_not_named_like_many(count: int, things: str, said: str) -> None:
    assert counted(count, things) == said
