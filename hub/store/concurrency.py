"""Of the runs with one concurrency key the others are held, out of the way of every claim.

However many wait behind a key, a claim looks at the first of them alone. A run with a key is held
when it is queued; the first is let go there and then, the next one where that one ends. On
PostgreSQL an end and a start at the same moment may miss each other: the sweep makes up for it.
"""

from collections.abc import Iterable

from sqlalchemy import Select, and_, bindparam, exists, literal, not_, or_, select, tuple_, update

from hub.store.schema import runs
from hub.store.statement import inline
from hub.store.tx import Tx

_waiting = runs.alias("waiting")
_other = runs.alias("other")
_is_held = and_(_waiting.c.status == inline("queued"), _waiting.c.held)


def _first_of(key: object) -> Select[tuple[str, int]]:
    return (
        select(_waiting.c.id, _waiting.c.due_at)
        .where(_is_held, _waiting.c.concurrency_key == key)
        .order_by(_waiting.c.due_at, _waiting.c.id)
        .limit(1)
    )


_first = _first_of(bindparam("of_key")).subquery("first")
_in_front = exists(
    select(literal(1)).where(
        _other.c.concurrency_key == bindparam("of_key"),
        not_(_other.c.held),
        or_(
            _other.c.status.in_((inline("running"), inline("waiting"))),
            and_(
                _other.c.status == inline("queued"),
                tuple_(_other.c.due_at, _other.c.id) < tuple_(_first.c.due_at, _first.c.id),
            ),
        ),
    )
)
_LET_GO = (
    update(runs)
    .where(runs.c.id.in_(select(_first.c.id).where(not_(_in_front))), runs.c.held)
    .values(held=literal(False))
)
_NEXT_KEY = (
    select(_waiting.c.concurrency_key)
    .where(_is_held, _waiting.c.concurrency_key > bindparam("after"))
    .order_by(_waiting.c.concurrency_key)
    .limit(1)
)
_MOST_KEYS = 10_000


def let_go(tx: Tx, keys: Iterable[str | None]) -> int:
    """Inside a transaction, let the first run of each key go that has nobody in front of it."""
    return sum(tx.run(_LET_GO, {"of_key": key}) for key in sorted({k for k in keys if k}))


def let_go_all(tx: Tx) -> int:
    """The same for every key behind which a run is held: one look at the index for each."""
    gone, last = 0, ""
    for _ in range(_MOST_KEYS):
        rows = tx.rows(_NEXT_KEY, {"after": last})
        if not rows:
            break
        last = rows[0][0]
        gone += let_go(tx, [last])
    return gone
