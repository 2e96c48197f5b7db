"""Pace: so few rows at once, and such pauses, that whoever writes meanwhile hardly notices."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hub.store.retention import Dropped

_MOST = 1_000
_LONGEST_REST_S = 2.0
_LEAST_SHARE = 3
"""Never more than a third of the time, however far behind."""


@dataclass(frozen=True, slots=True)
class _Bounds:
    """How long a transaction may take, and how many rows it has at least.

    Of ``share`` parts of the time one is worked; under load all of them grow.
    """

    target_s: float
    least: int
    share: int


_BOUNDS = {
    "sqlite": _Bounds(0.004, 20, 10),  # everybody else's commit waits for it
    "postgresql": _Bounds(0.025, 50, 16),  # nobody waits, and each statement is an exchange
}


class Pace:
    """Finds out how many rows go well at once."""

    def __init__(self, dialect: str) -> None:
        self._bounds = _BOUNDS[dialect]
        self.size = self._bounds.least
        self._share = self._bounds.share

    def keep_up(self, used: float) -> None:
        """Choose the share of the next pass, by what the last one used of its time.

        More than half of it: twice the share, before a slower machine has a pass cut, which would
        leave a minute's rows behind; less than a sixth: half of the share again.
        """
        if used > 1 / 2:
            self._share = max(_LEAST_SHARE, self._share // 2)
        elif used < 1 / 6:
            self._share = min(self._bounds.share, self._share * 2)

    def parts(self, ids: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """These in parts; each is as large as the one before has taught."""
        begin = 0
        while begin < len(ids):
            end = begin + self.size
            yield tuple(ids[begin:end])
            begin = end

    async def rest(self, dropped: Dropped) -> None:
        """Pause after a transaction, and choose the size of the next one."""
        bounds = self._bounds
        if dropped.took_s > bounds.target_s:
            self.size = max(bounds.least, self.size // 2)
        elif dropped.took_s < bounds.target_s / 2:
            self.size = min(_MOST, self.size + self.size // 4)
        await self.pause(dropped.took_s)

    async def pause(self, worked_s: float) -> None:
        """Let the others work, in proportion to what was worked here."""
        await asyncio.sleep(min(_LONGEST_REST_S, worked_s * (self._share - 1)))
