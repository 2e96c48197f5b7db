"""What a process knows of the world around a run without asking for more than is kept."""

from collections.abc import Callable, Sequence
from typing import Any

from hub.errors import ExpressionError, HubError, StepError, StoreError
from hub.expr import LANES
from hub.model.json import Json, loads
from hub.model.table import UNDECLARED, TableSpec
from hub.model.time import to_iso
from hub.stack.plugin import FUNCTIONS, Plugin
from hub.stack.problem import nearest
from hub.stack.rendering import Rendering
from hub.stack.subscribed import Subscribed
from hub.stack.task import Task
from hub.store.catalog import Catalog
from hub.store.ledger import Ledger
from hub.store.lookup import one
from hub.store.schema import events


class KnownWorld:
    """The ports of :class:`hub.stack.ports.World` that change nothing and ask nobody outside."""

    def __init__(
        self, ledger: Ledger, catalog: Catalog, zone: str, root: str, clock: Callable[[], int]
    ) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self.zone = zone
        self.root = root
        self.now_us = clock

    def table(self, name: str) -> TableSpec:
        return self._catalog.now.tables.get(name, UNDECLARED)

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
        lane = self._catalog.now.lanes.get(name)
        if lane is not None and lane.delay_s is not None:
            return lane.delay_s
        return 0 if name in LANES else None

    def check_destination(self, slug: str) -> None:
        known = self._catalog.now.destinations
        if slug not in known:
            near = nearest(slug, known)
            raise StepError(
                f"There is no destination {slug!r}"
                + (f"; did you mean {near!r}?" if near else ": create it first."),
                code="destination_unknown",
            )

    def check_said(self, channel: str, data: Json) -> None:
        self._catalog.now.channels.check(channel, data)

    def full_task_name(self, stack: str, name: str) -> str:
        try:
            return self._catalog.resolve(name, stack)
        except HubError as error:
            raise StepError(error.message, code=error.code) from error

    async def task(self, full_name: str, version: str | None) -> Task:
        try:
            return await self._catalog.task(full_name, version)
        except StoreError:
            raise
        except HubError as error:
            raise StepError(error.message, code=error.code) from error

    def known_task(self, full_name: str) -> Task | None:
        return self._catalog.known_task(full_name)

    def lane_timeout_us(self, name: str) -> int | None:
        lane = self._catalog.now.lanes.get(name)
        return None if lane is None or lane.timeout_ms is None else int(lane.timeout_ms * 1000)

    async def event_body(self, event_id: str | None) -> bytes | None:
        row = None if event_id is None else await self._ledger.read(one, events, id=event_id)
        return None if row is None else row["body"]

    async def event(self, event_id: str | None) -> Json:
        row = None if event_id is None else await self._ledger.read(one, events, id=event_id)
        if row is None:
            return None
        return {
            "id": row["id"],
            "source": row["source"],
            "type": row["type"],
            "received_at": to_iso(row["received_at"]),
            "headers": dict(loads(row["headers"])),
        }

    def function(self, name: str) -> Plugin | None:
        return FUNCTIONS.get(name)

    def subscriptions_of(self, source: str) -> Sequence[Subscribed]:
        return self._catalog.subscriptions_of(source)

    def tasks_of_source(self, slug: str) -> tuple[str, ...]:
        return self._catalog.tasks_of_source(slug)

    def rendering(self, slug: str) -> Rendering | None:
        return self._catalog.rendering(slug)
