"""Presence: who is on a channel now, over all servers, and what is told when that changes."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from redis.asyncio import Redis

from hub import keys
from hub.channels.feed import OUTAGES, outage_named
from hub.channels.presence_scripts import JOIN, LEAVE, REFRESH, SWEEP
from hub.channels.publish import Script, new_epoch
from hub.ending import let_end
from hub.model.channel import PRESENCE, ChannelSetting
from hub.model.ids import new_id
from hub.model.json import Json, dumps_text, loads
from hub.model.time import to_iso

MOST_MEMBERS = 1_000
"""So many members are named; the count is of all."""
LEASE_S = 15.0
GRACE_S = 5.0
"""So long a member stays who has lost the connection: most are back by then."""
_SWEPT_AT_ONCE = 100
_US_PER_MS = 1_000
_log = structlog.get_logger("hub.channels")


@dataclass(frozen=True, slots=True)
class Members:
    """Who is on a channel."""

    count: int
    items: list[dict[str, Json]]
    """``member``, ``since``, ``connections``, ``info``; at most 1,000."""


@dataclass(frozen=True, slots=True)
class _Here:
    """One connection on one channel."""

    connection: str
    channel: str
    member: str
    info: str

    @property
    def field(self) -> str:
        return f"{self.connection} {self.channel}"


class Presence:
    """Holds this server's connections, and sweeps those of servers that are gone.

    ``server`` is the process's name among all. One task per process runs ``follow``.
    """

    def __init__(
        self,
        redis: Redis,
        setting_of: Callable[[str], ChannelSetting],
        server: str,
        *,
        lease_s: float = LEASE_S,
        grace_s: float = GRACE_S,
    ) -> None:
        self._redis = redis
        self._setting_of = setting_of
        self._server = server
        self._lease_s = lease_s
        self._grace_s = grace_s
        self._sweep_from = 0.0
        self._here: set[_Here] = set()
        self._leaving: set[_Here] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._join, self._leave = Script(redis, JOIN), Script(redis, LEAVE)
        self._refresh, self._sweep = Script(redis, REFRESH), Script(redis, SWEEP)

    @asynccontextmanager
    async def present(
        self, channels: Collection[str], member: str | None, info: Json
    ) -> AsyncIterator[None]:
        """Be on these channels until the end of the block, and a little longer.

        Whoever has no name is a guest. While Redis is away they join when it is back.
        """
        connection, who = secrets.token_hex(8), member or f"guest_{secrets.token_hex(4)}"
        told = dumps_text(info)
        here = [_Here(connection, channel, who, told) for channel in channels]
        self._here.update(here)
        try:
            await self._join_all(here)
        except OUTAGES as error:
            _log.warning("presence.delayed", reason=str(error))
        try:
            yield
        finally:
            asyncio.get_running_loop().call_later(self._grace_s, self._part, here)

    async def members(self, channel: str) -> Members:
        """Who is on a channel, those who came first first.

        Raises:
            StoreError: ``redis_unavailable``.
        """
        with outage_named():
            pipe = self._redis.pipeline(transaction=True)
            pipe.hlen(keys.presence(channel))
            pipe.hscan(keys.presence(channel), count=MOST_MEMBERS)
            count, (_, found) = await pipe.execute()
        members = [(loads(text), name.decode()) for name, text in found.items()]
        members.sort(key=lambda each: (each[0]["since"], each[1]))
        return Members(count, [_shown(name, told) for told, name in members[:MOST_MEMBERS]])

    async def follow(self) -> None:
        """Keep this server's lease, and sweep; for ever."""
        self._hold_the_broom()
        try:
            while True:
                try:
                    await self.look()
                except OUTAGES as error:
                    self._hold_the_broom()
                    _log.warning("presence.delayed", reason=str(error))
                await asyncio.sleep(self._lease_s / 3)
        finally:
            await self._end()

    async def close(self) -> None:
        """Let those who have just parted be taken off; whoever is left is swept by others."""
        self._closed = True
        await let_end(self._tasks, within_s=1)

    async def look(self) -> None:
        """Say that this server is there, who is on it, and who is no more."""
        told = (self._server, str(round(self._lease_s * 1000)))
        (known,) = await self._refresh.run([((), told)])
        if not known and self._here:
            await self._join_all(list(self._here))
        if self._leaving:
            await self._leave_all(list(self._leaving))
        while time.monotonic() >= self._sweep_from and await self._swept():
            pass

    def _hold_the_broom(self) -> None:
        """After an outage the others have to be let say first that they are there."""
        self._sweep_from = time.monotonic() + self._lease_s

    async def _swept(self) -> bool:
        told = (*self._bounds(""), str(_SWEPT_AT_ONCE), new_id("msg"))
        (some,) = await self._sweep.run([((), told)])
        return bool(some)

    def _part(self, here: Sequence[_Here]) -> None:
        if self._closed:
            return
        self._here.difference_update(here)
        self._leaving.update(here)
        task = asyncio.get_running_loop().create_task(self._try_to_leave(here))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _try_to_leave(self, here: Sequence[_Here]) -> None:
        try:
            await self._leave_all(here)
        except OUTAGES as error:  # they are taken off at a later look
            _log.warning("presence.delayed", reason=str(error))

    async def _join_all(self, here: Sequence[_Here]) -> None:
        await self._join.run(
            [
                (
                    (),
                    (
                        *self._bounds(each.channel),
                        self._server,
                        each.field,
                        each.member,
                        each.info,
                        new_id("msg"),
                    ),
                )
                for each in here
            ]
        )

    async def _leave_all(self, here: Sequence[_Here]) -> None:
        calls = [
            ((), (*self._bounds(each.channel), self._server, each.field, new_id("msg")))
            for each in here
        ]
        await self._leave.run(calls)
        self._leaving.difference_update(here)

    def _bounds(self, channel: str) -> tuple[str, str, str]:
        setting = self._setting_of(f"{PRESENCE}{channel}")
        return new_epoch(), str(setting.history), str(setting.history_s)

    async def _end(self) -> None:
        """Whoever was on this server has a little time to come back to another."""
        told = (self._server, str(round(self._grace_s * 1000)))
        try:
            async with asyncio.timeout(1):
                await self._refresh.run([((), told)])
        except OUTAGES:
            return


def _shown(name: str, told: dict[str, Any]) -> dict[str, Json]:
    return {
        "member": name,
        "since": to_iso(int(told["since"]) * _US_PER_MS),
        "connections": told["connections"],
        "info": loads(told["info"]),
    }
