"""A hub that is thrown away: stacks run in it for a while, and everything is noted."""

import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hub.connector import Connector
from hub.deliver.attempt import Attempter
from hub.errors import InvalidError, LimitError
from hub.expr import DictContext
from hub.model.destination import Destination, Tls
from hub.model.event import Arrival, Event
from hub.model.http import OutboundRequest, OutboundResponse
from hub.model.ids import new_id
from hub.model.json import Json, dumps_text, loads
from hub.model.record import Record, check_table, check_text
from hub.model.run import ClaimedRun, RunStart
from hub.model.segment import Publication
from hub.model.table import UNDECLARED, TableSpec
from hub.model.time import from_iso, to_iso
from hub.outbound.client import Sender
from hub.run.execute import Executor
from hub.run.lanes import limits
from hub.run.requests import Requests
from hub.run.world import LedgerWorld
from hub.simulate.datasets import SimulatedDataSets
from hub.stack.cron import fires_after
from hub.stack.journal import Entry, decode
from hub.stack.load import load_stack
from hub.stack.placing import placed
from hub.stack.step import Step
from hub.stack.steps.sending import Deliver
from hub.stack.task import Schedule, Stack
from hub.store import runs
from hub.store.catalog import Catalog
from hub.store.due import claim_any, next_due_delivery
from hub.store.events import RECORD
from hub.store.ledger import Ledger, open_ledger
from hub.store.lookup import LAST, where
from hub.store.migrate import migrate
from hub.store.objects import PUT as PUT_OBJECT
from hub.store.objects import PutObject
from hub.store.records import INSERT, TAKE_IDS, TakeIds
from hub.store.schema import records
from hub.store.stacks import PUT as PUT_STACK
from hub.store.stacks import PutStack
from hub.store.tables import DECLARE, Declare

MAX_RUNS = 10_000
_LEASE_US = 3_600_000_000
_WORKER = "wrk_simulation"
_BATCH = 50
_NOTHING = DictContext()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is simulated: the stacks, where it begins, and what there is around it."""

    stacks: Mapping[str, str]
    """Texts by name."""
    task: str | None
    """The task that is started; None: only what schedules start."""
    input: Mapping[str, Json] = field(default_factory=dict)
    context: Mapping[str, Json] = field(default_factory=dict)
    """What the run knows beside its input: ``{auth, request, …}``."""
    run_id: str | None = None
    """Its id; random values and idempotency keys follow from it."""
    event: Event | None = None
    """The event that starts it."""
    tables: Mapping[str, list[Json]] = field(default_factory=dict)
    declared: Mapping[str, TableSpec] | None = None
    """What is declared of tables; None: what the stacks declare."""
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    span_us: int = 0
    """How long it is followed; 0: what is due at once."""
    begin_us: int | None = None
    """When it begins; None: now, and by the real clock while nothing has to be waited for."""
    timezone: str = "UTC"


class Clock:
    """A clock that goes on by itself, and jumps when it is told to; or stands between jumps."""

    def __init__(self, begin_us: int | None) -> None:
        self._stands = begin_us is not None
        self._offset = 0
        self._at = begin_us if begin_us is not None else 0

    def now_us(self) -> int:
        """The time."""
        if self._stands:
            return self._at
        return time.time_ns() // 1000 + self._offset

    def move_to(self, us: int) -> None:
        """Jump; never back."""
        ahead = us - self.now_us()
        if ahead > 0:
            self.pass_time(ahead)

    def pass_time(self, us: int) -> None:
        """Let so much time pass."""
        self._at += us
        self._offset += us


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened, for people and programs."""

    at_us: int
    kind: str
    """``run``, ``request``, ``delivery``, ``message``, ``log`` or ``schedule``."""
    what: dict[str, Json]


@dataclass
class Notes:
    """Everything that happened, in order."""

    clock: Clock
    happenings: list[Happening] = field(default_factory=list)

    def add(self, kind: str, **what: Json) -> None:
        """Note it."""
        self.happenings.append(Happening(self.clock.now_us(), kind, what))

    def publish(self, publications: list[Publication]) -> None:
        """Note messages; see :class:`hub.run.world.Publishes`."""
        for each in publications:
            self.add("message", channel=each.channel, event=each.event, data=loads(each.data))

    def ring(self, name: str) -> None:
        """Nobody has to be woken; see :class:`hub.run.world.Rings`."""


