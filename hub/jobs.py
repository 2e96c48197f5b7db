"""Doorbells and drains: the only place, with ``hub/worker.py``, that knows arq.

The row is the truth, the job a doorbell. A job names a queue of rows and a slot, never a payload,
and collapses with its twins. Whoever hears it drains: claims due rows in batches and works on
them until nothing is due. A ring can be lost, work cannot: each worker also looks by itself.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from types import NoneType
from typing import Any, Generic, TypeVar

import structlog
from arq.connections import ArqRedis
from redis import exceptions
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError

from hub import keys
from hub.ending import let_end
from hub.errors import InvalidError, StoreError
from hub.model.json import Json, dumps, loads

T = TypeVar("T")

DRAIN_S = 5.0
"""A job is short, so that a killed worker's arq key does not keep others away for long."""
SLOTS = 4
_RING_TIMEOUT_S = 1.0
_RING_EVERY_S = 0.02
_SOME_ROOM_S = 0.02
_OUTAGES = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.BusyLoadingError,
    OSError,
)
_log = structlog.get_logger("hub.jobs")


_JOB_SHAPE: dict[str, type] = {"t": NoneType, "f": str, "a": list, "k": dict, "et": int}
"""arq's own: try, function, arguments, named arguments, milliseconds of enqueuing."""
_MOST_MS = 1 << 45


def serialize(job: dict[str, Json]) -> bytes:
    """JSON, because arq's own pickle would run whatever a writer to Redis puts there."""
    return dumps(job)


def deserialize(raw: bytes) -> dict[str, Json]:
    """The reverse of :func:`serialize`; whatever else stands in Redis is refused.

    Raises:
        InvalidError: it is no job, so arq drops it.
    """
    job = loads(raw)
    if (
        not isinstance(job, dict)
        or any(not isinstance(job.get(name), kind) for name, kind in _JOB_SHAPE.items())
        or not 0 <= job["et"] < _MOST_MS
    ):
        raise InvalidError("Not a job of the hub.", code="job_invalid")
    return job


def connect_jobs(redis_url: str) -> ArqRedis:
    """arq's connections to Redis; nothing is sent yet."""
    pool: ConnectionPool = ConnectionPool.from_url(
        redis_url,
        socket_connect_timeout=2,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.02), 3),
        retry_on_error=[*_OUTAGES],
    )
    return ArqRedis(
        pool,
        default_queue_name=keys.JOBS,
        job_serializer=serialize,
        job_deserializer=deserialize,
    )


