"""What people name and set: sources, destinations, variables, channels, issuers, alerts, and more.

Every change moves the catalog's revision, by which the processes see that they are behind.
Bodies go in and come out here alone, for here their secrets are sealed and opened.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from sqlalchemy import bindparam, delete, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from hub.errors import ConflictError, StoreError
from hub.model.difference import Seen
from hub.model.json import dumps_text, loads
from hub.model.secrets import Path, secret_paths, with_secrets
from hub.store.ledger import Write
from hub.store.lookup import one, where
from hub.store.schema import catalog_revision, objects
from hub.store.sealing import PREFIX
from hub.store.statement import insert_of, now_us
from hub.store.tx import Tx

Kind = Literal[
    "source",
    "destination",
    "subscription",
    "issuer",
    "alert",
    "variable",
    "channel",
    "pause",
    "signing",
]
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
TOKENS: Final[tuple[Kind, str]] = ("signing", "channels")
"""Kind and slug of the key that tokens of channels are signed with."""
FILES: Final[tuple[Kind, str]] = ("signing", "files")
"""Kind and slug of the key that addresses of files are signed with."""


def move_on(tx: Tx) -> None:
    """Say inside a transaction that the catalog has changed."""
    tx.run(_MOVE_ON)


def revision(tx: Tx) -> int:
    """The catalog's revision; 0 before the first change."""
    rows = tx.rows(_REVISION)
    return int(rows[0][0]) if rows else 0


def one_object(tx: Tx, kind: Kind, slug: str) -> dict[str, Any] | None:
    """The row of an object, its secrets opened; None if there is none.

    Raises:
        StoreError: ``secret_unreadable``.
    """
    row = one(tx, objects, kind=kind, slug=slug)
    return None if row is None else _opened(tx, [row])[0]


def all_objects(tx: Tx, /, **equal: Any) -> list[dict[str, Any]]:
    """The rows whose columns are equal to these, their secrets opened.

    Raises:
        StoreError: ``secret_unreadable``.
    """
    return _opened(tx, where(tx, objects, **equal))


def _opened(tx: Tx, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    opened, failures = [], []
    for row in rows:
        try:
            opened.append({**row, "body": _open(tx, row)})
        except StoreError as error:
            failures.append(f"of the {row['kind']} {row['slug']!r}: {error.message}")
    if failures:
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        raise StoreError(
            f"A secret cannot be read {failures[0]}{more}. Set the key that it was encrypted with "
            "as well, behind the new one: HUB_SECRET_KEY=NEW,OLD.",
            code="secret_unreadable",
        )
    return opened


def _open(tx: Tx, row: dict[str, Any]) -> str:
    text: str = row["body"]
    if PREFIX not in text:
        return text
    kind, slug, body = row["kind"], row["slug"], loads(text)
    place = _places(kind, slug)
    opened = with_secrets(
        body, secret_paths(kind, body), lambda text, path: tx.keyring.open(text, place(path))
    )
    return dumps_text(opened)


def _seal(tx: Tx, kind: str, slug: str, text: str) -> str:
    body = loads(text)
    paths = secret_paths(kind, body) if isinstance(body, dict) else ()
    if not paths or not (tx.keyring.seals or PREFIX in text):
        return text
    place = _places(kind, slug)
    sealed = with_secrets(body, paths, lambda text, path: tx.keyring.seal(text, place(path)))
    return dumps_text(sealed)


def _places(kind: str, slug: str) -> Callable[[Path], str]:
    return lambda path: "/".join((kind, slug, *path))


def _put_all(tx: Tx, puts: Sequence[PutObject]) -> list[bool]:
    created = []
    for put in puts:
        found = one(tx, objects, kind=put.kind, slug=put.slug)
        refuse_foreign(found, put.managed_by, put.slug)
        row = {
            "kind": put.kind,
            "slug": put.slug,
            "body": _seal(tx, put.kind, put.slug, put.body),
            "managed_by": put.managed_by,
        }
        tx.run(_PUT, row)
        created.append(found is None)
    move_on(tx)
    return created


def see_object(tx: Tx, kind: str, slug: str) -> Seen:
    """An object as it stands; a secret whose key is gone counts as it is kept."""
    row = one(tx, objects, kind=kind, slug=slug)
    if row is None:
        return Seen(kind, slug, None)
    with suppress(StoreError):
        row = _opened(tx, [row])[0]
    return seen_object(kind, slug, row["managed_by"], loads(row["body"]))


def seen_object(kind: str, slug: str, managed_by: str, body: dict[str, Any]) -> Seen:
    """An object as it is compared with itself before or after a change."""
    return Seen(kind, slug, {"managed_by": managed_by, **body}, secret_paths(kind, body))


def _seen(tx: Tx, wish: PutObject | DropObject) -> Seen:
    return see_object(tx, wish.kind, wish.slug)


PUT: Write[PutObject, bool] = Write("put_object", 80, _put_all, seen=_seen)
"""Create or replace; True if it is new.

Raises ConflictError ``managed_by_file`` when the API would change what a file sets.
"""


def _put_if_missing(tx: Tx, puts: Sequence[PutObject]) -> list[bool]:
    made = [
        bool(tx.run(_PUT_ONCE, {**asdict(put), "body": _seal(tx, put.kind, put.slug, put.body)}))
        for put in puts
    ]
    if any(made):
        move_on(tx)
    return made


PUT_ONCE: Write[PutObject, bool] = Write("put_object_once", 88, _put_if_missing)
"""Create what is not there yet; True if it was not."""


_RESEAL = (
    update(objects)
    .where(
        objects.c.kind == bindparam("of_kind"),
        objects.c.slug == bindparam("of_slug"),
        objects.c.body == bindparam("of_body"),
    )
    .values(body=bindparam("with_body"))
)


def _reseal(tx: Tx, asked: Sequence[None]) -> list[int]:
    changed = 0
    for row in where(tx, objects):
        if _is_current(tx, row):
            continue
        kind, slug = row["kind"], row["slug"]
        (opened,) = _opened(tx, [row])
        fresh = _seal(tx, kind, slug, opened["body"])
        bound = {"of_kind": kind, "of_slug": slug, "of_body": row["body"], "with_body": fresh}
        changed += tx.run(_RESEAL, bound)  # whoever changed it meanwhile has sealed it too
    return [changed] * len(asked)


def _is_current(tx: Tx, row: dict[str, Any]) -> bool:
    """Whether all of its secrets are kept as they would be now."""
    body, found = loads(row["body"]), []

    def note(text: str, path: Path) -> str:
        found.append(tx.keyring.is_current(text))
        return text

    with_secrets(body, secret_paths(row["kind"], body), note)
    return all(found)


RESEAL: Write[None, int] = Write("reseal_objects", 62, _reseal)
"""Seal all secrets with the first key; gives how many objects were changed.

Raises StoreError ``secret_unreadable``, and nothing is changed.
"""


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


DROP: Write[DropObject, bool] = Write("drop_object", 81, _drop_all, seen=_seen)
"""Remove; True if it was there."""