@dataclass
class NotingSender:
    """Notes each request and its answer."""

    inner: Sender
    notes: Notes
    sender: dict[str, str] = field(default_factory=dict)
    """Who sends now: ``{"run": …}`` or ``{"delivery": …}``."""

    async def send(
        self,
        request: OutboundRequest,
        *,
        timeout_s: float,
        allow_private: bool = False,
        tls: Tls | None = None,
        cap_bytes: int = 65_536,
    ) -> OutboundResponse:
        """Send it, and note what was said on both sides."""
        noted: dict[str, Json] = {
            **self.sender,
            "method": request.method,
            "url": request.url,
            "idempotency_key": dict(request.headers).get("idempotency-key"),
            "body": _shown(request.body),
        }
        try:
            response = await self.inner.send(
                request,
                timeout_s=timeout_s,
                allow_private=allow_private,
                tls=tls,
                cap_bytes=cap_bytes,
            )
        except Exception as error:
            self.notes.add("request", **noted, status=None, answer=str(error))
            raise
        self.notes.add("request", **noted, status=response.status, answer=_shown(response.body))
        return response


class Simulation:
    """A hub with a ledger of its own, driven from one due time to the next."""

    def __init__(
        self,
        wanted: Wanted,
        clock: Clock,
        ledger: Ledger,
        sender: Sender,
        connectors: Mapping[str, Connector],
    ) -> None:
        self.notes = Notes(clock)
        self._wanted = wanted
        self._clock = clock
        self._ledger = ledger
        self._noting = NotingSender(sender, self.notes)
        self.catalog = Catalog(ledger, wanted.variables)
        requests = Requests(self.catalog, self._noting, connectors)
        zone = wanted.timezone
        world = _World(
            ledger,
            self.catalog,
            self.notes,
            self.notes,
            requests,
            zone,
            clock.now_us,
            datasets=SimulatedDataSets(self._noting),
        )
        world.notes = self.notes
        self._executor = Executor(ledger, self.catalog, world)
        self._attempter = Attempter(ledger, self.catalog, self._noting, connectors, clock.now_us)
        self._fires: dict[str, Iterator[int]] = {}
        self._next_fires: dict[str, int] = {}
        self._runs = 0

    async def prepare(self) -> None:
        """Put in what there is before it begins.

        Raises:
            InvalidError: a stack cannot be loaded, or a record cannot be kept.
        """
        loaded = []
        for name, text in self._wanted.stacks.items():
            stack = load_stack(name, text)
            loaded.append(stack)
            declared = stack.tables if self._wanted.declared is None else {}
            await self._ledger.write(
                PUT_STACK, PutStack(name, stack.version, text, tables=tuple(declared.items()))
            )
        for slug in sorted({slug for stack in loaded for slug in _destinations(stack)}):
            body = Destination(url=f"https://{slug}.destination.invalid/").model_dump_json()
            await self._ledger.write(PUT_OBJECT, PutObject("destination", slug, body))
        for name, value in self._wanted.secrets.items():
            body = dumps_text({"value": value, "secret": True})
            await self._ledger.write(PUT_OBJECT, PutObject("variable", name, body))
        await self.catalog.refresh()
        for table, rows in self._wanted.tables.items():
            await self._fill(check_table(table), rows)
        for table, spec in (self._wanted.declared or {}).items():
            await self._ledger.write(DECLARE, Declare(table, spec))
        if self._wanted.event is not None:
            await self._ledger.write(RECORD, Arrival(self._wanted.event, None, ()))
        await self.catalog.refresh()
        begin_us = self._clock.now_us()
        for stack in loaded:
            for schedule in stack.schedules:
                self._arm(schedule, begin_us)

    async def run(self) -> None:
        """Start the task, and follow everything until the span is over.

        Raises:
            LimitError: ``limit_runs``.
        """
        end_us = self._clock.now_us() + self._wanted.span_us
        if self._wanted.task is not None:
            await self._start_wanted(self.catalog.resolve(self._wanted.task))
        await self._work()
        while (next_us := await self._next_due()) is not None and next_us <= end_us:
            self._clock.move_to(next_us)
            await self._fire(next_us)
            await self._work()

    async def left(self) -> list[dict[str, Json]]:
        """Runs and deliveries that would go on later."""
        waiting = []
        for row in await self._ledger.read(runs.page_of_runs, before=LAST, most=MAX_RUNS):
            if row["status"] in ("queued", "waiting"):
                due = to_iso(row["due_at"])
                waiting.append({"run": row["id"], "task": row["task"], "due_at": due})
        return sorted(waiting, key=lambda each: str(each["due_at"]))

    async def tables(self) -> dict[str, list[Json]]:
        """Every record as it stands in the end."""
        found: dict[str, list[Json]] = {}
        rows = await self._ledger.read(where, records)
        for row in rows:
            record = Record(
                row["table_name"],
                row["id"],
                loads(row["doc"]),
                row["created_at"],
                row["updated_at"],
                row["rev"],
            )
            found.setdefault(record.table, []).append(record.as_fields())
        return found

    def _arm(self, schedule: Schedule, begin_us: int) -> None:
        zone = schedule.timezone or self._wanted.timezone
        fires = fires_after(schedule.cron, begin_us, zone)
        self._fires[schedule.task] = fires
        self._next_fires[schedule.task] = next(fires)

    async def _fire(self, at_us: int) -> None:
        for task, due_us in list(self._next_fires.items()):
            if due_us <= at_us:
                self.notes.add("schedule", task=task)
                await self._start(RunStart(new_id("run"), task, "{}"), {})
                self._next_fires[task] = next(self._fires[task])

    async def _start_wanted(self, task: str) -> None:
        wanted = self._wanted
        start = RunStart(
            id=wanted.run_id or new_id("run"),
            task=task,
            input=dumps_text(dict(wanted.input)),
            event_id=None if wanted.event is None else wanted.event.id,
            context=dumps_text(dict(wanted.context)) if wanted.context else None,
        )
        await self._start(start, wanted.input)

    async def _start(self, start: RunStart, given: Mapping[str, Json]) -> None:
        task = self.catalog.known_task(start.task)
        await self._ledger.write(runs.START, placed(start, task, given))

    async def _next_due(self) -> int | None:
        dues = [
            await self._ledger.read(runs.next_due_run),
            await self._ledger.read(next_due_delivery),
            min(self._next_fires.values(), default=None),
        ]
        return min((due for due in dues if due is not None), default=None)

    async def _work(self) -> None:
        """Run and deliver until nothing is due."""
        while await self._work_runs() + await self._work_deliveries():
            pass

    async def _work_runs(self) -> int:
        lanes = tuple(limits(self.catalog.now.lanes).items())
        claim = runs.ClaimAny(_WORKER, _BATCH, _LEASE_US, lanes)
        claimed = (await self._ledger.write(runs.CLAIM_ANY, claim)).runs
        for run in claimed:
            self._runs += 1
            if self._runs > MAX_RUNS:
                raise LimitError(
                    f"More than {MAX_RUNS:,} runs: follow it for a shorter time.", code="limit_runs"
                )
            self._noting.sender = {"run": run.id, "task": run.task}
            at_us = self._clock.now_us()
            await self._executor.execute(run)
            await self._note_run(run, at_us)
        return len(claimed)

    async def _note_run(self, run: ClaimedRun, at_us: int) -> None:
        row = await self._ledger.read(runs.find_run, run.id)
        assert row is not None  # noqa: S101 - it was just executed
        entries = [
            entry
            for segment in await self._ledger.read(runs.journal_of, run.id)
            for entry in decode(segment)
            if not entry.path.endswith("?") and entry.started_at >= at_us
        ]
        steps = [_step(entry) for entry in entries]
        what = {
            "run": run.id,
            "task": run.task,
            "attempt": run.attempt,
            "status": row["status"],
            "input": loads(run.input) if run.input is not None else None,
            "steps": steps,
            "result": None if row["result"] is None else loads(row["result"]),
            "failure": None if row["failure"] is None else loads(row["failure"]),
            "due_at": to_iso(row["due_at"]) if row["status"] == "waiting" else None,
        }
        self.notes.happenings.append(Happening(at_us, "run", what))

    async def _work_deliveries(self) -> int:
        claimed = await claim_any(self._ledger, _WORKER, _BATCH, _LEASE_US)
        for delivery in claimed:
            self._noting.sender = {"delivery": delivery.id, "destination": delivery.destination}
            await self._attempter.attempt(delivery)
        return len(claimed)

    async def _fill(self, table: str, rows: list[Json]) -> None:
        spec = self.catalog.now.tables.get(table, UNDECLARED)
        given = [_record(table, row, self._clock.now_us(), spec) for row in rows]
        free = await self._ledger.write(TAKE_IDS, TakeIds(table, len(rows)))
        most = max((record.id for record in given), default=0)
        if most >= free.stop:  # further records come behind those that have numbers
            await self._ledger.write(TAKE_IDS, TakeIds(table, most - free.stop + 1))
        taken = {record.id for record in given if record.id}
        numbers = (n for n in range(1, most + len(rows) + 1) if n not in taken)
        numbered = [each if each.id else replace(each, id=next(numbers)) for each in given]
        await self._ledger.write(INSERT, numbered)


