"""Replaying: what would run for an event if it came in now, or for a run's input once more."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from hub.connector import Connector
from hub.errors import ConflictError, NotFoundError
from hub.expr import DictContext
from hub.model.event import EMITTED, Event, Recorded
from hub.model.http import Headers, InboundRequest
from hub.model.ids import new_id
from hub.model.json import Json, dumps_text, loads
from hub.model.run import RunStart
from hub.model.trace import HEADER
from hub.receive.items import names_of
from hub.receive.record import tasks_of
from hub.stack.placing import placed
from hub.stack.subscribed import context_of, tasks_among, that_want
from hub.store.catalog import Catalog
from hub.store.fates import event_in_full
from hub.store.ledger import Ledger
from hub.store.lookup import where
from hub.store.runs import find_run
from hub.store.schema import runs

_log = structlog.get_logger("hub.receive")


@dataclass(frozen=True, slots=True)
class Replay:
    """A run that would be made, and the one of the same task that the event has had."""

    start: RunStart
    given: Mapping[str, Json]
    event: Event | None
    earlier: Mapping[str, Any] | None
    """Its row."""


class Replayer:
    """Finds what a replay would run; always by the stacks as they are."""

    def __init__(
        self,
        ledger: Ledger,
        catalog: Catalog,
        connectors: Mapping[str, Connector],
        timezone: str = "UTC",
    ) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._connectors = connectors
        self._timezone = timezone

    async def of_event(self, event_id: str, only: str | None = None) -> list[Replay]:
        """The runs of an event's tasks, or that of one task alone.

        Raises:
            NotFoundError: ``event_unknown``, ``source_unknown``, ``task_unknown``,
                ``connector_unknown``.
            ConflictError: ``event_rejected``, ``event_duplicate``, ``event_unmatched``.
            InvalidError: its connector cannot read it any more.
        """
        row = await self._ledger.read(event_in_full, event_id)
        if row is None:
            raise NotFoundError(f"There is no event {event_id!r}.", code="event_unknown")
        _refuse_what_is_not_whole(row)
        event = _event(row)
        value = await self._value(event)
        given = value if isinstance(value, dict) else {"body": value}
        text = dumps_text(given)
        kept = None if text.encode() == event.body else text
        earlier = await self._ledger.read(where, runs, event_id=event.id)
        newest = {each["task"]: each for each in sorted(earlier, key=lambda each: each["id"])}
        return [
            self._replay(task, kept, given, event, newest.get(task))
            for task in await self._tasks(event, value, only)
        ]

    def _replay(
        self,
        task: str,
        kept: str | None,
        given: Mapping[str, Json],
        event: Event,
        earlier: Mapping[str, Any] | None,
    ) -> Replay:
        start = RunStart(
            id=new_id("run"),
            task=task,
            input=kept,
            event_id=event.id,
            retry_of=None if earlier is None else earlier["id"],
        )
        return Replay(placed(start, self._catalog.known_task(task), given), given, event, earlier)

    async def of_run(self, run_id: str) -> Replay:
        """A new run of the same task and input, with keys of its own.

        Raises:
            NotFoundError: ``run_unknown``.
            ConflictError: ``input_gone``.
        """
        row = await self._ledger.read(find_run, run_id)
        if row is None:
            raise NotFoundError(f"There is no run {run_id!r}.", code="run_unknown")
        given = None if row["input"] is None else loads(row["input"])
        if not isinstance(given, dict):
            raise ConflictError("The input of the run is no longer kept.", code="input_gone")
        context = loads(row["context"] or "null") or {}
        context.pop("key_base", None)
        context.pop(HEADER, None)  # it is in a trace of its own
        start = RunStart(
            id=new_id("run"),
            task=row["task"],
            input=dumps_text(given),
            event_id=row["event_id"],
            parent=row["parent"],
            lane=row["lane"],
            context=dumps_text(context) if context else None,
            concurrency_key=row["concurrency_key"],
            retry_of=row["id"],
            completion_webhook=row["completion_webhook"],
        )
        event = None
        if row["event_id"] is not None:
            found = await self._ledger.read(event_in_full, row["event_id"])
            event = None if found is None else _event(found)
        return Replay(start, given, event, row)

    async def seen(self, event_id: str) -> DictContext:
        """What the expressions of a destination see of an event.

        Raises:
            NotFoundError: ``source_unknown``, ``connector_unknown``.
            ConflictError: ``event_gone``.
            InvalidError: its connector cannot read it any more.
        """
        row = await self._ledger.read(event_in_full, event_id)
        if row is None:
            raise ConflictError(f"The event {event_id} is no longer kept.", code="event_gone")
        event = _event(row)
        return self._context(event, await self._value(event))

    def _context(self, event: Event, value: Json) -> DictContext:
        return context_of(event, names_of(value, _request(event)), self._timezone)

    async def _value(self, event: Event) -> Json:
        """What the event says, as its source's connector reads it now."""
        if event.source == EMITTED:
            return loads(event.body)
        source = await self._catalog.source(event.source)
        connector = self._connectors.get(source.connector)
        if connector is None:
            raise NotFoundError(
                f"The connector {source.connector!r} of this source is not installed.",
                code="connector_unknown",
            )
        return connector.parse(_request(event)).value

    async def _tasks(self, event: Event, value: Json, only: str | None) -> tuple[str, ...]:
        await self._catalog.refresh()
        if only is not None:
            return (self._catalog.resolve(only),)
        named = None
        if event.source != EMITTED:
            named = (await self._catalog.source(event.source)).task
        wanting = that_want(
            self._catalog.now.subscriptions.of(event.source),
            event,
            self._context(event, value),
            missed=lambda slug, why: _log.warning("subscription.missed", slug=slug, error=why),
        )
        tasks = tasks_among(wanting, tasks_of(self._catalog, event.source, named))
        if not tasks:
            raise ConflictError(
                f"No task runs for events of the source {event.source!r}: give a task "
                f"`source: {event.source!r}`, or say which one is to run.",
                code="event_unmatched",
            )
        return tasks


def _refuse_what_is_not_whole(row: Mapping[str, Any]) -> None:
    if row["fate"] == Recorded.REJECTED:
        raise ConflictError(
            f"This request was rejected ({row['reason']}), and is not kept whole: "
            "have it sent again.",
            code="event_rejected",
        )
    if row["fate"] == Recorded.DUPLICATE and not row["body_differs"]:
        raise ConflictError(
            f"It is a duplicate: replay the first one, {row['duplicate_of']}.",
            code="event_duplicate",
        )


def _request(event: Event) -> InboundRequest:
    headers = Headers((name, value) for name, value in loads(event.headers))
    return InboundRequest(event.method, event.path, event.query, headers, event.body, event.ip)


def _event(row: Mapping[str, Any]) -> Event:
    fields = {name: row[name] for name in Event.__dataclass_fields__}
    return Event(**{**fields, "body": bytes(row["body"])})
