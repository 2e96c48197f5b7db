"""Errands: who has asked for what is written, and what rides along in the same transaction.

While somebody's errand is set, each write of it adds the audit's row, and marks the claim of its
``Idempotency-Key``; nobody who writes has to think of either. Work of the hub's own has none.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from sqlalchemy import bindparam, true, update

from hub.errors import ConflictError
from hub.model.difference import Seen, differences
from hub.model.ids import new_id
from hub.model.json import Json, dumps_text
from hub.store.schema import audit, idempotency
from hub.store.statement import insert_of, now_us
from hub.store.tx import Tx

Item = TypeVar("Item")
Result = TypeVar("Result")


class Carried(Protocol):
    """The parts of a write that an errand looks at."""

    @property
    def apply(self) -> Callable[[Tx, Sequence[Any]], Sequence[Any]]:
        """Does it."""
        ...

    @property
    def seen(self) -> Callable[[Tx, Any], Seen] | None:
        """The object that it changes, as it stands; None where it changes no named one."""
        ...

    @property
    def did(self) -> Callable[[Any], bool]:
        """Whether a result says that anything was changed."""
        ...


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a key or a user by id and name, a file by its path, or the command line."""

    kind: Literal["key", "user", "command line", "file"]
    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """One request's hold of an ``Idempotency-Key``, told from any other's by its token."""

    key_id: str
    key: str
    token: str

    def params(self) -> dict[str, str]:
        """What its row is found by."""
        return {"of_key_id": self.key_id, "of_key": self.key, "of_token": self.token}


@dataclass(slots=True, eq=False)
class Errand:
    """What somebody does: the one thing that the audit tells of it.

    With a ``ledger`` only what is written there belongs to it.
    """

    ledger: object | None
    actor: Actor
    operation: str
    """For example ``PUT /v1/sources/{slug}``, or ``hub apply``."""
    kind: str = ""
    name: str = ""
    """What it is about, where what is written does not say it better."""
    request_id: str | None = None
    ip: str | None = None
    is_audited: bool = True
    claim: Claim | None = None
    """Of its ``Idempotency-Key``, if it has one."""
    is_noted: bool = False
    """The audit has a row of it, which is committed."""
    is_over: bool = False
    _happened: bool = False

    def carry(self, tx: Tx, write: Carried, item: Any) -> Any:
        """Apply one item inside a transaction, with what rides along; gives its result.

        Raises:
            ConflictError: ``idempotency_key_in_use``: another request has taken the key over.
        """
        before = write.seen(tx, item) if write.seen else None
        (result,) = write.apply(tx, [item])
        changes: list[dict[str, Json]] | None = None
        about = None
        if before is not None and write.seen is not None:
            about = write.seen(tx, item)
            changes = differences(before, about)
            did = bool(changes)
        else:
            did = write.did(result)
        if did:
            self._happened = True
            if self.claim is not None:
                _mark(tx, self.claim)
            if self.is_audited and (about is not None or not self.is_noted):
                self.note(tx, about, changes)
        return result

    def note(
        self, tx: Tx, about: Seen | None = None, changes: Sequence[dict[str, Json]] | None = None
    ) -> None:
        """Add the audit's row inside a transaction."""
        tx.many(
            _NOTE,
            [
                {
                    "id": new_id("aud"),
                    "by_kind": self.actor.kind,
                    "by_id": self.actor.id,
                    "by_name": self.actor.name,
                    "operation": self.operation,
                    "kind": about.kind if about else self.kind,
                    "name": about.name if about else self.name,
                    "changes": None if changes is None else dumps_text(changes),
                    "request_id": self.request_id,
                    "ip": self.ip,
                }
            ],
        )

    def committed(self) -> None:
        """What was carried is durable."""
        self.is_noted = self.is_noted or (self._happened and self.is_audited)


_NOTE = insert_of(audit, at=now_us())
HELD = (
    idempotency.c.key_id == bindparam("of_key_id"),
    idempotency.c.key == bindparam("of_key"),
    idempotency.c.token == bindparam("of_token"),
)
"""What holds for the row of a claim that nobody has taken over."""
_MARK = update(idempotency).where(*HELD).values(begun=true())
_current: ContextVar[Errand | None] = ContextVar("errand", default=None)


def _mark(tx: Tx, claim: Claim) -> None:
    """From now on the request cannot be done anew; one that has lost its claim does nothing."""
    if not tx.run(_MARK, claim.params()):
        raise in_use()


def in_use(retry_after_s: int = 1) -> ConflictError:
    """Another request with the same key is under way."""
    return ConflictError(
        "A request with this Idempotency-Key is under way: send it again a little later.",
        code="idempotency_key_in_use",
        retry_after_s=retry_after_s,
    )


def errand_of(ledger: object) -> Errand | None:
    """The errand that writes to this ledger belong to now, if there is one."""
    found = _current.get()
    if found is None or found.is_over or found.ledger not in (None, ledger):
        return None
    return found


@contextmanager
def running(errand: Errand) -> Iterator[Errand]:
    """What is written until the end of the block belongs to this errand.

    Tasks that are begun in the block and outlive it do not take it along.
    """
    before = _current.set(errand)
    try:
        yield errand
    finally:
        _current.reset(before)
        errand.is_over = True
