"""The interpreter's ports, opened onto the ledger."""

from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from hub import fault_points
from hub.errors import ConflictError
from hub.model.answer import Answer
from hub.model.change import Outcome
from hub.model.channel_token import NewToken
from hub.model.json import Json, loads
from hub.model.query import Aggregate, Query
from hub.model.record import Record
from hub.model.segment import Publication, Segment
from hub.model.time import US_PER_S, now_us
from hub.observe.metrics import Metrics
from hub.observe.tracing import Tracing
from hub.run.answers import Answers
from hub.run.known import KnownWorld
from hub.run.machine import Machine
from hub.run.numbers import Numbers
from hub.run.requests import Requests
from hub.signature import new_secret
from hub.signature.channel_tokens import mint_token
from hub.stack.datasets import DataSets
from hub.stack.memory import MAX_BYTES
from hub.stack.ports import LeaseLost, Level, Notified, Received, SegmentConflict, Wish
from hub.store.cache import get_cached
from hub.store.catalog import Catalog
from hub.store.deliveries import delivery_states
from hub.store.ledger import Ledger
from hub.store.queues import DELIVERIES, RUNS
from hub.store.records import (
    TAKE_IDS,
    TakeIds,
    aggregate_records,
    count_records,
    find_records,
    get_record,
)
from hub.store.resumes import answers_of
from hub.store.runs import count_running, unique_run
from hub.store.segments import COMMIT, Committed

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_log = structlog.get_logger("hub.stack")


class Publishes(Protocol):
    """Takes messages that are committed."""

    def publish(self, publications: list[Publication]) -> None:
        """Publish them, later or now."""
        ...


class Rings(Protocol):
    """Says that a queue may have work."""

    def ring(self, name: str) -> None:
        """Ring for a queue."""
        ...


class LedgerWorld(KnownWorld):
    """See :class:`hub.stack.ports.World`. One serves all runs of a process."""

    short_wait_us = 2_000_000

    def __init__(
        self,
        ledger: Ledger,
        catalog: Catalog,
        publisher: Publishes,
        bell: Rings,
        requests: Requests,
        zone: str,
        clock: Callable[[], int] = now_us,
        root: str = "https://hub.invalid",
        notified: Notified = Notified(),  # noqa: B008 - frozen
        *,
        datasets: DataSets,
        metrics: Metrics | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        super().__init__(ledger, catalog, zone, root, clock)
        self._numbers = Numbers(ledger)
        self._publisher = publisher
        self._bell = bell
        self._requests = requests
        self.datasets = datasets
        self.notified = notified
        self.answers = Answers()
        self._machine = Machine()
        self._metrics = metrics or Metrics()
        self._tracing = tracing

    async def commit(self, segment: Segment) -> Outcome | None:
        fault_points.at("segment.ready")
        if self._tracing is not None:
            self._tracing.segment(segment)
        try:
            fate, outcome = await self._ledger.write(COMMIT, segment)
        except ConflictError as error:  # another run was quicker with a unique value
            await self._catalog.refresh()  # or the column has only just become unique
            raise SegmentConflict from error
        fault_points.at("segment.committed")
        if fate is Committed.FENCED:
            raise LeaseLost
        if fate is Committed.CONFLICT:
            raise SegmentConflict
        self._metrics.steps_made(segment.steps)
        if self._tracing is not None:
            self._tracing.committed(segment)
        if segment.publications:
            self._publisher.publish(segment.publications)
        if segment.deliveries or any(each.deliveries for each in segment.events):
            self._bell.ring(DELIVERIES)
        if segment.runs or segment.events:
            self._bell.ring(RUNS)
        return outcome

    async def take_id(self, table: str) -> int:
        return await self._numbers.take(table)

    async def take_ids(self, table: str, count: int) -> range:
        return await self._ledger.write(TAKE_IDS, TakeIds(table, count))

    async def get_record(self, table: str, record_id: int) -> Record | None:
        return await self._ledger.read(get_record, table, record_id)

    async def find_records(self, query: Query) -> list[Record]:
        return await self._ledger.read(find_records, query, MAX_BYTES)

    async def count_records(self, query: Query) -> int:
        return await self._ledger.read(count_records, query)

    async def aggregate_records(self, wanted: Aggregate) -> list[dict[str, Json]]:
        return await self._ledger.read(aggregate_records, wanted)

    async def cached(self, key: str) -> str | None:
        return await self._ledger.read(get_cached, key)

    def channel_token(self, wanted: NewToken) -> tuple[str, int]:
        secrets = self._catalog.now.token_secrets or (new_secret(),)  # a simulation has none
        token, until_s = mint_token(secrets[0], wanted, self.now_us() // US_PER_S)
        return token, until_s * US_PER_S

    def limit_bytes(self, slug: str) -> int | None:
        return self._requests.limit_bytes(slug)

    async def delivery_states(self, ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
        return await self._ledger.read(delivery_states, ids)

    async def answers_of(self, run_id: str) -> list[tuple[str, dict[str, Json], int]]:
        rows = await self._ledger.read(answers_of, run_id)
        return [(each, loads(payload), received_at) for each, payload, received_at in rows]

    async def system_metrics(self) -> dict[str, float]:
        load = await self._machine.load()
        active = await self._ledger.read(count_running)
        return {"cpu_usage": load.cpu, "memory_usage": load.memory, "active_tasks": active}

    async def unique_run(self, task: str, key: str) -> str | None:
        return await self._ledger.read(unique_run, task, key)

    def secret(self, name: str) -> str | None:
        found = self._catalog.now.variables.get(name)
        return found.value if found is not None and found.secret else None

    async def request(self, wish: Wish) -> Received:
        fault_points.at("request.ready")
        received = await self._requests.send(wish)
        fault_points.at("request.answered")
        return received

    def log(self, level: Level, path: str, text: str) -> None:
        _log.log(_LEVELS[level], "stack.said", step=path, message=text)

    def answered(self, run_id: str, answer: Answer) -> None:
        fault_points.at("endpoint.answered")
        self.answers.give(run_id, answer)