class _World(LedgerWorld):
    """Parks whatever waits: the clock jumps there."""

    short_wait_us = 0
    notes: Notes

    def log(self, level: Any, path: str, text: str) -> None:
        self.notes.add("log", level=level, step=path, message=text)


@asynccontextmanager
async def simulation(
    wanted: Wanted, sender: Sender, connectors: Mapping[str, Connector], clock: Clock
) -> AsyncIterator[Simulation]:
    """A simulation, prepared; its ledger is gone at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="hub-simulation-") as folder:
        await migrate(None, Path(folder))
        ledger = await open_ledger(None, Path(folder), clock=clock.now_us)
        try:
            made = Simulation(wanted, clock, ledger, sender, connectors)
            await made.prepare()
            yield made
        finally:
            await ledger.close()


def _step(entry: Entry) -> dict[str, Json]:
    failed = entry.failure
    return {
        "path": entry.path,
        "function": entry.function,
        "duration_ms": round(entry.duration_us / 1000, 3),
        "output": entry.output,
        "note": entry.note,
        "failure": failed and {"code": failed.code, "message": failed.message},
    }


def _destinations(stack: Stack) -> Iterator[str]:
    """Slugs that a stack's steps name, where no expression makes them."""
    for task in stack.tasks.values():
        for step in task.steps:
            yield from _destinations_of(step)


