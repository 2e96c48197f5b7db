"""Leases of runs and deliveries: kept by a heartbeat, given back, or taken back when overdue."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Table, Update, bindparam, case, literal, null, update

from hub.model.run import Failure
from hub.store import concurrency
from hub.store.ledger import Write
from hub.store.notices import tell_of_end
from hub.store.schema import deliveries, runs
from hub.store.statement import inline, now_us, one_of
from hub.store.tx import Tx

MAX_CRASHES = 5
"""A run whose worker dies under it so often, and that comes no further, is given up as poisoned."""

_HELD_AS = {runs: "running", deliveries: "delivering"}


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Keep those of these rows that ``worker`` holds for another ``lease_us``."""

    worker: str
    lease_us: int
    runs: tuple[str, ...] = ()
    deliveries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """What a worker still holds: ids with their fencing numbers."""

    runs: dict[str, int]
    deliveries: dict[str, int]


@dataclass(frozen=True, slots=True)
class Returned:
    """How many rows went back to their queues, and how many runs were given up."""

    runs: int
    deliveries: int
    poisoned: int


def _keep(table: Table) -> Update:
    return (
        update(table)
        .where(
            one_of(table.c.id, "ids"),
            table.c.worker == bindparam("by_worker"),
            table.c.status == inline(_HELD_AS[table]),
        )
        .values(lease_until=now_us() + bindparam("lease_us"))
        .returning(table.c.id, table.c.fence)
    )


_KEEP_RUNS, _KEEP_DELIVERIES = _keep(runs), _keep(deliveries)


def _heartbeat(tx: Tx, beats: Sequence[Heartbeat]) -> list[Held]:
    held = []
    for beat in beats:
        params = {"by_worker": beat.worker, "lease_us": beat.lease_us}
        kept_runs = tx.rows(_KEEP_RUNS, {**params, "ids": sorted(beat.runs)})
        kept = tx.rows(_KEEP_DELIVERIES, {**params, "ids": sorted(beat.deliveries)})
        held.append(Held(dict(kept_runs), dict(kept)))
    return held


HEARTBEAT: Write[Heartbeat, Held] = Write("heartbeat", 70, _heartbeat)


_GIVE_UP = (
    update(runs)
    .where(
        runs.c.status == inline("running"),
        runs.c.lease_until < now_us(),
        runs.c.crashes >= MAX_CRASHES - 1,
    )
    .values(
        status=inline("failed"),
        failure=bindparam("with_failure"),
        crashes=runs.c.crashes + 1,
        worker=null(),
        lease_until=null(),
        finished_at=now_us(),
        unique_key=null(),
        awaits=null(),
    )
    .returning(runs.c.id)
)
_EXPIRED_RUNS = (
    update(runs)
    .where(runs.c.status == inline("running"), runs.c.lease_until < now_us())
    .values(status=inline("queued"), crashes=runs.c.crashes + 1, worker=null(), lease_until=null())
)
_back_to = case((deliveries.c.attempts > 0, inline("retrying")), else_=inline("pending"))
_EXPIRED_DELIVERIES = (
    update(deliveries)
    .where(deliveries.c.status == inline("delivering"), deliveries.c.lease_until < now_us())
    .values(status=_back_to, worker=null(), lease_until=null())
)
_POISONED = Failure(
    "poisoned",
    f"Its worker ended {MAX_CRASHES} times under this run, which came no further meanwhile. "
    "Look at the step it stands at, and retry it when that is mended.",
)


def _sweep(tx: Tx, asked: Sequence[None]) -> list[Returned]:
    poisoned = [row[0] for row in tx.rows(_GIVE_UP, {"with_failure": _POISONED.as_json()})]
    tell_of_end(tx, poisoned)
    concurrency.RUNS.let_go_all(tx)
    concurrency.DELIVERIES.let_go_all(tx)
    back = tx.run(_EXPIRED_RUNS)
    again = tx.run(_EXPIRED_DELIVERIES)
    return [Returned(back, again, len(poisoned))] * len(asked)


SWEEP: Write[None, Returned] = Write("sweep_leases", 71, _sweep)
"""Take back what overdue leases hold; a run that killed too many workers fails."""


_RUNS_OF = (
    update(runs)
    .where(runs.c.worker == bindparam("by_worker"), runs.c.status == inline("running"))
    .values(status=inline("queued"), worker=null(), lease_until=null())
)
_DELIVERIES_OF = (
    update(deliveries)
    .where(
        deliveries.c.worker == bindparam("by_worker"),
        deliveries.c.status == inline("delivering"),
    )
    .values(status=_back_to, worker=null(), lease_until=null())
)


def _give_back(tx: Tx, workers: Sequence[str]) -> list[Returned]:
    return [
        Returned(
            tx.run(_RUNS_OF, {"by_worker": each}), tx.run(_DELIVERIES_OF, {"by_worker": each}), 0
        )
        for each in workers
    ]


GIVE_BACK: Write[str, Returned] = Write("give_back", 72, _give_back)
"""A worker that stops gives back what it could not finish; that is no crash."""


@dataclass(frozen=True, slots=True)
class Return:
    """One run that its worker cannot go on with now."""

    run_id: str
    fence: int
    delay_us: int


_RETURN = (
    update(runs)
    .where(
        runs.c.id == bindparam("of_id"),
        runs.c.fence == bindparam("of_fence"),
        runs.c.status == inline("running"),
    )
    .values(
        status=inline("queued"),
        due_at=now_us() + bindparam("delay_us"),
        worker=null(),
        lease_until=null(),
    )
)


def _return(tx: Tx, returns: Sequence[Return]) -> list[None]:
    for each in returns:
        params = {"of_id": each.run_id, "of_fence": each.fence, "delay_us": each.delay_us}
        tx.run(_RETURN, params)
    return [None] * len(returns)


RETURN_RUN: Write[Return, None] = Write("return_run", 74, _return)
"""Queue a run again, to be tried after a while; nothing if it is no longer held."""


_OVERDUE = {
    table: update(table).where(table.c.status == inline(word)).values(lease_until=literal(0))
    for table, word in _HELD_AS.items()
}


def _expire_all(tx: Tx, asked: Sequence[None]) -> list[None]:
    for statement in _OVERDUE.values():
        tx.run(statement)
    return [None] * len(asked)


EXPIRE_ALL: Write[None, None] = Write("expire_leases", 73, _expire_all)
"""Every lease is overdue: for a hub that has just locked its data folder, so is alone."""
