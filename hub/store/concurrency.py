"""Of the rows with one key the others are held, out of the way of every claim.

However many wait behind a key, a claim looks at the first of them alone. A row with a key is held
when it is queued; the first is let go there and then, the next one where that one ends. On
PostgreSQL an end and a start at the same moment may miss each other: the sweep makes up for it.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Table,
    and_,
    bindparam,
    exists,
    literal,
    not_,
    or_,
    select,
    tuple_,
    update,
)

from hub.store.schema import deliveries, runs
from hub.store.statement import inline
from hub.store.tx import Tx

_MOST_KEYS = 10_000
_InFront: TypeAlias = Callable[[FromClause, Sequence[ColumnElement[Any]]], ColumnElement[bool]]


class Line:
    """The rows of one table that wait behind keys.

    ``order`` says which of a key's held rows is the first, ``in_front`` which of those that are
    not held have the key before it, given their table and the columns of the first one's order.
    """

    def __init__(
        self,
        table: Table,
        key: str,
        *,
        order: Sequence[str],
        held: Sequence[str],
        in_front: _InFront,
    ) -> None:
        waiting, other = table.alias("waiting"), table.alias("other")
        is_held = and_(waiting.c.status.in_([inline(each) for each in held]), waiting.c.held)
        first = (
            select(*(waiting.c[name] for name in ("id", *order)))
            .where(is_held, waiting.c[key] == bindparam("of_key"))
            .order_by(*(waiting.c[name] for name in order))
            .limit(1)
            .subquery("first")
        )
        before = exists(
            select(literal(1)).where(
                other.c[key] == bindparam("of_key"),
                not_(other.c.held),
                in_front(other, [first.c[name] for name in order]),
            )
        )
        self._let_go = (
            update(table)
            .where(table.c.id.in_(select(first.c.id).where(not_(before))), table.c.held)
            .values(held=literal(False))
        )
        self._next_key = (
            select(waiting.c[key])
            .where(is_held, waiting.c[key] > bindparam("after"))
            .order_by(waiting.c[key])
            .limit(1)
        )

    def let_go(self, tx: Tx, keys: Iterable[str | None]) -> int:
        """Inside a transaction, let the first row of each key go that has none in front of it."""
        return sum(tx.run(self._let_go, {"of_key": key}) for key in sorted({k for k in keys if k}))

    def let_go_all(self, tx: Tx) -> int:
        """The same for every key behind which a row is held: one look at the index for each."""
        gone, last = 0, ""
        for _ in range(_MOST_KEYS):
            rows = tx.rows(self._next_key, {"after": last})
            if not rows:
                break
            last = rows[0][0]
            gone += self.let_go(tx, [last])
        return gone


def _runs_in_front(other: FromClause, first: Sequence[ColumnElement[Any]]) -> ColumnElement[bool]:
    return or_(
        other.c.status.in_((inline("running"), inline("waiting"))),
        and_(
            other.c.status == inline("queued"),
            tuple_(other.c.due_at, other.c.id) < tuple_(*first),
        ),
    )


def _deliveries_in_front(other: FromClause, _: Sequence[ColumnElement[Any]]) -> ColumnElement[bool]:
    return other.c.status.in_([inline(each) for each in ("pending", "retrying", "delivering")])


RUNS = Line(
    runs,
    "concurrency_key",
    order=("due_at", "id"),
    held=("queued",),
    in_front=_runs_in_front,
)
DELIVERIES = Line(
    deliveries,
    "ordering_key",
    order=("id",),
    held=("pending", "retrying"),
    in_front=_deliveries_in_front,
)