def _destinations_of(step: Step) -> Iterator[str]:
    if isinstance(step, Deliver) and step.destination.is_literal:
        value = step.destination.evaluate(_NOTHING)
        if isinstance(value, str):
            yield value
    for part in step.parts():
        if isinstance(part, Step):
            yield from _destinations_of(part)


def _record(table: str, row: Json, now: int, spec: TableSpec) -> Record:
    if not isinstance(row, dict):
        raise InvalidError(f"A record of {table!r} must be an object.", code="record_invalid")
    doc = dict(row)
    created_at, updated_at = doc.pop("created_at", None), doc.pop("updated_at", None)
    record_id = doc.pop("id", 0)
    if not isinstance(record_id, int) or record_id < 0:
        raise InvalidError(
            f"The id of a record of {table!r} must be a number.", code="record_invalid"
        )
    doc = spec.complete(doc)
    spec.check(doc)
    check_text(doc)
    try:
        return Record(
            table,
            record_id,
            doc,
            now if created_at is None else from_iso(created_at),
            now if updated_at is None else from_iso(updated_at),
        )
    except (ValueError, TypeError) as error:
        raise InvalidError(
            f"The times of a record of {table!r} must be ISO 8601.", code="record_invalid"
        ) from error


def _shown(body: bytes) -> Json:
    """A body as people read it."""
    if not body:
        return None
    try:
        return loads(body)
    except InvalidError:
        return body.decode("utf-8", "replace")
