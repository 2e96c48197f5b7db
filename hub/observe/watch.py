"""Runs that somebody looks at: what changes of them is published on ``runs.{id}``.

Only those are looked up, so a run that nobody watches costs nothing more. Servers that watch the
same run publish the same message ids, of which Redis keeps one.
"""

import asyncio
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from hub.channels import Channels
from hub.errors import StoreError
from hub.model.channel import RUNS
from hub.model.json import dumps_text, loads
from hub.model.message import Message
from hub.model.time import now_us, to_iso
from hub.store.ledger import Ledger
from hub.store.runs import run_states

LOOK_EVERY_S = 0.2
_MOST_AT_ONCE = 1000


class Watch:
    """Follows the runs that are watched."""

    def __init__(self, ledger: Ledger, channels: Channels) -> None:
        self._ledger = ledger
        self._channels = channels
        self._watched: Counter[str] = Counter()
        self._told: dict[str, str] = {}
        self._any = asyncio.Event()

    @contextmanager
    def watching(self, channels: Iterable[str]) -> Iterator[None]:
        """Watch the runs whose channels these are until the end of the block."""
        ids = [name.removeprefix(RUNS) for name in channels if name.startswith(RUNS)]
        self._watched.update(ids)
        if ids:
            self._any.set()
        try:
            yield
        finally:
            self._watched.subtract(ids)
            self._watched = +self._watched

    async def follow(self) -> None:
        """Look for ever; the supervisor runs it."""
        while True:
            if not self._watched:
                self._any.clear()
                self._told.clear()
                await self._any.wait()
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Publish what has changed since the last look."""
        ids = sorted(self._watched)
        for begin in range(0, len(ids), _MOST_AT_ONCE):
            rows = await self._ledger.read(run_states, ids[begin : begin + _MOST_AT_ONCE])
            new = [(row["id"], _mark(row), row) for row in rows]
            fresh = [each for each in new if self._told.get(each[0]) != each[1]]
            if fresh:
                with suppress(StoreError):  # Redis is away: they are told when it is back
                    await self._channels.publish([_message(row, mark) for _, mark, row in fresh])
                    self._told |= {run_id: mark for run_id, mark, _ in fresh}


def _mark(row: dict[str, Any]) -> str:
    """What stands for a run as it is now: the same in every process."""
    progress = zlib.crc32((row["progress"] or "").encode())
    return f"{row['id']}:{row['fence']}:{row['status']}:{progress:08x}"


def _message(row: dict[str, Any], mark: str) -> Message:
    told = {
        "id": row["id"],
        "task": row["task"],
        "status": row["status"],
        "attempt": row["attempt"],
        "due_at": to_iso(row["due_at"]),
        "progress": row["progress"] and loads(row["progress"]),
        "failure": row["failure"] and loads(row["failure"]),
        "finished_at": row["finished_at"] and to_iso(row["finished_at"]),
    }
    return Message(mark, f"{RUNS}{row['id']}", "status", dumps_text(told), now_us())
