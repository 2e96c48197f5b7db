"""What people name and set: sources, destinations, variables, channels, and what is paused.

Every change moves the catalog's revision, by which the processes see that they are behind.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from sqlalchemy import bindparam, delete, literal, select
from sqlalchemy.dialects.postgresql import insert

from hub.errors import ConflictError
from hub.store.ledger import Write
from hub.store.lookup import one
from hub.store.schema import catalog_revision, objects
from hub.store.statement import insert_of, now_us
from hub.store.tx import Tx

Kind = Literal["source", "destination", "subscription", "variable", "channel", "pause", "signing"]
Manager = Literal["file", "api"]


@dataclass(frozen=True, slots=True)
class PutObject:
    """Create or replace. ``body`` is JSON text."""

    kind: Kind
    slug: str
    body: str
    managed_by: Manager = "api"


@dataclass(frozen=True, slots=True)
class DropObject:
    """Remove, if it is there."""

    kind: Kind
    slug: str
    managed_by: Manager = "api"
    """Who removes it: the API does not remove what a file sets."""


_put = insert_of(objects, created_at=now_us(), updated_at=now_us())
_PUT = _put.on_conflict_do_update(
    index_elements=["kind", "slug"],
    set_={name: _put.excluded[name] for name in ("body", "managed_by", "updated_at")},
)
_DROP = delete(objects).where(
    objects.c.kind == bindparam("of_kind"), objects.c.slug == bindparam("of_slug")
)
_first_revision = insert(catalog_revision).values(id=literal(1), revision=literal(1))
_MOVE_ON = _first_revision.on_conflict_do_update(
    index_elements=["id"], set_={"revision": catalog_revision.c.revision + 1}
)
_REVISION = select(catalog_revision.c.revision)


_PUT_ONCE = _put.on_conflict_do_nothing(index_elements=["kind", "slug"])
SIGNING: Final[tuple[Kind, str]] = ("signing", "hub")
"""Kind and slug of the hub's own signing key."""


def move_on(tx: Tx) -> None:
    """Say inside a transaction that the catalog has changed."""
    tx.run(_MOVE_ON)


def revision(tx: Tx) -> int:
    """The catalog's revision; 0 before the first change."""
    rows = tx.rows(_REVISION)
    return int(rows[0][0]) if rows else 0


def _put_all(tx: Tx, puts: Sequence[PutObject]) -> list[bool]:
    created = []
    for put in puts:
        found = one(tx, objects, kind=put.kind, slug=put.slug)
        refuse_foreign(found, put.managed_by, put.slug)
        row = {
            "kind": put.kind,
            "slug": put.slug,
            "body": put.body,
            "managed_by": put.managed_by,
        }
        tx.run(_PUT, row)
        created.append(found is None)
    move_on(tx)
    return created


PUT: Write[PutObject, bool] = Write("put_object", 80, _put_all)
"""Create or replace; True if it is new.

Raises ConflictError ``managed_by_file`` when the API would change what a file sets.
"""


def _put_if_missing(tx: Tx, puts: Sequence[PutObject]) -> list[bool]:
    made = [bool(tx.run(_PUT_ONCE, asdict(put))) for put in puts]
    if any(made):
        move_on(tx)
    return made


PUT_ONCE: Write[PutObject, bool] = Write("put_object_once", 88, _put_if_missing)
"""Create what is not there yet; True if it was not."""


def refuse_foreign(found: dict[str, Any] | None, managed_by: str, name: str) -> None:
    """The API does not change what a file sets; a file may take over what the API set."""
    if found is not None and managed_by == "api" and found["managed_by"] == "file":
        raise ConflictError(
            f"{name!r} is set by a file: change it there and apply the file again.",
            code="managed_by_file",
        )


def _drop_all(tx: Tx, drops: Sequence[DropObject]) -> list[bool]:
    gone = []
    for drop in drops:
        refuse_foreign(one(tx, objects, kind=drop.kind, slug=drop.slug), drop.managed_by, drop.slug)
        gone.append(bool(tx.run(_DROP, {"of_kind": drop.kind, "of_slug": drop.slug})))
    move_on(tx)
    return gone


DROP: Write[DropObject, bool] = Write("drop_object", 81, _drop_all)
"""Remove; True if it was there."""
