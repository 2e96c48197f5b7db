"""API keys: only their hashes are kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, literal, or_, select

from hub.model.json import dumps_text, loads
from hub.store.ledger import Write
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
class StoredKey:
    """A key that counts now."""

    id: str
    name: str
    scopes: frozenset[str]


_PUT = insert_of(keys, created_at=now_us()).on_conflict_do_nothing(index_elements=["hash"])
_DROP = delete(keys).where(keys.c.id == bindparam("of_id"))
_FIND = select(keys.c.id, keys.c.name, keys.c.scopes).where(
    keys.c.hash == bindparam("of_hash"),
    or_(keys.c.expires_at.is_(None), keys.c.expires_at > now_us()),
)
_COUNT = select(func.count(literal(1))).select_from(keys)


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


PUT: Write[NewKey, bool] = Write("put_key", 84, _put)
"""Keep a key; False if the same one was there already."""


def _drop(tx: Tx, ids: Sequence[str]) -> list[bool]:
    return [tx.run(_DROP, {"of_id": each}) > 0 for each in ids]


DROP: Write[str, bool] = Write("drop_key", 85, _drop)
"""Revoke a key by its id; True if it was there."""


def find_key(tx: Tx, key_hash: str) -> StoredKey | None:
    """The key with that hash, unless it has expired."""
    rows = tx.rows(_FIND, {"of_hash": key_hash})
    return StoredKey(rows[0][0], rows[0][1], frozenset(loads(rows[0][2]))) if rows else None


def count_keys(tx: Tx, /) -> int:
    """How many keys there are."""
    return int(tx.rows(_COUNT)[0][0])
