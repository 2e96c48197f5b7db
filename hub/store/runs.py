"""Runs: queue, claim by lease, give back, look up."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from hub.errors import StoreError
from hub.model.run import DEFAULT_LANE, ClaimedRun, RunStart, RunStatus
from hub.store import concurrency
from hub.store.ledger import Write
from hub.store.lookup import one, page
from hub.store.schema import events, journal, lanes, runs
from hub.store.statement import inline, insert_of, now_us, one_of
from hub.store.tx import Tx

_MOST_DEBOUNCES = 10
INSERT = insert_of(
    runs,
    version=null(),
    status=literal(RunStatus.QUEUED.value),
    due_at=now_us() + bindparam("delay_us"),
    attempt=literal(0),
    crashes=literal(0),
    answer=null(),
    result=null(),
    failure=null(),
    worker=null(),
    fence=literal(0),
    lease_until=null(),
    created_at=now_us(),
    started_at=null(),
    finished_at=null(),
    progress=null(),
    awaits=null(),
)


def run_row(start: RunStart) -> dict[str, Any]:
    """A run's row for :data:`INSERT`."""
    return {
        "id": start.id,
        "task": start.task,
        "input": start.input,
        "context": start.context,
        "event_id": start.event_id,
        "parent": start.parent,
        "chain_depth": start.chain_depth,
        "lane": start.lane or DEFAULT_LANE,
        "idempotency_key": start.idempotency_key,
        "delay_us": start.delay_us,
        "concurrency_key": start.concurrency_key,
        "retry_of": start.retry_of,
        "unique_key": start.unique and start.unique.column,
        "completion_webhook": start.completion_webhook,
        "held": start.concurrency_key is not None,
    }


_INSERT_ONCE = INSERT.on_conflict_do_nothing(
    index_elements=["task", "idempotency_key"], index_where=runs.c.idempotency_key.is_not(None)
)


_INSERT_UNIQUE = INSERT.on_conflict_do_nothing(
    index_elements=["task", "unique_key"], index_where=runs.c.unique_key.is_not(None)
)
_BY_UNIQUE_KEY = select(runs.c.id).where(
    runs.c.task == bindparam("of_task"), runs.c.unique_key == bindparam("of_key")
)
_latest = runs.c.created_at + _MOST_DEBOUNCES * bindparam("debounce_us", type_=BigInteger())
_wanted = now_us() + bindparam("debounce_us", type_=BigInteger())
_DEBOUNCE = (
    update(runs)
    .where(
        runs.c.task == bindparam("of_task"),
        runs.c.unique_key == bindparam("of_key"),
        runs.c.status == inline("queued"),
    )
    .values(
        input=bindparam("with_input", type_=Text()),
        context=bindparam("with_context", type_=Text()),
        due_at=case((_wanted < _latest, _wanted), else_=_latest),
    )
)


def insert_runs(tx: Tx, starts: Sequence[RunStart]) -> None:
    """Queue runs inside a transaction; of those with the same task and key the first counts.

    Raises:
        StoreError: ``store_retry``: a unique one is there, though nobody saw it before.
    """
    keyed = [start for start in starts if start.idempotency_key is not None]
    keyed.sort(key=lambda start: (start.task, start.idempotency_key))
    plain = [each for each in starts if each.idempotency_key is None and each.unique is None]
    tx.many(INSERT, [run_row(start) for start in plain])
    tx.many(_INSERT_ONCE, [run_row(start) for start in keyed])
    unique = [(each.task, each.unique.column, each) for each in starts if each.unique is not None]
    for _, _, start in sorted(unique, key=lambda each: each[:2]):
        found = insert_unique(tx, start)
        if found != start.id and start.unique is not None and not start.unique.debounce_us:
            raise StoreError("Another process was quicker with a unique run.", code="store_retry")
    concurrency.RUNS.let_go(tx, [start.concurrency_key for start in starts])


def queue_in_bulk(tx: Tx, starts: Sequence[RunStart]) -> None:
    """Queue many runs at once; what has a key waits for the sweep."""
    tx.many(INSERT, [run_row(start) for start in starts])


def insert_unique(tx: Tx, start: RunStart) -> str:
    """Queue a run that is unique; gives its id, or that of the one which is there."""
    assert start.unique is not None  # noqa: S101 - asked for such alone
    key = {"of_task": start.task, "of_key": start.unique.column}
    while not tx.run(_INSERT_UNIQUE, run_row(start)):
        if start.unique.debounce_us:
            new = {"with_input": start.input, "with_context": start.context}
            tx.run(_DEBOUNCE, {**key, **new, "debounce_us": start.unique.debounce_us})
        rows = tx.rows(_BY_UNIQUE_KEY, key)
        if rows:
            return str(rows[0][0])
    return start.id


