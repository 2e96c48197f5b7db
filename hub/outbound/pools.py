"""Connection pools of destinations with TLS settings of their own: a few, the last used ones."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

from httpx_aiohttp import AiohttpTransport

from hub.model.destination import Tls

MOST_POOLS = 50
_Key: TypeAlias = tuple[Tls, bool]


@dataclass(slots=True, eq=False)
class _Pool:
    transport: AiohttpTransport
    users: int = 0
    is_dropped: bool = False


class Pools:
    """Pools by TLS setting and whether private addresses are allowed.

    Where there are more than ``most``, the one that was used longest ago is dropped, and closed
    as soon as nobody uses it.
    """

    def __init__(
        self, opened: Callable[[Tls, bool], Awaitable[AiohttpTransport]], most: int = MOST_POOLS
    ) -> None:
        self._opened = opened
        self._most = most
        self._pools: OrderedDict[_Key, _Pool] = OrderedDict()
        self._lock = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._pools)

    @asynccontextmanager
    async def lent(self, tls: Tls, *, allow_private: bool) -> AsyncIterator[AiohttpTransport]:
        """The pool of a setting, opened where there is none, for one request.

        Raises:
            OutboundError: ``request_invalid``: its certificates cannot be used.
        """
        pool = self._pools.get((tls, allow_private)) or await self._open(tls, allow_private)
        self._pools.move_to_end((tls, allow_private))
        pool.users += 1
        try:
            yield pool.transport
        finally:
            pool.users -= 1
            if pool.is_dropped and not pool.users:
                await pool.transport.aclose()

    async def close(self) -> None:
        """Close all of them."""
        pools, self._pools = self._pools, OrderedDict()
        for pool in pools.values():
            await pool.transport.aclose()

    async def _open(self, tls: Tls, allow_private: bool) -> _Pool:
        async with self._lock:  # so that those who come together get the same one
            found = self._pools.get((tls, allow_private))
            if found is None:
                found = _Pool(await self._opened(tls, allow_private))
                self._pools[tls, allow_private] = found
                await self._drop_oldest()
            return found

    async def _drop_oldest(self) -> None:
        while len(self._pools) > self._most:
            _, oldest = self._pools.popitem(last=False)
            oldest.is_dropped = True
            if not oldest.users:
                await oldest.transport.aclose()
