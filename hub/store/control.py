"""What people do to runs: cancel them, have them go on from where they failed, make them again."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, literal, null, select, update

from hub.errors import NotFoundError
from hub.model.event import Recorded
from hub.model.run import Failure, RunStart
from hub.store import concurrency
from hub.store.ledger import Write
from hub.store.notices import tell_of_end
from hub.store.runs import insert_runs
from hub.store.schema import events, journal, runs
from hub.store.statement import inline, insert_of, now_us
from hub.store.tx import Tx

_CANCELLED = Failure("cancelled", "It was cancelled by hand. Retry it to have it go on.")
_CANCEL = (
    update(runs)
    .where(
        runs.c.id == bindparam("of_id"),
        runs.c.status.in_([inline(each) for each in ("queued", "waiting", "running")]),
    )
    .values(
        status=inline("cancelled"),
        failure=bindparam("with_failure"),
        fence=runs.c.fence + 1,
        worker=null(),
        lease_until=null(),
        finished_at=now_us(),
        unique_key=null(),
        awaits=null(),
    )
    .returning(runs.c.concurrency_key)
)


def _cancel(tx: Tx, ids: Sequence[str]) -> list[bool]:
    told = _CANCELLED.as_json()
    cancelled = [tx.rows(_CANCEL, {"of_id": each, "with_failure": told}) for each in ids]
    concurrency.RUNS.let_go(tx, [rows[0][0] for rows in cancelled if rows])
    tell_of_end(tx, [each for each, rows in zip(ids, cancelled, strict=True) if rows])
    return [bool(rows) for rows in cancelled]


CANCEL: Write[str, bool] = Write("cancel_run", 75, _cancel)
"""End a run where its last commit was; False if it has ended already.

Its worker can write nothing more, and lets go of it at its next heartbeat.
"""


@dataclass(frozen=True, slots=True)
class GoOn:
    """Have a run that has failed go on. ``entries`` are its next journal row, the ``n``-th."""

    run_id: str
    n: int
    entries: bytes


_REQUEUE = (
    update(runs)
    .where(
        runs.c.id == bindparam("of_id"),
        runs.c.status.in_([inline("failed"), inline("cancelled")]),
    )
    .values(
        status=inline("queued"),
        due_at=now_us(),
        failure=null(),
        finished_at=null(),
        crashes=literal(0),
        held=runs.c.concurrency_key.is_not(None),
    )
    .returning(runs.c.concurrency_key)
)
_ROWS = select(func.count(literal(1))).where(journal.c.run_id == bindparam("of_id"))
_JOURNAL = insert_of(journal, committed_at=now_us())


def _go_on(tx: Tx, wishes: Sequence[GoOn]) -> list[bool]:
    return [_requeue(tx, each) for each in wishes]


GO_ON: Write[GoOn, bool] = Write("retry_run", 76, _go_on)
"""False if it has not failed, or somebody else has had it go on meanwhile."""


def _requeue(tx: Tx, wish: GoOn) -> bool:
    queued = tx.rows(_REQUEUE, {"of_id": wish.run_id})
    if not queued:
        return False
    concurrency.RUNS.let_go(tx, queued[0])
    assert tx.rows(_ROWS, {"of_id": wish.run_id})[0][0] == wish.n  # noqa: S101 - it had ended
    if wish.entries:
        tx.run(_JOURNAL, {"run_id": wish.run_id, "n": wish.n, "entries": wish.entries})
    return True


@dataclass(frozen=True, slots=True)
class ReplayEvent:
    """Have an event's tasks run again."""

    event_id: str
    starts: tuple[RunStart, ...]


_MATCHED = (
    update(events)
    .where(events.c.id == bindparam("of_id"), events.c.fate == inline(Recorded.UNMATCHED.value))
    .values(fate=inline(Recorded.RECORDED.value))
)


_LOCK_EVENT = select(events.c.id).where(events.c.id == bindparam("of_id")).with_for_update()


def _replay_events(tx: Tx, replays: Sequence[ReplayEvent]) -> list[None]:
    for each in sorted(replays, key=lambda replay: replay.event_id):
        if not tx.rows(_LOCK_EVENT, {"of_id": each.event_id}):  # its time was over meanwhile
            raise NotFoundError(f"There is no event {each.event_id!r}.", code="event_unknown")
    insert_runs(tx, [start for each in replays for start in each.starts])
    for each in replays:
        tx.run(_MATCHED, {"of_id": each.event_id})
    return [None] * len(replays)


REPLAY_EVENT: Write[ReplayEvent, None] = Write("replay_event", 13, _replay_events)
"""Queue the runs; an event that nothing ran for is matched from now on.

Raises NotFoundError ``event_unknown``.
"""
