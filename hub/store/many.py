"""Many deliveries in one commit: replayed at a pace, or cancelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, literal, select, update

from hub.model.delivery import ENDED
from hub.model.time import US_PER_S
from hub.store import concurrency
from hub.store.chosen import WAITING
from hub.store.deliveries import again
from hub.store.ledger import Write
from hub.store.schema import deliveries
from hub.store.statement import inline, now_us, one_of
from hub.store.tx import Tx


def _locked(*statuses: str) -> Select[Any]:
    """Those of some ids that stand so still, in the order in which everybody locks them."""
    return (
        select(deliveries.c.id, deliveries.c.ordering_key)
        .where(
            one_of(deliveries.c.id, "ids"),
            deliveries.c.status.in_([inline(each) for each in statuses]),
        )
        .order_by(deliveries.c.id)
        .with_for_update()
    )


@dataclass(frozen=True, slots=True)
class ReplayMany:
    """Send those again that have ended so, the first ``rate_per_s`` in the first second."""

    ids: tuple[str, ...]
    status: str
    begin_us: int
    """When the first of all was due, by the database's clock."""
    rate_per_s: float
    before: int = 0
    """So many came before these."""

    def due_at(self, n: int) -> int:
        """When the ``n``-th of these is due."""
        return self.begin_us + round((self.before + n) * US_PER_S / self.rate_per_s)


_ENDED = {each.value: _locked(each.value) for each in ENDED}
_AGAIN_AT = again(due_at=bindparam("at_us", type_=BigInteger()))


def _replay_all(tx: Tx, wishes: Sequence[ReplayMany]) -> list[int]:
    return [_replay(tx, each) for each in wishes]


def _replay(tx: Tx, wish: ReplayMany) -> int:
    rows = tx.rows(_ENDED[wish.status], {"ids": sorted(wish.ids)})
    due = [{"of_id": row[0], "at_us": wish.due_at(n)} for n, row in enumerate(rows)]
    tx.many(_AGAIN_AT, due)
    concurrency.DELIVERIES.let_go(tx, [row[1] for row in rows])
    return len(rows)


REPLAY_MANY: Write[ReplayMany, int] = Write("replay_deliveries", 45, _replay_all)
"""Gives how many there were: those that stand otherwise by now stay as they are."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """End those that wait, for a reason."""

    ids: tuple[str, ...]
    reason: str


_WAITING = _locked(*WAITING)
_CANCEL = (
    update(deliveries)
    .where(one_of(deliveries.c.id, "ids"))
    .values(
        status=inline("cancelled"),
        reason=bindparam("for_reason"),
        finished_at=now_us(),
        held=literal(False),
    )
)


def _cancel_all(tx: Tx, wishes: Sequence[Cancel]) -> list[int]:
    return [_cancel(tx, each) for each in wishes]


def _cancel(tx: Tx, wish: Cancel) -> int:
    rows = tx.rows(_WAITING, {"ids": sorted(wish.ids)})
    tx.run(_CANCEL, {"ids": [row[0] for row in rows], "for_reason": wish.reason})
    concurrency.DELIVERIES.let_go(tx, [row[1] for row in rows])
    return len(rows)


CANCEL: Write[Cancel, int] = Write("cancel_deliveries", 46, _cancel_all)
"""Gives how many there were: one that is under way, or has ended, stays as it is."""