def unique_run(tx: Tx, task: str, key: str) -> str | None:
    """The id of the run that has a task's unique key now."""
    rows = tx.rows(_BY_UNIQUE_KEY, {"of_task": task, "of_key": key})
    return rows[0][0] if rows else None


_BY_KEY = select(runs.c.id).where(
    runs.c.task == bindparam("of_task"), runs.c.idempotency_key == bindparam("of_key")
)


def _start(tx: Tx, starts: Sequence[RunStart]) -> list[str]:
    ids: list[str] = []
    taken: dict[tuple[str, str], str] = {}
    fresh: list[RunStart] = []
    for start in starts:
        first = _already(tx, start, taken)
        ids.append(first or start.id)
        if first is None:
            fresh.append(start)
    insert_runs(tx, fresh)
    return ids


START: Write[RunStart, str] = Write("start_run", 20, _start)
"""Queue a run; gives its id, or that of the first with the same task and idempotency key."""


def _already(tx: Tx, start: RunStart, taken: dict[tuple[str, str], str]) -> str | None:
    if start.unique is not None:
        run_id = insert_unique(tx, start)
        concurrency.RUNS.let_go(tx, [start.concurrency_key])
        return run_id
    if start.idempotency_key is None:
        return None
    key = (start.task, start.idempotency_key)
    if key not in taken:
        rows = tx.rows(_BY_KEY, {"of_task": key[0], "of_key": key[1]})
        if not rows:
            taken[key] = start.id
            return None
        taken[key] = rows[0][0]
    return taken[key]


@dataclass(frozen=True, slots=True)
class Begin:
    """Queue a run and claim it at once for ``worker``, until ``lease_us`` from now."""

    start: RunStart
    worker: str
    lease_us: int


@dataclass(frozen=True, slots=True)
class Begun:
    """The run that is there now; ``run`` if it is this one, and the worker's."""

    run_id: str
    run: ClaimedRun | None


def _begin(tx: Tx, begins: Sequence[Begin]) -> list[Begun]:
    ids = _start(tx, [each.start for each in begins])
    return [_taken(tx, each, run_id) for each, run_id in zip(begins, ids, strict=True)]


def _taken(tx: Tx, begin: Begin, run_id: str) -> Begun:
    if run_id != begin.start.id:
        return Begun(run_id, None)
    if begin.start.concurrency_key is not None:  # it may have to wait for another one
        return Begun(run_id, None)
    params = {"of_id": run_id, "by_worker": begin.worker, "lease_us": begin.lease_us}
    return Begun(run_id, ClaimedRun(*tx.rows(_TAKE, params)[0]))


BEGIN: Write[Begin, Begun] = Write("begin_run", 21, _begin)
"""Start a run that its own process carries out; the first counts where keys are the same."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Take up to ``most`` due rows of a lane for ``worker`` until ``lease_us`` from now.

    With a ``limit`` no more of the lane's runs are running than that, over the whole hub.
    """

    worker: str
    lane: str
    most: int
    lease_us: int
    limit: int | None = None


_is_queued = runs.c.status.in_((inline("queued"), inline("waiting")))
_other = runs.alias("other")
_is_head = or_(
    runs.c.concurrency_key.is_(None),
    not_(
        exists(
            select(literal(1)).where(
                _other.c.concurrency_key == runs.c.concurrency_key,
                _other.c.id != runs.c.id,
                or_(
                    _other.c.status.in_((inline("running"), inline("waiting"))),
                    and_(
                        _other.c.status == inline("queued"),
                        tuple_(_other.c.due_at, _other.c.id) < tuple_(runs.c.due_at, runs.c.id),
                    ),
                ),
            )
        )
    ),
)
"""Of the runs with one key the oldest goes first, and keeps the key while it is parked."""
_is_due = and_(
    _is_queued,
    not_(runs.c.held),
    runs.c.lane == bindparam("in_lane"),
    runs.c.due_at <= now_us(),
    _is_head,
)
_RUNNING = (
    select(func.count(literal(1)))
    .select_from(_other)
    .where(_other.c.status == inline("running"), _other.c.lane == bindparam("in_lane"))
    .scalar_subquery()
)
_LOCK_LANE = select(lanes.c.name).where(lanes.c.name == bindparam("in_lane")).with_for_update()
_HELD = {
    "status": inline("running"),
    "worker": bindparam("by_worker"),
    "fence": runs.c.fence + 1,
    "attempt": runs.c.attempt + 1,
    "lease_until": now_us() + bindparam("lease_us"),
    "started_at": func.coalesce(runs.c.started_at, now_us()),
    "unique_key": case((runs.c.unique_key.startswith("s:"), null()), else_=runs.c.unique_key),
}
_CLAIMED = (
    runs.c.id,
    runs.c.task,
    runs.c.version,
    runs.c.lane,
    runs.c.attempt,
    runs.c.crashes,
    runs.c.fence,
    runs.c.input,
    runs.c.event_id,
    runs.c.chain_depth,
    runs.c.started_at,
    runs.c.due_at,
    runs.c.context,
    runs.c.completion_webhook,
    runs.c.concurrency_key,
    runs.c.parent,
)


