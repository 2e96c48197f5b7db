"""Users that an identity provider vouches for: made, and kept as it knows them, at each sign-in."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select, update

from hub.model.difference import Seen
from hub.store.ledger import Write
from hub.store.schema import identities, users
from hub.store.sessions import close_of_user
from hub.store.statement import insert_of, now_us, one_of
from hub.store.tx import Tx
from hub.store.users import seen_user


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody whom a provider has let in, by ``issuer`` and ``subject``.

    ``user_id`` is for whoever comes the first time. Without a ``role`` they may not sign in.
    """

    user_id: str
    issuer: str
    subject: str
    name: str
    role: str | None


_WHO = select(identities.c.user_id).where(
    identities.c.issuer == bindparam("of_issuer"), identities.c.subject == bindparam("of_subject")
)
_MEET = insert_of(identities, created_at=now_us()).on_conflict_do_nothing()
_PUT = insert_of(users, created_at=now_us(), updated_at=now_us())
_KEEP = (
    update(users)
    .where(users.c.id == bindparam("of_id"))
    .values(name=bindparam("with_name"), role=bindparam("with_role"), updated_at=now_us())
)
_NAMED = select(users.c.id).where(
    users.c.name == bindparam("of_name"), users.c.id != bindparam("of_id")
)
_ISSUERS = select(identities.c.user_id, identities.c.issuer).where(
    one_of(identities.c.user_id, "of_ids")
)


def user_of(tx: Tx, issuer: str, subject: str, /) -> str | None:
    """The id of the user that somebody of a provider's is."""
    rows = tx.rows(_WHO, {"of_issuer": issuer, "of_subject": subject})
    return rows[0][0] if rows else None


def issuers_of(tx: Tx, ids: Sequence[str], /) -> dict[str, str]:
    """Of these users those that a provider signs in, and its issuer."""
    return dict(tuple(row) for row in tx.rows(_ISSUERS, {"of_ids": list(ids)}))


def _arrive(tx: Tx, arrivals: Sequence[Arrival]) -> list[str | None]:
    return [_arrive_one(tx, each) for each in arrivals]


def _arrive_one(tx: Tx, arrival: Arrival) -> str | None:
    known = user_of(tx, arrival.issuer, arrival.subject)
    if arrival.role is None:
        if known is not None:
            close_of_user(tx, known)
        return None
    row = {"user_id": arrival.user_id, "issuer": arrival.issuer, "subject": arrival.subject}
    if known is None and not tx.run(_MEET, row):  # they came to another server at the same time
        known = user_of(tx, arrival.issuer, arrival.subject)
    user_id = known or arrival.user_id
    name = _free(tx, arrival.name, user_id)
    if known is None:
        made = {"id": user_id, "name": name, "role": arrival.role, "password": ""}
        tx.run(_PUT, made)
    else:
        tx.run(_KEEP, {"of_id": user_id, "with_name": name, "with_role": arrival.role})
    return user_id


def _free(tx: Tx, name: str, user_id: str) -> str:
    """The name, unless somebody else has it."""
    taken = tx.rows(_NAMED, {"of_name": name, "of_id": user_id})
    return f"{name} ({user_id})" if taken else name


def _seen(tx: Tx, arrival: Arrival) -> Seen:
    known = user_of(tx, arrival.issuer, arrival.subject)
    return seen_user(tx, known or arrival.user_id)


ARRIVE: Write[Arrival, str | None] = Write("arrive", 115, _arrive, seen=_seen)
"""Make or find the user that somebody of a provider's is; name and role become what it says.

Gives the user's id. Without a role it gives None, and ends the sessions that there are.
"""
