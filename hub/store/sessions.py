"""Who is signed in: sessions of browsers, and links that open one. Only hashes are kept.

A session is its key's or its user's: it may what they may now, and ends when they do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, delete, false, or_, select

from hub.model.json import loads
from hub.model.user import SCOPES, Role
from hub.store.keys import StoredKey
from hub.store.ledger import Write
from hub.store.schema import keys, sessions, users
from hub.store.statement import insert_of, now_us
from hub.store.tx import Tx


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session, or with ``is_link`` a link that opens one, for a key or a user by their ids.

    ``hash`` is the hex SHA-256 of its text; it ends ``life_us`` microseconds from now.
    """

    hash: str
    life_us: int
    key_id: str | None = None
    user_id: str | None = None
    is_link: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A link is used up: by its ``hash``, for a session with the hash ``session``."""

    hash: str
    session: str
    life_us: int


_OPEN = insert_of(sessions, created_at=now_us(), ends_at=now_us() + bindparam("life_us"))
_of_hash = sessions.c.hash == bindparam("of_hash")
_CLOSE = delete(sessions).where(_of_hash)
_LINK = select(sessions.c.key_id, sessions.c.user_id).where(
    _of_hash, sessions.c.is_link, sessions.c.ends_at > now_us()
)
_CLOSE_USER = delete(sessions).where(sessions.c.user_id == bindparam("of_user"))
_FIND = (
    select(
        keys.c.id.label("key_id"),
        keys.c.name.label("key_name"),
        keys.c.scopes,
        users.c.id.label("user_id"),
        users.c.name.label("user_name"),
        users.c.role,
    )
    .select_from(
        sessions.outerjoin(
            keys,
            and_(
                keys.c.id == sessions.c.key_id,
                or_(keys.c.expires_at.is_(None), keys.c.expires_at > now_us()),
            ),
        ).outerjoin(users, users.c.id == sessions.c.user_id)
    )
    .where(_of_hash, sessions.c.is_link == false(), sessions.c.ends_at > now_us())
)


def _open(tx: Tx, new: Sequence[NewSession]) -> list[None]:
    for each in new:
        tx.run(
            _OPEN,
            {
                "hash": each.hash,
                "life_us": each.life_us,
                "key_id": each.key_id,
                "user_id": each.user_id,
                "is_link": each.is_link,
            },
        )
    return [None] * len(new)


OPEN: Write[NewSession, None] = Write("open_session", 112, _open)
"""Keep a session or a link."""


def _enter(tx: Tx, entries: Sequence[Entry]) -> list[bool]:
    return [_enter_one(tx, each) for each in entries]


def _enter_one(tx: Tx, entry: Entry) -> bool:
    found = tx.rows(_LINK, {"of_hash": entry.hash})
    if not found or not tx.run(_CLOSE, {"of_hash": entry.hash}):
        return False
    key_id, user_id = found[0]
    _open(tx, [NewSession(entry.session, entry.life_us, key_id, user_id)])
    return True


ENTER: Write[Entry, bool] = Write("enter_session", 113, _enter)
"""Use a link up for a session; False if it is not known, has ended or was used."""


def _close(tx: Tx, hashes: Sequence[str]) -> list[None]:
    for each in hashes:
        tx.run(_CLOSE, {"of_hash": each})
    return [None] * len(hashes)


CLOSE: Write[str, None] = Write("close_session", 114, _close)
"""End a session by its hash."""


def close_of_user(tx: Tx, user_id: str) -> None:
    """End all sessions of a user, inside a transaction."""
    tx.run(_CLOSE_USER, {"of_user": user_id})


def find_session(tx: Tx, session_hash: str, /) -> StoredKey | None:
    """Whose session that is and what they may, unless it or its key has ended."""
    rows = tx.rows(_FIND, {"of_hash": session_hash})
    if not rows:
        return None
    key_id, key_name, scopes, user_id, user_name, role = rows[0]
    if key_id is not None:
        return StoredKey(key_id, key_name, frozenset(loads(scopes)))
    if user_id is not None:
        return StoredKey(user_id, user_name, SCOPES[Role(role)])
    return None
