"""The ledger: every write through the group commit, every read on a snapshot.

Concurrent small writes of a process are gathered and committed together; each caller waits for
its own commit. There is no timer: a batch is whatever arrived while the last one committed.
A batch that fails is split and tried again, so that one bad row never fails its neighbours.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

from hub import fault_points
from hub.errors import StoreError
from hub.model.difference import Seen
from hub.model.segment import Publication
from hub.model.telling import Telling
from hub.model.time import now_us
from hub.store.errand import Errand, errand_of
from hub.store.postgresql import PostgresEngine
from hub.store.sealing import Keyring
from hub.store.sqlite import SqliteEngine
from hub.store.tx import Tx

T = TypeVar("T")
P = ParamSpec("P")
Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_BATCH = 200
_RETRIES = 5
SQLITE_FILE = "hub.sqlite"


class Engine(Protocol):
    """What a database has to offer. Its errors are translated: StoreError, InvalidError."""

    dialect: str

    async def check_durability(self) -> None:
        """Raise StoreError ``store_not_durable`` if a commit could be lost."""
        ...

    async def transact(self, work: Callable[[Tx], T], *, single: bool = False) -> T:
        """Run ``work`` in one write transaction. ``single``: it makes one statement only."""
        ...

    async def read(self, work: Callable[[Tx], T]) -> T: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, eq=False)
class Write(Generic[Item, Result]):
    """A kind of write: ``apply`` does a batch of items and gives a result for each.

    Kinds are applied by ``rank``, so that all processes take row locks in one order.
    ``single`` says of an item that ``apply`` makes one statement for it and others like it, which
    needs no transaction around it. ``seen`` gives the named object that an item changes, as it
    stands, for the audit; without it ``did`` says of a result whether anything was changed.
    """

    name: str
    rank: int
    apply: Callable[[Tx, Sequence[Item]], Sequence[Result]]
    single: Callable[[Item], bool] = lambda item: False
    seen: Callable[[Tx, Item], Seen] | None = None
    did: Callable[[Result], bool] = lambda result: result is None or bool(result)


@dataclass(slots=True, eq=False)
class _Waiting:
    write: Write[Any, Any]
    item: Any
    done: "asyncio.Future[Any]"
    until: float
    """By the loop's clock: later than this its caller does not wait."""
    errand: Errand | None


