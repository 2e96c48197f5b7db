"""What is examined: the settings, and what they lead to as far as it answers."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from redis.asyncio import Redis
from redis.exceptions import RedisError

from hub.bootstrap import Hub, load_connectors, load_functions
from hub.connector import Connector
from hub.errors import HubError, StoreError
from hub.settings import Settings, variables
from hub.store.catalog import Catalog, Snapshot
from hub.store.ledger import Ledger, engine_of
from hub.store.migrate import Standing, require_there, standing
from hub.store.sealing import Keyring
from hub.valkey import reached

Part: TypeAlias = Literal["database", "catalog", "redis"]
DATABASE: frozenset[Part] = frozenset({"database"})
CATALOG: frozenset[Part] = frozenset({"database", "catalog"})
REDIS: frozenset[Part] = frozenset({"redis"})
"""What checks need."""
REDIS_ERRORS = (RedisError, OSError, TimeoutError)
_ANSWER_S = 5.0
_READ_S = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on something is too little, too much or too late."""

    memory_bytes: int = 256 << 20
    disk_bytes: int = 1 << 30
    free_share: float = 0.05
    """Of a disk's room and of its inodes."""
    clock_s: float = 2.0
    late_s: float = 300.0
    lease_s: float = 60.0
    certificate_s: float = 14 * 86_400.0
    redis_share: float = 0.9
    """Of the memory that Redis may use."""
    reach_s: float = 5.0
    destinations: int = 200
    """So many of them are reached for."""


@dataclass(frozen=True, slots=True)
class Site:
    """One hub, as far as it can be had. What is None does not answer; ``absent`` says why."""

    settings: Settings
    limits: Limits = Limits()
    ledger: Ledger | None = None
    standing: Standing | None = None
    catalog: Catalog | None = None
    redis: Redis | None = None
    connectors: Mapping[str, Connector] = field(default_factory=dict)
    absent: Mapping[Part, HubError] = field(default_factory=dict)
    clock_s: Callable[[], float] = time.time
    """This machine's time, in seconds since the epoch."""
    runs: bool = False
    """Whether it is the hub itself that looks."""

    @property
    def now(self) -> Snapshot:
        """What people have set; nothing while the database does not answer."""
        return Snapshot() if self.catalog is None else self.catalog.now

    @property
    def embedded_redis(self) -> bool:
        """Whether Redis is the one that ``hub up`` starts."""
        return self.settings.redis_url is None

    @property
    def server(self) -> Ledger:
        """The database of a check that needs it."""
        assert self.ledger is not None  # noqa: S101 - no such check is made without it
        return self.ledger

    @property
    def valkey(self) -> Redis:
        """The Redis of a check that needs it."""
        assert self.redis is not None  # noqa: S101 - no such check is made without it
        return self.redis


@asynccontextmanager
async def open_site(settings: Settings, limits: Limits | None = None) -> AsyncIterator[Site]:
    """The site, opened as far as it can be; nothing is made that is not there."""
    absent: dict[Part, HubError] = {}
    async with AsyncExitStack() as opened:
        ledger, stands = await _database(settings, absent, opened)
        catalog = await _catalog(ledger, stands, absent)
        url = settings.redis_url or opened.enter_context(reached(settings.data))
        redis = await _redis(url, absent, opened)
        yield Site(
            settings=settings,
            limits=limits or Limits(),
            ledger=ledger,
            standing=stands,
            catalog=catalog,
            redis=redis,
            connectors=_connectors(),
            absent=absent,
        )


@asynccontextmanager
async def site_of(hub: Hub) -> AsyncIterator[Site]:
    """The site of a hub that runs in this process: its own parts, and a connection to Redis."""
    absent: dict[Part, HubError] = {}
    async with AsyncExitStack() as opened:
        try:
            async with asyncio.timeout(_ANSWER_S):
                stands = await standing(hub.settings.database_url, hub.settings.data)
        except (StoreError, TimeoutError) as error:
            absent["database"] = absent["catalog"] = _told(error)
            stands = None
        yield Site(
            settings=hub.settings,
            ledger=hub.ledger,
            standing=stands,
            catalog=hub.catalog,
            redis=await _redis(hub.redis_url, absent, opened),
            connectors=hub.connectors,
            absent=absent,
            runs=True,
        )


async def _database(
    settings: Settings, absent: dict[Part, HubError], opened: AsyncExitStack
) -> tuple[Ledger | None, Standing | None]:
    """Opened whatever its settings: those are what is looked at."""
    try:
        await require_there(settings.database_url, settings.data)
        async with asyncio.timeout(_ANSWER_S):
            stands = await standing(settings.database_url, settings.data)
    except (StoreError, TimeoutError) as error:
        absent["database"] = _told(error)
        return None, None
    keyring = Keyring(settings.secret_keys)
    engine = engine_of(settings.database_url, settings.data, keyring=keyring)
    ledger = Ledger(engine, _READ_S)
    opened.push_async_callback(ledger.close)
    return ledger, stands


async def _catalog(
    ledger: Ledger | None, stands: Standing | None, absent: dict[Part, HubError]
) -> Catalog | None:
    if ledger is None or stands != "current":
        absent["catalog"] = StoreError("The database has not this version's tables.")
        return None
    catalog = Catalog(ledger, variables())
    try:
        load_functions()  # before the stacks that name them
        await catalog.refresh()
    except HubError as error:
        absent["catalog"] = error
        return None
    return catalog


async def _redis(url: str, absent: dict[Part, HubError], opened: AsyncExitStack) -> Redis | None:
    given: dict[str, Any] = {"socket_connect_timeout": _ANSWER_S, "socket_timeout": _ANSWER_S}
    redis: Redis = Redis.from_url(url, **given)
    opened.push_async_callback(redis.aclose)
    try:
        async with asyncio.timeout(_ANSWER_S):
            await redis.ping()
    except REDIS_ERRORS as error:
        absent["redis"] = _told(error)
        return None
    return redis


def _connectors() -> dict[str, Connector]:
    with suppress(HubError):
        return load_connectors()
    return {}


def _told(error: Exception) -> HubError:
    if isinstance(error, HubError):
        return error
    if isinstance(error, TimeoutError):
        return StoreError(f"There was no answer within {_ANSWER_S:g} s.")
    return StoreError(f"{str(error).rstrip('.')}.")
