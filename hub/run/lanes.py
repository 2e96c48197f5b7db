"""Lanes: whose runs are claimed first, and how many run at once in the whole hub."""

from collections.abc import Mapping, Sequence
from itertools import count

from hub.expr import LANES
from hub.stack.task import Lane
from hub.store.catalog import Snapshot

MOST_RUNNING: Mapping[str, int] = {"high": 100, "normal": 100, "low": 20}
"""What counts where no stack sets ``max_concurrent``."""
_LOW_FIRST, _NORMAL_FIRST = 20, 5


def open_lanes(
    names: Sequence[str], snapshot: Snapshot
) -> tuple[tuple[tuple[str, int], ...], tuple[str, ...]]:
    """Of these lanes those that may run, with their limits; and the stacks that may not."""
    most = limits(snapshot.lanes)
    is_open = [
        (name, most[name])
        for name in names
        if not snapshot.all_paused and f"lane:{name}" not in snapshot.paused
    ]
    return tuple(is_open), snapshot.paused_stacks


def limits(lanes: Mapping[str, Lane]) -> dict[str, int]:
    """How many runs of each lane may run at once; ``lanes`` are those that stacks set."""
    set_ones = {name: lane.max_concurrent for name, lane in lanes.items()}
    return {name: set_ones.get(name) or MOST_RUNNING[name] for name in LANES}


class Turns:
    """Which lane comes first: ``high``, but now and then another one, so that none starves."""

    def __init__(self) -> None:
        self._count = count(1)

    def next(self) -> tuple[str, ...]:
        """The lanes in their order for this claim."""
        turn = next(self._count)
        if turn % _LOW_FIRST == 0:
            return ("low", "high", "normal")
        if turn % _NORMAL_FIRST == 0:
            return ("normal", "high", "low")
        return LANES
