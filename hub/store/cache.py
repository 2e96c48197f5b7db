"""Values that stacks keep for a while."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from hub.model.segment import Cached
from hub.store.schema import cache
from hub.store.statement import insert_of, now_us
from hub.store.tx import Tx

_put = insert_of(cache, expires_at=now_us() + bindparam("ttl_us"))
_PUT = _put.on_conflict_do_update(
    index_elements=["key"],
    set_={name: _put.excluded[name] for name in ("value", "expires_at")},
)
_GET = select(cache.c.value).where(
    cache.c.key == bindparam("of_key"), cache.c.expires_at > now_us()
)


def put_cached(tx: Tx, values: Sequence[Cached]) -> None:
    """Keep values inside a transaction; of equal keys the last one counts."""
    last = {each.key: each for each in values}
    tx.many(
        _PUT,
        [
            {"key": each.key, "value": each.value, "ttl_us": each.ttl_us}
            for each in sorted(last.values(), key=lambda each: each.key)
        ],
    )


def get_cached(tx: Tx, key: str) -> str | None:
    """The JSON text under a key, while it is kept."""
    rows = tx.rows(_GET, {"of_key": key})
    return str(rows[0][0]) if rows else None
