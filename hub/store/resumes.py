"""Answers to runs that wait for a call of their resume URL."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, exists, select, update

from hub.store.ledger import Write
from hub.store.schema import resumes, runs
from hub.store.statement import inline, insert_of, now_us, one_of
from hub.store.tx import Tx

_ACTIVE = ("queued", "waiting", "running")


@dataclass(frozen=True, slots=True)
class Resume:
    """What came to a run's URL; ``payload`` is JSON text."""

    id: str
    run_id: str
    payload: str


_LOCK = (
    select(runs.c.status)
    .where(
        runs.c.id == bindparam("of_id"),
        runs.c.status.in_([inline(each) for each in _ACTIVE]),
    )
    .with_for_update()
)
_OF_RUN = (
    select(resumes.c.id, resumes.c.payload, resumes.c.received_at)
    .where(resumes.c.run_id == bindparam("of_run"))
    .order_by(resumes.c.id)
)
_INSERT = insert_of(resumes, received_at=now_us())
_has_answer = exists(select(resumes.c.id).where(resumes.c.run_id == runs.c.id))
_WAKE = (
    update(runs)
    .where(
        one_of(runs.c.id, "ids"),
        runs.c.status == inline("waiting"),
        runs.c.due_at > now_us(),
        _has_answer,
    )
    .values(due_at=now_us())
)
_CONSUME = delete(resumes).where(one_of(resumes.c.id, "ids"))


def _resume(tx: Tx, wishes: Sequence[Resume]) -> list[str]:
    return [_take(tx, each) for each in wishes]


RESUME: Write[Resume, str] = Write("resume_run", 77, _resume)
"""Keep what came, and wake the run: ``taken``; ``answered`` before, or the run has ``ended``."""


def _take(tx: Tx, wish: Resume) -> str:
    if not tx.rows(_LOCK, {"of_id": wish.run_id}):
        return "ended"
    if tx.rows(_OF_RUN, {"of_run": wish.run_id}):
        return "answered"
    tx.run(_INSERT, {"id": wish.id, "run_id": wish.run_id, "payload": wish.payload})
    wake(tx, [wish.run_id])
    return "taken"


def wake(tx: Tx, run_ids: Sequence[str]) -> None:
    """Have parked runs go on for which an answer is there, inside a transaction."""
    tx.run(_WAKE, {"ids": list(run_ids)})


def consume(tx: Tx, ids: Sequence[str]) -> None:
    """Remove answers that steps have taken, inside a transaction."""
    tx.run(_CONSUME, {"ids": list(ids)})


def answers_of(tx: Tx, run_id: str) -> list[tuple[str, str, int]]:
    """The answers that wait for a run: id, JSON text, when it came."""
    return [(row[0], row[1], int(row[2])) for row in tx.rows(_OF_RUN, {"of_run": run_id})]
