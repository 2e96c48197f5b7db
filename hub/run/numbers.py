"""Numbers for new records, taken in blocks that grow while many are needed.

A block that a stopped worker did not use up leaves a gap; a number is never given twice.
"""

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass, field

from hub.store.ledger import Ledger
from hub.store.records import TAKE_IDS, TakeIds

_LARGEST = 256
_QUIET_S = 1.0


@dataclass(slots=True)
class _Block:
    left: list[int] = field(default_factory=list)
    size: int = 1
    taken_at: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Numbers:
    """The blocks of this process."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._blocks: defaultdict[str, _Block] = defaultdict(_Block)

    async def take(self, table: str) -> int:
        """The next number of a table. With little to do numbers come without gaps."""
        block = self._blocks[table]
        if not block.left:
            async with block.lock:
                if not block.left:
                    await self._refill(table, block)
        return block.left.pop()

    async def _refill(self, table: str, block: _Block) -> None:
        now = time.monotonic()
        busy = now - block.taken_at < _QUIET_S
        block.size = min(2 * block.size, _LARGEST) if busy else 1
        block.taken_at = now
        ids = await self._ledger.write(TAKE_IDS, TakeIds(table, block.size))
        block.left = list(reversed(ids))
