"""Requests that happen once: what each ``Idempotency-Key`` stands for, and what was answered.

Whoever inserts the row of a key may act. What it writes marks the row in the same transaction
(:mod:`hub.store.errand`): a request that is done is never done again, even where the process
that did it ended before its answer was kept, and one that has lost its row can do nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import bindparam, delete, false, literal, not_, null, select, update

from hub.model.time import US_PER_S
from hub.store.errand import HELD, Claim
from hub.store.ledger import Write
from hub.store.schema import idempotency
from hub.store.statement import insert_of, now_us
from hub.store.tx import Tx

LEASE_US = 60 * US_PER_S
"""So long nobody else acts for a request of which nothing is known."""
KEEP_US = 24 * 3600 * US_PER_S
"""So long the first answer is given again."""


@dataclass(frozen=True, slots=True)
class Wish:
    """To act under a claim; ``request`` is the hash of what is asked for."""

    claim: Claim
    request: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with a key.

    ``mine``: act. ``answered``: ``answer`` is what was kept. ``other``: the key stands for
    another request. ``busy``: it is under way, for ``retry_after_s`` at most. ``lost``: it was
    begun, and nobody knows its answer.
    """

    is_: Literal["mine", "answered", "other", "busy", "lost"]
    answer: str | None = None
    retry_after_s: int = 1


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered under a claim, sealed."""

    claim: Claim
    answer: str


_CLAIM = insert_of(
    idempotency,
    lease_until=now_us() + LEASE_US,
    begun=false(),
    answer=null(),
    expires_at=now_us() + KEEP_US,
).on_conflict_do_nothing(index_elements=["key_id", "key"])
_of_key = (idempotency.c.key_id == bindparam("key_id"), idempotency.c.key == bindparam("key"))
_FIND = select(
    idempotency.c.request,
    idempotency.c.begun,
    idempotency.c.answer,
    idempotency.c.lease_until - now_us(),
).where(*_of_key)
_TAKE_OVER = (
    update(idempotency)
    .where(
        idempotency.c.key_id == bindparam("of_key_id"),
        idempotency.c.key == bindparam("of_key"),
        idempotency.c.lease_until <= now_us(),
        idempotency.c.answer.is_(None),
        not_(idempotency.c.begun),
    )
    .values(token=bindparam("of_token"), lease_until=now_us() + LEASE_US)
)
_FORGET_OLD = delete(idempotency).where(*_of_key, idempotency.c.expires_at <= now_us())
_ANSWER = update(idempotency).where(*HELD).values(answer=bindparam("with_answer"))
_RELEASE = delete(idempotency).where(*HELD, not_(idempotency.c.begun))
_GIVE_UP = update(idempotency).where(*HELD).values(lease_until=literal(0))


def _claim_all(tx: Tx, wishes: Sequence[Wish]) -> list[Standing]:
    return [_claim(tx, each) for each in wishes]


def _claim(tx: Tx, wish: Wish) -> Standing:
    claim = wish.claim
    row = {"key_id": claim.key_id, "key": claim.key, "token": claim.token}
    tx.run(_FORGET_OLD, row)
    if tx.run(_CLAIM, {**row, "request": wish.request}):
        return Standing("mine")
    rows = tx.rows(_FIND, row)
    if not rows:
        return Standing("busy")  # it has been given up this very moment
    request, begun, answer, left_us = rows[0]
    if request != wish.request:
        return Standing("other")
    if answer is not None:
        return Standing("answered", answer)
    if left_us > 0:
        return Standing("busy", retry_after_s=max(1, -(-left_us // US_PER_S)) if begun else 1)
    if begun:
        return Standing("lost")
    return Standing("mine") if tx.run(_TAKE_OVER, claim.params()) else Standing("busy")


CLAIM: Write[Wish, Standing] = Write("claim_idempotency_key", 98, _claim_all)
"""Ask for leave to act; says how it stands with the key."""


def _answer_all(tx: Tx, answers: Sequence[Answered]) -> list[bool]:
    return [
        tx.run(_ANSWER, {**each.claim.params(), "with_answer": each.answer}) > 0 for each in answers
    ]


ANSWER: Write[Answered, bool] = Write("keep_answer", 99, _answer_all)
"""Keep what was answered; False where another request has taken the key over."""


def _release_all(tx: Tx, claims: Sequence[Claim]) -> list[bool]:
    released = []
    for each in claims:
        released.append(tx.run(_RELEASE, each.params()) > 0)
        tx.run(_GIVE_UP, each.params())  # what was begun has no answer, and will not get one
    return released


RELEASE: Write[Claim, bool] = Write("release_idempotency_key", 100, _release_all)
"""Let the same request be made anew; False where something of it is committed."""