def _apart(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """A task with nothing bound of whoever happened to start it: its log lines are its own."""
    return asyncio.create_task(work, name=name, context=Context())


class Doorbell:
    """Rings for queues of rows. A ring is bounded in time and never fails whoever rings.

    A ring for a queue that this process itself drains stays in the process while it has room.
    """

    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis
        self.drains: dict[str, Drain[object]] = {}
        """Those of this process, by the names of their queues."""
        self.rung: Counter[str] = Counter()
        """Rings that went through Redis, by queue."""
        self.lost = 0
        """Rings that Redis did not take."""
        self._wanted: set[str] = set()
        self._ringing: dict[str, asyncio.Task[None]] = {}
        self._closed = False

    def attach(self, drain: "Drain[object]") -> None:
        """This process drains that queue."""
        self.drains[drain.name] = drain

    def ring(self, name: str) -> None:
        """Say that there may be work in a queue; call it after the commit."""
        drain = self.drains.get(name)
        if self._closed or (drain is not None and drain.wake()):
            return
        self._wanted.add(name)
        if name not in self._ringing:
            self._ringing[name] = _apart(self._ring(name), f"ring-{name}")

    async def _ring(self, name: str) -> None:
        """Ring, and once more for those who came meanwhile; at most every 20 ms."""
        try:
            while name in self._wanted:
                self._wanted.discard(name)
                slot = int(time.monotonic()) % SLOTS  # a deaf one is passed over in a second
                try:
                    async with asyncio.timeout(_RING_TIMEOUT_S):
                        await self._redis.enqueue_job(
                            "drain", name, _job_id=keys.drain_job(name, slot)
                        )
                    self.rung[name] += 1
                except (RedisError, OSError, TimeoutError) as error:
                    self.lost += 1
                    _log.debug("ring.lost", queue=name, error=str(error))
                await asyncio.sleep(_RING_EVERY_S)
        finally:
            del self._ringing[name]

    async def hears_a_worker(self) -> bool | None:
        """Whether any worker lives; None while Redis does not answer."""
        try:
            async with asyncio.timeout(_RING_TIMEOUT_S):
                return bool(await self._redis.exists(keys.BEAT))
        except (RedisError, OSError, TimeoutError):
            return None

    async def close(self) -> None:
        """Stop ringing; what is due is found by the next look."""
        self._closed = True
        await let_end(self._ringing.values(), within_s=0)
        await self._redis.aclose(close_connection_pool=True)


class Drain(Generic[T]):
    """Takes due rows of one queue in batches and works on them, ``capacity`` at once."""

    def __init__(
        self,
        name: str,
        capacity: int,
        claim: Callable[[int], Awaitable[list[T]]],
        work: Callable[[T], Awaitable[None]],
        has_due: Callable[[], Awaitable[bool]],
        batch: int = 100,
    ) -> None:
        self.name = name
        self.capacity = capacity
        self.busy: dict[asyncio.Task[None], T] = {}
        """What is being worked on, and by which task."""
        self.claims = 0
        """How often it looked for due rows."""
        self.claimed = 0
        """How many it took."""
        self._claim = claim
        self._work = work
        self._has_due = has_due
        self._batch = batch
        self._freed = asyncio.Event()
        self._again = False
        self._draining: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def room(self) -> int:
        """How many more rows could be worked on now."""
        return self.capacity - len(self.busy)

    @property
    def open(self) -> bool:
        """Whether this worker takes rows of the queue at all, now or when it has room."""
        return self.capacity > 0 and not self._stopping

    def wake(self) -> bool:
        """Drain in this process if there is room; True if that is seen to."""
        if self._stopping or self.room <= 0:
            return False
        self._again = True
        if self._draining is None:
            self._draining = _apart(self._drain(), f"drain-{self.name}")
        return True

    async def drain(self) -> None:
        """Drain until nothing is due, or come back after :data:`DRAIN_S` while it goes on."""
        self.wake()
        if self._draining is not None:
            await asyncio.wait([self._draining], timeout=DRAIN_S)

    async def has_due(self) -> bool:
        """Whether another drain would find something."""
        return await self._has_due()

    async def _drain(self) -> None:
        try:
            while await self._some_room():
                self._again = False
                asked = min(self.room, self._batch)
                items = await self._claim(asked)
                self.claims += 1
                self.claimed += len(items)
                for item in items:
                    self._start(item)
                if len(items) < asked and not self._again:
                    return
        except StoreError as error:  # the worker looks again by itself
            _log.warning("drain.failed", queue=self.name, error=error.message)
        except Exception as error:  # noqa: BLE001 - nobody else would say so soon
            _log.error("drain.failed", queue=self.name, error=str(error), exc_info=error)
        finally:
            self._draining = None

    async def _some_room(self) -> bool:
        """Wait for room, a quarter of the whole if that comes soon: small claims cost most."""
        try:
            async with asyncio.timeout(_SOME_ROOM_S):
                while self.room < max(1, self.capacity // 4) and not self._stopping:
                    await self._next_freed()
        except TimeoutError:
            while self.room <= 0 and not self._stopping:
                await self._next_freed()
        return not self._stopping

    async def _next_freed(self) -> None:
        self._freed.clear()
        await self._freed.wait()

    def _start(self, item: T) -> None:
        task = _apart(self._run(item), f"work-{self.name}")
        self.busy[task] = item
        task.add_done_callback(self._ended)

    async def _run(self, item: T) -> None:
        await self._work(item)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.busy.pop(task, None)
        self._freed.set()
        if not task.cancelled() and task.exception() is not None:
            _log.error("work.crashed", queue=self.name, exc_info=task.exception())

    async def stop(self, grace_s: float) -> None:
        """Take nothing more; let what is under way end, then cancel it."""
        self._stopping = True
        self._freed.set()
        if self._draining is not None:
            await asyncio.wait([self._draining])
        if self.busy:
            await asyncio.wait(self.busy, timeout=grace_s)
        for task in list(self.busy):
            task.cancel()
        if self.busy:
            await asyncio.wait(self.busy)