class Ledger:
    """Open with :func:`open_ledger`; write and read; close."""

    def __init__(self, engine: Engine, timeout_s: float = 10.0) -> None:
        self.engine = engine
        self._timeout_s = timeout_s
        self.live: Mapping[str, Telling] = {}
        """The tables the changes of whose records are told, as the catalog last knew."""
        self.on_told: Callable[[list[Publication]], None] = lambda publications: None
        """Takes the messages about them once they are committed; the outbox holds them too."""
        self.on_commit: Callable[[int, float, float], None] = lambda items, took_s, waited_s: None
        """Is told of each commit: how many writes it took, how long that took, and how long the
        first of them had waited for it."""
        self.on_failure: Callable[[int], None] = lambda items: None
        """Is told how many writes are not known to be committed, because the database failed."""
        self.commits = 0
        self.committed_items = 0
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect

    @property
    def waiting(self) -> int:
        """How many writes wait for the next commit."""
        return len(self._waiting)

    async def write(self, write: Write[Item, Result], item: Item) -> Result:
        """Commit one item, and what rides along with the errand that it belongs to.

        Returns when it is durable.

        Raises:
            StoreError: nothing is known to be committed.
            InvalidError: the database refuses this item; its neighbours went through.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._timeout_s
        waiting = _Waiting(write, item, loop.create_future(), until, errand_of(self))
        self._waiting.append(waiting)
        if self._task is None:
            self._task = asyncio.create_task(self._commit_all(), name="group-commit")
        return await waiting.done  # type: ignore[no-any-return]  # the future carries any write's result

    async def read(
        self, query: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run ``query(tx, …)`` on a snapshot.

        Raises:
            StoreError: the database does not answer.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self.engine.read(lambda tx: query(tx, *args, **kwargs))
        except TimeoutError:
            raise StoreError(
                f"The database did not answer within {self._timeout_s:g} s. Try again later."
            ) from None

    async def close(self) -> None:
        """Commit what waits, then close the connections."""
        while self._task is not None:
            await asyncio.wait([self._task])
        await self.engine.close()

    async def _commit_all(self) -> None:
        """Commit what waits; of many whose commit costs little, half at a time.

        They are senders: half are committed while the other half is heard, so that neither the
        database nor the loop waits for the other one. A larger commit costs as much for half.
        """
        answered = 0
        try:
            while self._waiting:
                most = _share(self._waiting, answered)
                batch, self._waiting = self._waiting[:most], self._waiting[most:]
                await self._commit(batch)
                answered = len(batch)
                if len(self._waiting) < answered or not _is_cheap(self._waiting):
                    await asyncio.sleep(0)  # whoever was answered may have more to write
        finally:
            self._task = None
            for left in self._waiting:  # only when the loop itself was cancelled
                left.done.cancel()

    async def _commit(self, batch: list[_Waiting]) -> None:
        """Commit these; on failure split, until whoever is to blame stands alone."""
        started = asyncio.get_running_loop().time()
        try:
            results = await self._transact(batch)
        except asyncio.CancelledError:
            _fail(batch, StoreError("The hub is stopping."))
            raise
        except StoreError as error:
            self.on_failure(len(batch))
            _fail(batch, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to its caller
            if len(batch) == 1:
                _fail(batch, error)
                return
            middle = len(batch) // 2
            await self._commit(batch[:middle])
            await self._commit(batch[middle:])
        else:
            fault_points.at("transaction.committed")
            self.commits += 1
            self.committed_items += len(batch)
            for waiting, result in zip(batch, results, strict=True):
                if waiting.errand is not None:
                    waiting.errand.committed()
                if not waiting.done.done():  # its caller may have gone
                    waiting.done.set_result(result)
            waited_s = started - (batch[0].until - self._timeout_s)
            self.on_commit(len(batch), asyncio.get_running_loop().time() - started, waited_s)

    async def _transact(self, batch: list[_Waiting]) -> list[Any]:
        """Commit these; the time runs from when the first of them came."""
        try:
            async with asyncio.timeout_at(batch[0].until):
                return await self._try(batch)
        except TimeoutError:
            raise StoreError(
                f"The database did not commit within {self._timeout_s:g} s. Send it again: "
                "if it was kept after all, it counts as a duplicate."
            ) from None

    async def _try(self, batch: list[_Waiting]) -> list[Any]:
        write = batch[0].write
        single = all(
            each.write is write and write.single(each.item) and each.errand is None
            for each in batch
        )
        for retry in range(_RETRIES):
            told: list[Publication] = []
            apply = partial(_apply, batch=batch, live=self.live, told=told)
            try:
                results = await self.engine.transact(apply, single=single)
            except StoreError as error:
                if error.code != "store_retry" or retry == _RETRIES - 1:
                    raise
            else:
                if told:
                    self.on_told(told)
                return results
            await asyncio.sleep(0.01 * 2**retry)
        raise AssertionError("unreachable")


def _share(waiting: list[_Waiting], answered: int) -> int:
    """How many of those that wait are committed next, after a commit that answered so many."""
    if not answered or not _is_cheap(waiting):
        return MAX_BATCH
    return min(MAX_BATCH, -(-(len(waiting) + answered) // 2))


def _is_cheap(waiting: list[_Waiting]) -> bool:
    """Whether they go in by one statement, as far as can be told at a glance."""
    first = waiting[0]
    return first.write.single(first.item) and all(each.write is first.write for each in waiting)


def _apply(
    tx: Tx, batch: list[_Waiting], live: Mapping[str, Telling], told: list[Publication]
) -> list[Any]:
    """Apply a batch kind by kind, and give the results in the batch's order."""
    tx.live, tx.told = live, told
    places: dict[Write[Any, Any], list[int]] = {}
    for place, waiting in enumerate(batch):
        places.setdefault(waiting.write, []).append(place)
    results: list[Any] = [None] * len(batch)
    for write in sorted(places, key=lambda each: each.rank):
        at = [place for place in places[write] if batch[place].errand is None]
        done = write.apply(tx, [batch[place].item for place in at]) if at else ()
        for place, result in zip(at, done, strict=True):
            results[place] = result
        for place in places[write]:
            errand = batch[place].errand
            if errand is not None:
                results[place] = errand.carry(tx, write, batch[place].item)
    fault_points.at("transaction.open")
    return results


def _fail(batch: list[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.done.done():
            waiting.done.set_exception(error)


def engine_of(
    database_url: str | None,
    data: Path,
    clock: Callable[[], int] = now_us,
    keyring: Keyring | None = None,
) -> Engine:
    """The database as it stands, whatever its settings; nothing is opened yet."""
    if database_url is None:
        return SqliteEngine(data / SQLITE_FILE, clock, keyring)
    return PostgresEngine(database_url, keyring)


async def open_ledger(
    database_url: str | None,
    data: Path,
    timeout_s: float = 10.0,
    clock: Callable[[], int] = now_us,
    keyring: Keyring | None = None,
) -> Ledger:
    """Open PostgreSQL by its URL, or the SQLite file in the folder ``data``, which exists.

    A commit that takes longer than ``timeout_s`` counts as failed. ``clock`` is the database's
    own, in microseconds since the epoch; only SQLite takes another one. ``keyring`` seals the
    secrets that are kept; without it they are kept as they are.

    Raises:
        StoreError: it cannot be reached, or its settings could lose a commit.
    """
    engine = engine_of(database_url, data, clock, keyring)
    try:
        await engine.check_durability()
    except BaseException:
        await engine.close()
        raise
    return Ledger(engine, timeout_s)
