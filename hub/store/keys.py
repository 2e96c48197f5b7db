"""API keys: only their hashes are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, func, literal, null, or_, select, update

from hub.errors import ConflictError
from hub.model.difference import Seen
from hub.model.json import dumps_text, loads
from hub.model.key import Scope
from hub.model.time import to_iso
from hub.store.ledger import Write
from hub.store.lookup import one
from hub.store.schema import keys
from hub.store.statement import insert_of, now_us
from hub.store.tx import Tx


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be kept. ``hash`` is the hex SHA-256 of its text, ``prefix`` its beginning."""

    id: str
    name: str
    prefix: str
    hash: str
    scopes: tuple[str, ...]
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class ChangedKey:
    """A key as it shall be; ``expires_at`` in microseconds since the epoch, None for never."""

    id: str
    name: str
    scopes: tuple[str, ...]
    expires_at: int | None


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key that counts now."""

    id: str
    name: str
    scopes: frozenset[str]


_PUT = insert_of(keys, created_at=now_us(), last_used_at=null()).on_conflict_do_nothing(
    index_elements=["hash"]
)
_of_id = keys.c.id == bindparam("of_id")
_DROP = delete(keys).where(_of_id)
_CHANGE = (
    update(keys)
    .where(_of_id)
    .values(
        name=bindparam("with_name"),
        scopes=bindparam("with_scopes"),
        expires_at=bindparam("with_expiry"),
    )
)
_USED = (
    update(keys)
    .where(_of_id, or_(keys.c.last_used_at.is_(None), keys.c.last_used_at < bindparam("at_us")))
    .values(last_used_at=bindparam("at_us"))
)
_counts = or_(keys.c.expires_at.is_(None), keys.c.expires_at > now_us())
_FIND = select(keys.c.id, keys.c.name, keys.c.scopes).where(
    keys.c.hash == bindparam("of_hash"), _counts
)
_COUNT = select(func.count(literal(1))).select_from(keys)
_LASTING = select(keys.c.id, keys.c.scopes, keys.c.expires_at).where(_counts).order_by(keys.c.id)
_COUNTING = _LASTING.with_for_update()


def _seen(tx: Tx, key_id: str) -> Seen:
    row = one(tx, keys, id=key_id)
    if row is None:
        return Seen("key", key_id, None)
    shown = shown_key(row)
    return Seen("key", key_id, {name: shown[name] for name in ("name", "scopes", "expires_at")})


def _put(tx: Tx, new: Sequence[NewKey]) -> list[bool]:
    return [
        tx.run(
            _PUT,
            {
                "id": each.id,
                "name": each.name,
                "prefix": each.prefix,
                "hash": each.hash,
                "scopes": dumps_text(sorted(each.scopes)),
                "expires_at": each.expires_at,
            },
        )
        > 0
        for each in new
    ]


PUT: Write[NewKey, bool] = Write("put_key", 84, _put, seen=lambda tx, new: _seen(tx, new.id))
"""Keep a key; False if the same one was there already."""


def _change(tx: Tx, wishes: Sequence[ChangedKey]) -> list[bool]:
    return [_change_one(tx, each) for each in wishes]


def _change_one(tx: Tx, wish: ChangedKey) -> bool:
    _keep_an_admin(tx, wish.id, wish)
    changed = {
        "of_id": wish.id,
        "with_name": wish.name,
        "with_scopes": dumps_text(sorted(wish.scopes)),
        "with_expiry": wish.expires_at,
    }
    return tx.run(_CHANGE, changed) > 0


CHANGE: Write[ChangedKey, bool] = Write(
    "change_key", 89, _change, seen=lambda tx, wish: _seen(tx, wish.id)
)
"""Change a key; True if it was there.

Raises ConflictError ``last_admin_key`` where nobody could manage keys for good any more.
"""


def _drop(tx: Tx, ids: Sequence[str]) -> list[bool]:
    gone = []
    for each in ids:
        _keep_an_admin(tx, each, None)
        gone.append(tx.run(_DROP, {"of_id": each}) > 0)
    return gone


DROP: Write[str, bool] = Write("drop_key", 85, _drop, seen=_seen)
"""Revoke a key by its id; True if it was there. Raises as :data:`CHANGE` does."""


def _keep_an_admin(tx: Tx, key_id: str, after: ChangedKey | None) -> None:
    """See that the last key that manages keys stays one, and without an end if it has none."""
    admins = {row[0]: row[2] is None for row in tx.rows(_COUNTING) if Scope.ADMIN in loads(row[1])}
    if key_id not in admins:
        return
    lasts = admins.pop(key_id)
    if after is not None and Scope.ADMIN in after.scopes:
        admins[key_id] = after.expires_at is None
    if not admins or (lasts and not any(admins.values())):
        raise ConflictError(
            "This is the last key with the scope 'admin' that has no end: without it nobody could "
            "make keys. Make another one first (POST /v1/keys, or `hub key new`).",
            code="last_admin_key",
        )


def _use(tx: Tx, batches: Sequence[Mapping[str, int]]) -> list[None]:
    for batch in batches:
        tx.many(_USED, [{"of_id": key_id, "at_us": at} for key_id, at in sorted(batch.items())])
    return [None] * len(batches)


USE: Write[Mapping[str, int], None] = Write("use_keys", 92, _use)
"""Say of keys, by their ids, when they were used last: microseconds since the epoch."""


def find_key(tx: Tx, key_hash: str) -> StoredKey | None:
    """The key with that hash, unless it has expired."""
    rows = tx.rows(_FIND, {"of_hash": key_hash})
    return StoredKey(rows[0][0], rows[0][1], frozenset(loads(rows[0][2]))) if rows else None


def an_admin_key(tx: Tx, /) -> str | None:
    """The id of the first key that may do everything and counts now."""
    return next((row[0] for row in tx.rows(_LASTING) if Scope.ADMIN in loads(row[1])), None)


def count_keys(tx: Tx, /) -> int:
    """How many keys there are."""
    return int(tx.rows(_COUNT)[0][0])


def shown_key(row: Mapping[str, Any]) -> dict[str, Any]:
    """A key's row as people see it: nothing of the key itself but its beginning."""
    times = ("created_at", "expires_at", "last_used_at")
    return {
        "id": row["id"],
        "name": row["name"],
        "prefix": row["prefix"],
        "scopes": loads(row["scopes"]),
        **{name: row[name] and to_iso(row[name]) for name in times},
    }
