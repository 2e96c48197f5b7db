"""People who sign in: with a name and a password, of which only what argon2 makes is kept, or by
an identity provider (:mod:`hub.store.identities`), and then they have no password here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from hub.errors import ConflictError
from hub.model.difference import Seen
from hub.model.time import to_iso
from hub.store.ledger import Write
from hub.store.lookup import one
from hub.store.schema import identities, users
from hub.store.sessions import close_of_user
from hub.store.statement import insert_of, now_us
from hub.store.tx import Tx


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to be kept; ``password`` is what argon2 made of it."""

    id: str
    name: str
    role: str
    password: str


_PUT = insert_of(users, created_at=now_us(), updated_at=now_us()).on_conflict_do_nothing(
    index_elements=["name"]
)
_of_id = users.c.id == bindparam("of_id")
_CHANGE = (
    update(users)
    .where(_of_id)
    .values(
        name=bindparam("with_name"),
        role=bindparam("with_role"),
        password=bindparam("with_password"),
        updated_at=now_us(),
    )
)
_DROP = delete(users).where(_of_id)
_BY_NAME = select(users.c.id, users.c.password).where(
    users.c.name == bindparam("of_name"), users.c.password != ""
)
_FORGET = delete(identities).where(identities.c.user_id == bindparam("of_user"))
_NAMED = select(users.c.id).where(
    users.c.name == bindparam("of_name"), users.c.id != bindparam("of_id")
)
_SECRETS = (("password",),)


def seen_user(tx: Tx, user_id: str, /) -> Seen:
    """A user as the audit tells of it."""
    row = one(tx, users, id=user_id)
    if row is None:
        return Seen("user", user_id, None)
    fields = {each: row[each] for each in ("name", "role", "password")}
    return Seen("user", user_id, fields, _SECRETS)


def _put(tx: Tx, new: Sequence[NewUser]) -> list[None]:
    for each in new:
        row = {"id": each.id, "name": each.name, "role": each.role, "password": each.password}
        if not tx.run(_PUT, row):
            raise _taken(each.name)
    return [None] * len(new)


PUT: Write[NewUser, None] = Write("put_user", 109, _put, seen=lambda tx, new: seen_user(tx, new.id))
"""Keep a user. Raises ConflictError ``user_name_taken``."""


def _change(tx: Tx, changed: Sequence[NewUser]) -> list[bool]:
    return [_change_one(tx, each) for each in changed]


def _change_one(tx: Tx, user: NewUser) -> bool:
    if tx.rows(_NAMED, {"of_name": user.name, "of_id": user.id}):
        raise _taken(user.name)
    before = one(tx, users, id=user.id)
    if before is not None and before["password"] != user.password:
        close_of_user(tx, user.id)
    wish = {
        "of_id": user.id,
        "with_name": user.name,
        "with_role": user.role,
        "with_password": user.password,
    }
    return tx.run(_CHANGE, wish) > 0


CHANGE: Write[NewUser, bool] = Write(
    "change_user", 110, _change, seen=lambda tx, user: seen_user(tx, user.id)
)
"""Change a user; True if there is one. A new password ends its sessions.

Raises ConflictError ``user_name_taken``.
"""


def _drop(tx: Tx, ids: Sequence[str]) -> list[bool]:
    gone = []
    for each in ids:
        close_of_user(tx, each)
        tx.run(_FORGET, {"of_user": each})
        gone.append(tx.run(_DROP, {"of_id": each}) > 0)
    return gone


DROP: Write[str, bool] = Write("drop_user", 111, _drop, seen=seen_user)
"""Remove a user by its id, and its sessions; True if there was one."""


def _taken(name: str) -> ConflictError:
    return ConflictError(
        f"There is a user {name!r} already: choose another name.", code="user_name_taken"
    )


def password_of(tx: Tx, name: str, /) -> tuple[str, str] | None:
    """A user's id, and what argon2 made of the password, by the name; None if it has none."""
    rows = tx.rows(_BY_NAME, {"of_name": name})
    return (rows[0][0], rows[0][1]) if rows else None


def shown_user(row: Mapping[str, Any], issuer: str | None) -> dict[str, Any]:
    """A user's row as people see it; ``issuer`` is who signs them in, if not the hub."""
    return {
        "id": row["id"],
        "name": row["name"],
        "role": row["role"],
        "issuer": issuer,
        "created_at": to_iso(row["created_at"]),
        "updated_at": to_iso(row["updated_at"]),
    }
