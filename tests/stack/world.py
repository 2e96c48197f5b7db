"""A world in memory for runs: what is committed stays, and a test may crash it at any commit."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from hub.connector import classify_by_status
from hub.errors import ExpressionError, OutboundError, StepError
from hub.expr import LANES
from hub.model.answer import Answer
from hub.model.change import Outcome
from hub.model.channel_token import NewToken
from hub.model.delivery import DeliveryStart
from hub.model.event import Arrival
from hub.model.http import Headers, OutboundResponse
from hub.model.json import Json, dumps, dumps_text, loads
from hub.model.query import Aggregate, Query
from hub.model.record import Record
from hub.model.run import (
    ClaimedRun,
    Ending,
    Failure,
    RunAttempt,
    RunStart,
    RunStatus,
)
from hub.model.segment import Publication, Segment
from hub.model.table import UNDECLARED, TableSpec
from hub.run.execute import Executor
from hub.signature.channel_tokens import mint_token
from hub.stack.channels import ChannelRules
from hub.stack.journal import Entry, decode
from hub.stack.load import load_stack
from hub.stack.plugin import Plugin
from hub.stack.ports import LeaseLost, Notified, Received, SegmentConflict, Wish
from hub.stack.subscribed import Subscribed
from hub.stack.task import Task
from hub.store.catalog import Catalog
from hub.store.ledger import Ledger
from tests import memory

TOKEN_SECRET = "the secret of the tokens, long enough"
RUN_ID = "run_0197c0de0197c0de0197c0de0197c0de"
MORNING_US = 1_790_000_000_000_000
HOUR_US = 3_600_000_000


class CrashNow(BaseException):
    """The process dies here."""


def _accepts(_: Segment) -> Exception | None:
    return None


def _nobody(wish: Wish) -> Received:
    raise OutboundError("Nobody answers.", code="connect_failed")


def received(
    status: int = 200,
    body: Json = None,
    *,
    kind: str = "application/json",
    headers: tuple[tuple[str, str], ...] = (),
    truncated: bool = False,
) -> Received:
    """An answer, read as HTTP itself is; bytes are its body as they stand."""
    raw = body if isinstance(body, bytes) else dumps(body)
    fields = Headers([("content-type", kind), *headers])
    response = OutboundResponse(status, fields, raw, truncated, duration_ms=3)
    verdict = classify_by_status(response)
    return Received(response, verdict.outcome.value, verdict.message)


@dataclass
class World:
    """See :class:`hub.stack.ports.World`. A second life begins with :meth:`restart`."""

    variables: dict[str, Json] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    destinations: set[str] = field(default_factory=lambda: {"till", "make-leads"})
    tasks: set[str] = field(default_factory=lambda: {"shop/ship", "shop/main"})
    loaded: dict[str, Task] = field(default_factory=dict)
    """Tasks that can be called inside a run."""
    past: dict[tuple[str, str], Task] = field(default_factory=dict)
    """Older versions of them."""
    short_wait_us: int = 0
    notified: Notified = field(default_factory=Notified)
    functions: dict[str, Plugin] = field(default_factory=dict)
    states: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """How deliveries ended that were not delivered."""
    end_as: tuple[str, str | None] = ("delivered", None)
    listeners: tuple[str, ...] = ()
    """Tasks that run for the events that stacks emit."""
    answer: Callable[[Wish], Received | Awaitable[Received]] = field(default=_nobody)
    """What the world outside says to a request."""
    event_seen: Json = None
    event_raw: bytes | None = None
    zone: str = "UTC"
    lanes: dict[str, float] = field(default_factory=lambda: dict.fromkeys(LANES, 0))
    timeouts: dict[str, int] = field(default_factory=dict)
    """How long turns of the lanes may work, in microseconds."""
    metrics: dict[str, float] = field(
        default_factory=lambda: {"cpu_usage": 12.5, "memory_usage": 40.0, "active_tasks": 3}
    )
    root: str = "https://hub.example"
    called: dict[str, dict[str, Json]] = field(default_factory=dict)
    """What has come to the run's URL, by ids."""
    tick_us: int = 1
    clock_us: int = MORNING_US

    crash_at: tuple[int, str] | None = None
    """The commit, from 0 over all lives, and ``before`` or ``after`` it is applied."""
    meddle: dict[int, Callable[["World"], None]] = field(default_factory=dict)
    """What others do just before that commit is judged."""
    refuse: Callable[[Segment], Exception | None] = field(default=_accepts)
    """What the store itself says to a segment."""

    records: dict[tuple[str, int], Record] = field(default_factory=dict)
    rules: ChannelRules = field(default_factory=ChannelRules)
    specs: dict[str, TableSpec] = field(default_factory=dict)
    """The tables that are declared."""
    runs: list[RunStart] = field(default_factory=list)
    deliveries: list[DeliveryStart] = field(default_factory=list)
    publications: list[Publication] = field(default_factory=list)
    rows: list[bytes] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    """What was committed, in order."""
    events: list[Arrival] = field(default_factory=list)
    attempts: list[RunAttempt] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    wishes: list[Wish] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    due_us: int | None = None
    """When the parked run is due."""
    ending: Ending | None = None
    gaps: list[int] = field(default_factory=list)
    """Segments that did not follow on the ones before: something was lost between."""
    fence: int = 1
    tried: int = 0
    is_dead: bool = False
    reads: list[str] = field(default_factory=list)
    _given: dict[str, int] = field(default_factory=dict)

    async def commit(self, segment: Segment) -> Outcome | None:
        # what is on its way to a database is committed, whether or not somebody still waits for it
        committing = asyncio.ensure_future(self._commit(segment))
        committing.add_done_callback(lambda done: done.exception())
        return await asyncio.shield(committing)

    async def _commit(self, segment: Segment) -> Outcome | None:
        number, self.tried = self.tried, self.tried + 1
        await asyncio.sleep(0)  # other branches of the run go on meanwhile
        self._maybe_die(number, "before")
        if number in self.meddle:
            self.meddle[number](self)
        self._judge(segment)
        outcome = self._apply(segment)
        await asyncio.sleep(0)
        self._maybe_die(number, "after")
        return outcome

    def _maybe_die(self, number: int, when: str) -> None:
        self.is_dead |= self.crash_at == (number, when)
        if self.is_dead:
            raise CrashNow

    def _judge(self, segment: Segment) -> None:
        refused = self.refuse(segment)
        if refused is not None:
            raise refused
        if segment.fence != self.fence or self.ending is not None:
            raise LeaseLost
        for record in segment.edited:
            current = self.records.get((record.table, record.id))
            if current is None or current.rev != record.rev:
                raise SegmentConflict
        if not self._fits(segment):
            raise SegmentConflict

    def _fits(self, segment: Segment) -> bool:
        """What an index says of unique values: row by row, and what is removed goes last."""
        docs = {key: record.doc for key, record in self.records.items()}
        for record in (*segment.added, *segment.edited):
            docs[record.table, record.id] = record.doc
            for column in self.table(record.table).unique:
                found = [doc.get(column) for key, doc in docs.items() if key[0] == record.table]
                values = [each for each in found if each is not None]
                if len(set(values)) < len(values):
                    return False
        return True

    def _apply(self, segment: Segment) -> Outcome | None:
        if segment.entries:
            if segment.n != len(self.rows):
                self.gaps.append(segment.n)
            self.rows.append(segment.entries)
        for record in segment.added:
            assert (record.table, record.id) not in self.records
            self.put(record)
        for record in segment.edited:
            self.put(replace(record, rev=record.rev + 1))
        for key in segment.removed:
            self.records.pop(key, None)
        for each in segment.taken:
            del self.called[each]
        outcome = self._change(segment)
        self.events += segment.events
        self.attempts += segment.attempts
        self.kept |= {each.key: each.value for each in segment.cached}
        self.runs += segment.runs
        self.runs += [run for arrival in segment.events for run in arrival.runs]
        if segment.delay_us is not None:
            self.due_us = self.clock_us + segment.delay_us
        self.deliveries += segment.deliveries
        self.publications += segment.publications
        self.ending = segment.ending
        self.segments.append(segment)
        return outcome

    def _change(self, segment: Segment) -> Outcome | None:
        if segment.change is None:
            return None
        new_id = self._last_id(segment.change.query.table) + 1
        outcome = memory.change(self.records, segment.change, new_id)
        self.rows.append(segment.change.entry(outcome))
        return outcome

    async def take_id(self, table: str) -> int:
        await asyncio.sleep(0)
        self._given[table] = max(self._given.get(table, 0), self._last_id(table)) + 1
        return self._given[table]

    def _last_id(self, table: str) -> int:
        return max((key[1] for key in self.records if key[0] == table), default=0)

    async def take_ids(self, table: str, count: int) -> list[int]:
        return [await self.take_id(table) for _ in range(count)]

    def table(self, name: str) -> TableSpec:
        return self.specs.get(name, UNDECLARED)

    async def get_record(self, table: str, record_id: int) -> Record | None:
        assert 0 < record_id < 2**63
        await asyncio.sleep(0)
        return self.records.get((table, record_id))

    async def find_records(self, query: Query) -> list[Record]:
        self.reads.append(query.table)
        await asyncio.sleep(0)
        return memory.find(self.records, query)

    async def count_records(self, query: Query) -> int:
        self.reads.append(query.table)
        return len(memory.find(self.records, query))

    async def aggregate_records(self, wanted: Aggregate) -> list[dict[str, Json]]:
        self.reads.append(wanted.table)
        return memory.aggregate(self.records, wanted)

    async def cached(self, key: str) -> str | None:
        return self.kept.get(key)

    def now_us(self) -> int:
        self.clock_us += self.tick_us
        return self.clock_us

    def variable(self, name: str) -> Any:
        if name in self.secrets:
            raise ExpressionError(f"{name!r} is secret.", code="env_secret")
        if name not in self.variables:
            raise ExpressionError(f"There is no variable {name!r}.", code="env_unknown")
        return self.variables[name]

    def lane_delay_s(self, name: str) -> float | None:
        return self.lanes.get(name)

    def check_destination(self, slug: str) -> None:
        if slug not in self.destinations:
            raise StepError(f"There is no destination {slug!r}.", code="destination_unknown")

    def full_task_name(self, stack: str, name: str) -> str:
        full = name if "/" in name else f"{stack}/{name}"
        if full not in self.tasks and full not in self.loaded:
            raise StepError(f"There is no task {name!r}.", code="task_unknown")
        return full

    async def task(self, full_name: str, version: str | None) -> Task:
        found = self.loaded.get(full_name)
        if version is not None and (found is None or found.version != version):
            found = self.past.get((full_name, version))
        if found is None:
            raise StepError(f"The task {full_name!r} is gone.", code="task_gone")
        return found

    async def answers_of(self, run_id: str) -> list[tuple[str, dict[str, Json], int]]:
        await asyncio.sleep(0)
        return [(each, answer, MORNING_US) for each, answer in self.called.items()]

    async def system_metrics(self) -> dict[str, float]:
        return self.metrics

    def known_task(self, full_name: str) -> Task | None:
        return self.loaded.get(full_name)

    async def unique_run(self, task: str, key: str) -> str | None:
        for run in self.runs:
            if run.task == task and run.unique is not None and run.unique.column == key:
                return run.id
        return None

    def lane_timeout_us(self, name: str) -> int | None:
        return self.timeouts.get(name)

    async def event_body(self, event_id: str | None) -> bytes | None:
        return self.event_raw

    async def event(self, event_id: str | None) -> Json:
        return self.event_seen

    def function(self, name: str) -> Plugin | None:
        return self.functions.get(name)

    def tasks_of_source(self, slug: str) -> tuple[str, ...]:
        assert slug == "hub"
        return self.listeners

    def subscriptions_of(self, source: str) -> Sequence[Subscribed]:
        assert source == "hub"
        return ()

    def limit_bytes(self, slug: str) -> int | None:
        return 1_000

    def check_said(self, channel: str, data: Json) -> None:
        self.rules.check(channel, data)

    def channel_token(self, wanted: NewToken) -> tuple[str, int]:
        token, until_s = mint_token(TOKEN_SECRET, wanted, self.clock_us // 1_000_000)
        return token, until_s * 1_000_000

    async def delivery_states(self, ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
        return {each: self.states.get(each, self.end_as) for each in ids}

    def rendering(self, slug: str) -> None:
        return None

    def secret(self, name: str) -> str | None:
        return self.variables[name] if name in self.secrets else None

    async def request(self, wish: Wish) -> Received:
        if self.is_dead:
            raise CrashNow
        self.wishes.append(wish)
        answer = self.answer(wish)
        return answer if isinstance(answer, Received) else await answer

    def log(self, level: str, path: str, text: str) -> None:
        self.said.append((level, text))

    def answered(self, run_id: str, answer: Answer) -> None:
        self.answers.append(answer)

    def restart(self) -> None:
        """The process comes up again an hour later: only what was committed is left."""
        self.clock_us += HOUR_US
        self.crash_at = None
        self.is_dead = False
        self.fence += 1
        self._given.clear()

    def resume(self) -> None:
        """It is time for the parked run, which another process may take."""
        assert self.due_us is not None
        self.clock_us = max(self.clock_us, self.due_us)
        self.fence += 1
        self._given.clear()

    def put(self, record: Record) -> Record:
        """Have a record, whatever was there."""
        self.records[record.table, record.id] = record
        return record

    def load(self, full_name: str, *steps: Json, **fields: Json) -> Task:
        """Have a task that can be called; a version of it that was there before is kept."""
        before = self.loaded.get(full_name)
        if before is not None:
            self.past[full_name, before.version] = before
        self.loaded[full_name] = task = task_named(full_name, *steps, **fields)
        return task

    def have(self, table: str, **doc: Json) -> Record:
        """A record that was there before."""
        record = Record(table, self._last_id(table) + 1, doc, MORNING_US, MORNING_US)
        return self.put(record)

    def change(self, table: str, record_id: int, **doc: Json) -> None:
        """What another run does to a record."""
        old = self.records[table, record_id]
        self.put(replace(old, doc={**old.doc, **doc}, rev=old.rev + 1))

    def docs(self, table: str) -> list[Json]:
        """The documents of a table, by id."""
        return [record.doc for key, record in sorted(self.records.items()) if key[0] == table]

    @property
    def entries(self) -> list[Entry]:
        """The whole journal."""
        return [entry for row in self.rows for entry in decode(row)]

    @property
    def result(self) -> Json:
        """What the run answered; it must have succeeded."""
        assert self.ending is not None
        assert self.ending.status is RunStatus.SUCCEEDED, self.ending.failure
        return None if self.ending.result is None else loads(self.ending.result)

    @property
    def failure(self) -> Failure:
        """Why the run failed; it must have failed."""
        assert self.ending is not None
        assert self.ending.status is RunStatus.FAILED
        assert self.ending.failure is not None
        return self.ending.failure


def claimed(world: World, given: Json = None, **fields: Any) -> ClaimedRun:
    """The run, as a worker holds it."""
    run = ClaimedRun(
        id=RUN_ID,
        task="shop/main",
        version=None,
        lane="normal",
        attempt=1,
        crashes=0,
        fence=world.fence,
        input=dumps_text({} if given is None else given),
        event_id=None,
        chain_depth=0,
        started_at=MORNING_US,
        due_at=MORNING_US,
        journal=tuple(world.rows),
    )
    return replace(run, **fields)


class _Rows:
    """What an executor asks the ledger for: the journal."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def read(self, _: object, run_id: str) -> list[bytes]:
        assert run_id == RUN_ID
        return self._world.rows


class _Tasks:
    """What an executor asks the catalog for: a task; each answer is the next of ``versions``."""

    def __init__(self, *versions: Task) -> None:
        self._versions = list(versions)

    async def task(self, _: str, version: str | None = None) -> Task:
        known = [task for task in self._versions if task.version == version]
        if version is None and len(self._versions) > 1:
            return self._versions.pop(0)
        return known[0] if known else self._versions[0]


def task_of(*steps: Json) -> Task:
    """A task of these steps."""
    document = {"task": "main", "function_stack": steps}
    return load_stack("shop", dumps_text(document)).tasks["main"]


def task_named(full_name: str, *steps: Json, **fields: Json) -> Task:
    """A task of these steps, as another one calls it."""
    stack, _, name = full_name.partition("/")
    document = {"task": name, "function_stack": steps, **fields}
    return load_stack(stack, dumps_text(document)).tasks[name]


async def execute(world: World, *tasks: Task, given: Json = None, **fields: Any) -> World:
    """One life of the run: to its end, or to the crash."""
    ledger, catalog = cast(Ledger, _Rows(world)), cast(Catalog, _Tasks(*tasks))
    await Executor(ledger, catalog, world).execute(claimed(world, given, **fields))
    assert world.gaps == []
    return world


async def ran(*steps: Json, world: World | None = None, given: Json = None, **fields: Any) -> World:
    """The world after a run of these steps."""
    return await execute(world or World(), task_of(*steps), given=given, **fields)


async def lived(world: World, *tasks: Task, given: Json = None, **fields: Any) -> World:
    """The world after a run that may be parked and killed, and is resumed each time."""
    while world.ending is None:
        world.due_us = None
        try:
            await execute(world, *tasks, given=given, **fields)
        except CrashNow:
            world.restart()
        if world.ending is None and world.due_us is not None:
            world.resume()
    return world


async def survived(world: World, task: Task, given: Json = None) -> World:
    """The world after a run that may have crashed and was resumed then."""
    try:
        return await execute(world, task, given=given)
    except CrashNow:
        world.restart()
    if world.ending is None:
        await execute(world, task, given=given)
    return world


def obliging(*answers: Received, **fields: Any) -> World:
    """A world that answers in turn, the last one from then on; an empty 200 without any."""
    given = list(answers) or [received()]
    return World(answer=lambda wish: given.pop(0) if len(given) > 1 else given[0], **fields)


def headers_of(wish: Wish) -> dict[str, str]:
    """The header fields of a request."""
    return dict(wish.request.headers)