@lru_cache(64)
def _claim_of(without: tuple[str, ...]) -> ReturningUpdate[Any]:
    """Take due runs, but of no stack that is named: such are paused."""
    due = (
        select(runs.c.id)
        .where(_is_due, *_of_none(without))
        .order_by(runs.c.due_at, runs.c.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
        .cte("due")  # so that it is computed once, whatever the plan
    )
    return update(runs).where(runs.c.id.in_(select(due.c.id))).values(**_HELD).returning(*_CLAIMED)


def _of_none(stacks: tuple[str, ...]) -> list[ColumnElement[bool]]:
    return [not_(runs.c.task.startswith(f"{each}/", autoescape=True)) for each in stacks]


_TAKE = update(runs).where(runs.c.id == bindparam("of_id")).values(**_HELD).returning(*_CLAIMED)
_JOURNALS = (
    select(journal.c.run_id, journal.c.entries)
    .where(one_of(journal.c.run_id, "run_ids"))
    .order_by(journal.c.run_id, journal.c.n)
)


def _claim(tx: Tx, claims: Sequence[Claim]) -> list[list[ClaimedRun]]:
    return [_claim_one(tx, claim) for claim in claims]


CLAIM: Write[Claim, list[ClaimedRun]] = Write("claim_runs", 30, _claim)
"""Take due runs of a lane, oldest first, with the journals of those that ran before."""


def _claim_one(tx: Tx, claim: Claim, without: tuple[str, ...] = ()) -> list[ClaimedRun]:
    most = claim.most
    if claim.limit is not None:
        tx.rows(_LOCK_LANE, {"in_lane": claim.lane})  # who claims meanwhile counts these too
        running = tx.rows(select(_RUNNING), {"in_lane": claim.lane})[0][0]
        most = min(most, claim.limit - running)
    if most <= 0:
        return []
    rows = tx.rows(
        _claim_of(without),
        {
            "in_lane": claim.lane,
            "most": most,
            "by_worker": claim.worker,
            "lease_us": claim.lease_us,
        },
    )
    journals: dict[str, list[bytes]] = {}
    resumed = [row[0] for row in rows if row[4] > 1]
    if resumed:
        for run_id, entries in tx.rows(_JOURNALS, {"run_ids": resumed}):
            journals.setdefault(run_id, []).append(bytes(entries))
    bodies = _bodies(tx, [row[8] for row in rows if row[7] is None])
    claimed = [_whole(ClaimedRun(*row), journals, bodies) for row in rows]
    claimed.sort(key=lambda run: (run.due_at, run.id))
    return claimed


def _whole(
    run: ClaimedRun, journals: dict[str, list[bytes]], bodies: dict[str, bytes]
) -> ClaimedRun:
    """A claimed run with what stands in other tables."""
    more: dict[str, Any] = {}
    if run.id in journals:
        more["journal"] = tuple(journals[run.id])
    if run.input is None and run.event_id in bodies:
        more["input"] = bodies[run.event_id]
    return replace(run, **more) if more else run


_NEXT = select(func.min(runs.c.due_at)).where(_is_queued, not_(runs.c.held))


def next_due_run(tx: Tx, /) -> int | None:
    """When the next queued or parked run is due, in microseconds since the epoch."""
    due: int | None = tx.rows(_NEXT)[0][0]
    return due


_BODIES = select(events.c.id, events.c.body).where(one_of(events.c.id, "ids"))


def _bodies(tx: Tx, event_ids: Sequence[str]) -> dict[str, bytes]:
    """The bodies of events: what their runs work on where nothing else was kept for them."""
    if not event_ids:
        return {}
    return {row[0]: bytes(row[1]) for row in tx.rows(_BODIES, {"ids": sorted(set(event_ids))})}


_HAS_DUE = select(runs.c.id).where(_is_due).limit(1)


@lru_cache(64)
def _has_due_within(without: tuple[str, ...]) -> Select[Any]:
    within = bindparam("limit") > _RUNNING
    return select(runs.c.id).where(_is_due, within, *_of_none(without)).limit(1)


def has_due_runs(
    tx: Tx, lane: str, limit: int | None = None, without: tuple[str, ...] = ()
) -> bool:
    """Whether a claim of that lane would find something."""
    if limit is None:
        return bool(tx.rows(_HAS_DUE, {"in_lane": lane}))
    return bool(tx.rows(_has_due_within(without), {"in_lane": lane, "limit": limit}))


@dataclass(frozen=True, slots=True)
class ClaimAny:
    """Take up to ``most`` due rows, lane after lane; ``lanes`` are names and limits, in order."""

    worker: str
    most: int
    lease_us: int
    lanes: tuple[tuple[str, int], ...]
    without: tuple[str, ...] = ()
    """Stacks whose runs are left alone."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What was taken; ``is_blocked``: more is due, which has to wait for others to end."""

    runs: list[ClaimedRun]
    is_blocked: bool


def _claim_any(tx: Tx, claims: Sequence[ClaimAny]) -> list[Claimed]:
    return [_claim_in_order(tx, each) for each in claims]


CLAIM_ANY: Write[ClaimAny, Claimed] = Write("claim_runs_of_lanes", 32, _claim_any)
"""Take due runs of several lanes, the first lane first."""


def _claim_in_order(tx: Tx, claim: ClaimAny) -> Claimed:
    claimed: list[ClaimedRun] = []
    is_blocked = False
    for lane, limit in claim.lanes:
        left = claim.most - len(claimed)
        if left > 0 and tx.rows(_IS_LEFT, {"in_lane": lane}):
            wanted = Claim(claim.worker, lane, left, claim.lease_us, limit)
            found = _claim_one(tx, wanted, claim.without)
            claimed += found
            is_blocked |= len(found) < left and bool(tx.rows(_IS_LEFT, {"in_lane": lane}))
    return Claimed(claimed, is_blocked)


_IS_LEFT = (
    select(runs.c.id)
    .where(
        _is_queued,
        not_(runs.c.held),
        runs.c.lane == bindparam("in_lane"),
        runs.c.due_at <= now_us(),
    )
    .limit(1)
)


_ACTIVE = select(runs.c.id).where(
    one_of(runs.c.id, "ids"),
    runs.c.status.in_([inline(each) for each in ("queued", "waiting", "running")]),
)


def active_runs(tx: Tx, ids: Sequence[str]) -> set[str]:
    """Those of these runs that have not ended."""
    return {row[0] for row in tx.rows(_ACTIVE, {"ids": list(ids)})}


_RUNNING_IN_ALL = (
    select(func.count(literal(1))).select_from(runs).where(runs.c.status == inline("running"))
)


def count_running(tx: Tx, /) -> int:
    """How many runs are under way in the whole hub."""
    return int(tx.rows(_RUNNING_IN_ALL)[0][0])


def has_due_within(tx: Tx, lanes: Sequence[tuple[str, int]], without: tuple[str, ...] = ()) -> bool:
    """Whether :data:`CLAIM_ANY` would find something."""
    return any(has_due_runs(tx, lane, limit, without) for lane, limit in lanes)


_STATES = select(
    *(
        runs.c[name]
        for name in (
            "id", "task", "status", "attempt", "fence", "due_at", "progress", "failure",
            "finished_at",
        )
    )
).where(one_of(runs.c.id, "ids"))  # fmt: skip


def run_states(tx: Tx, ids: Sequence[str]) -> list[dict[str, Any]]:
    """How runs stand, without their input and result."""
    names = [column.name for column in _STATES.selected_columns]
    return [dict(zip(names, row, strict=True)) for row in tx.rows(_STATES, {"ids": list(ids)})]


def find_run(tx: Tx, run_id: str) -> dict[str, Any] | None:
    """A run's row, with its input."""
    row = one(tx, runs, id=run_id)
    return row and _with_inputs(tx, [row])[0]


def page_of_runs(tx: Tx, /, *, before: str, most: int, **equal: Any) -> list[dict[str, Any]]:
    """As :func:`hub.store.lookup.page`, with their inputs."""
    return _with_inputs(tx, page(tx, runs, before=before, most=most, **equal))


def brief_page_of_runs(tx: Tx, /, *, before: str, most: int, **equal: Any) -> list[dict[str, Any]]:
    """The same without their inputs and results, which may be large."""
    without = ("input", "result", "context", "answer")
    rows = page(tx, runs, before=before, most=most, without=without, **equal)
    return [{**row, "input": None, "result": None} for row in rows]


def _with_inputs(tx: Tx, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    bare = [row for row in rows if row["input"] is None]
    bodies = _bodies(tx, [row["event_id"] for row in bare])
    for row in bare:
        row["input"] = bodies.get(row["event_id"])
    return rows


def journal_of(tx: Tx, run_id: str) -> list[bytes]:
    """The entries of a run's segments, in order."""
    return [bytes(row[1]) for row in tx.rows(_JOURNALS, {"run_ids": [run_id]})]
