"""The interpreter's ports, opened onto the ledger."""

from typing import Any

from hub.errors import ExpressionError, HubError, StepError
from hub.expr import LANES
from hub.jobs import Doorbell
from hub.model.query import Query
from hub.model.record import Record
from hub.model.segment import Segment
from hub.model.time import now_us
from hub.run.numbers import Numbers
from hub.run.publish import Publisher
from hub.stack.ports import LeaseLost, SegmentConflict
from hub.stack.problem import nearest
from hub.store.catalog import Catalog
from hub.store.ledger import Ledger
from hub.store.queues import DELIVERIES, RUNS
from hub.store.records import find_records, get_record
from hub.store.segments import COMMIT, Committed

_LANE_DELAYS_S: dict[str, float] = dict.fromkeys(LANES, 0)
"""Until lanes can be set, each has the default."""


class LedgerWorld:
    """See :class:`hub.stack.ports.World`. One serves all runs of a stack's tasks."""

    def __init__(
        self,
        stack: str,
        ledger: Ledger,
        catalog: Catalog,
        numbers: Numbers,
        publisher: Publisher,
        bell: Doorbell,
        zone: str = "UTC",
    ) -> None:
        self._stack = stack
        self._ledger = ledger
        self._catalog = catalog
        self._numbers = numbers
        self._publisher = publisher
        self._bell = bell
        self.zone = zone

    async def commit(self, segment: Segment) -> None:
        fate = await self._ledger.write(COMMIT, segment)
        if fate is Committed.FENCED:
            raise LeaseLost
        if fate is Committed.CONFLICT:
            raise SegmentConflict
        if segment.publications:
            self._publisher.publish(segment.publications)
        if segment.deliveries:
            self._bell.ring(DELIVERIES)
        if segment.runs:
            self._bell.ring(RUNS)

    async def take_id(self, table: str) -> int:
        return await self._numbers.take(table)

    async def get_record(self, table: str, record_id: int) -> Record | None:
        return await self._ledger.read(get_record, table, record_id)

    async def find_records(self, query: Query) -> list[Record]:
        return await self._ledger.read(find_records, query)

    def now_us(self) -> int:
        return now_us()

    def variable(self, name: str) -> Any:
        found = self._catalog.now.variables.get(name)
        if found is None:
            raise ExpressionError(
                f"There is no variable {name!r}: set it with PUT /v1/variables/{name}, "
                f"or HUB_VAR_{name} in the environment.",
                code="env_unknown",
            )
        if found.secret:
            raise ExpressionError(
                f"{name!r} is secret: it may stand only where it leaves the hub, never in a "
                "record, a variable or a message.",
                code="env_secret",
            )
        return found.value

    def lane_delay_s(self, name: str) -> float | None:
        return _LANE_DELAYS_S.get(name)

    def check_destination(self, slug: str) -> None:
        known = self._catalog.now.destinations
        if slug not in known:
            near = nearest(slug, known)
            raise StepError(
                f"There is no destination {slug!r}"
                + (f"; did you mean {near!r}?" if near else ": create it first."),
                code="destination_unknown",
            )

    def full_task_name(self, name: str) -> str:
        try:
            return self._catalog.resolve(name, self._stack)
        except HubError as error:
            raise StepError(error.message, code=error.code) from error
