"""Sweeping: files past their time go, and blobs that no file means."""

import time
from dataclasses import dataclass

import structlog

from hub.files import Blob, Blobs
from hub.files.place import SHARDS
from hub.model.time import US_PER_S, now_us
from hub.store.files import EXPIRE, meant_blobs
from hub.store.ledger import Ledger

_LEFT_S = 3600
"""So old is what no row means before it counts as left over."""
_BATCH = 500
_SWEEP_S = 10.0
_log = structlog.get_logger("hub.filing")


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep removed: files past their time, and blobs that no file means."""

    expired: int
    left: int


class Sweeper:
    """Sweeps; it remembers how far it came."""

    def __init__(self, ledger: Ledger, blobs: Blobs) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._shard = 0

    async def sweep(self) -> Swept:
        """Forget what is past its time, and remove what no file means; for ten seconds at most.

        The next sweep goes on where this one ended.

        Raises:
            StoreError: ``files_unavailable``, and as the ledger does.
        """
        until = time.monotonic() + _SWEEP_S
        expired = left = 0
        while time.monotonic() < until:
            blobs = await self._ledger.write(EXPIRE, _BATCH)
            await self._blobs.drop(blobs)
            expired += len(blobs)
            if len(blobs) < _BATCH:
                break
        for _ in SHARDS:
            if time.monotonic() >= until:
                break
            left += await self._sweep_shard(SHARDS[self._shard])
            self._shard = (self._shard + 1) % len(SHARDS)
        if expired or left:
            _log.info("files.removed", expired=expired, left=left)
        return Swept(expired, left)

    async def _sweep_shard(self, shard: str) -> int:
        """Remove what was written more than an hour ago and no file means."""
        before, removed = now_us() - _LEFT_S * US_PER_S, 0
        async for batch in self._blobs.list(shard):
            old = [each for each in batch if each.written_at < before]
            removed += await self._remove_left(old)
        return removed

    async def _remove_left(self, old: list[Blob]) -> int:
        names = [each.name for each in old if each.name is not None]
        meant = await self._ledger.read(meant_blobs, names) if names else set()
        paths = [each.path for each in old if each.name is None or each.name not in meant]
        if paths:
            await self._blobs.remove(paths)
        return len(paths)
