"""Files: the rows. A row is written when its blob is durable, and goes before its blob does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, func, literal_column, select

from hub.model.file import StoredFile
from hub.store.ledger import Write
from hub.store.lookup import page
from hub.store.schema import files
from hub.store.statement import insert_of, now_us, one_of
from hub.store.tx import Tx

_NAMES = tuple(column.name for column in files.c)
_keep = insert_of(files, created_at=now_us(), expires_at=now_us() + bindparam("keep_us"))
_KEEP = _keep.on_conflict_do_nothing(index_elements=["id"])
_FIND = select(files).where(files.c.id == bindparam("of_id"), files.c.expires_at > now_us())
_DROP = delete(files).where(files.c.id == bindparam("of_id")).returning(files.c.blob)
_EXPIRED = (
    select(files.c.id).where(files.c.expires_at <= now_us()).limit(bindparam("most")).subquery()
)
_DROP_EXPIRED = delete(files).where(files.c.id.in_(select(_EXPIRED.c.id))).returning(files.c.blob)
_MEANT = select(files.c.blob).where(one_of(files.c.blob, "blobs"))
_USED = select(func.coalesce(func.sum(files.c.size), literal_column("0")))


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file whose blob is durable. ``keep_us`` says for how long it is kept."""

    id: str
    name: str
    content_type: str
    size: int
    sha256: str
    blob: str
    keep_us: int
    run_id: str | None = None
    event_id: str | None = None


def _keep_all(tx: Tx, new: Sequence[NewFile]) -> list[StoredFile | None]:
    for each in new:
        tx.run(_KEEP, {name: getattr(each, name) for name in NewFile.__slots__})
    return [find_file(tx, each.id) for each in new]


KEEP: Write[NewFile, StoredFile | None] = Write("keep_file", 63, _keep_all, did=bool)
"""Keep a file; gives what is kept under its id, which may have been there before.

None where that has expired meanwhile.
"""


def _drop_all(tx: Tx, ids: Sequence[str]) -> list[str | None]:
    gone = [tx.rows(_DROP, {"of_id": each}) for each in ids]
    return [str(rows[0][0]) if rows else None for rows in gone]


DROP: Write[str, str | None] = Write("drop_file", 64, _drop_all, did=bool)
"""Forget a file by its id; gives the name of its blob, which nothing means any more."""


def _expire(tx: Tx, most: Sequence[int]) -> list[list[str]]:
    return [[str(row[0]) for row in tx.rows(_DROP_EXPIRED, {"most": each})] for each in most]


EXPIRE: Write[int, list[str]] = Write("expire_files", 65, _expire)
"""Forget so many of the files past their time; gives the names of their blobs."""


def find_file(tx: Tx, file_id: str) -> StoredFile | None:
    """A file by its id, while it is kept."""
    rows = tx.rows(_FIND, {"of_id": file_id})
    return _file(dict(zip(_NAMES, rows[0], strict=True))) if rows else None


def files_page(tx: Tx, /, before: str, most: int, **equal: Any) -> list[StoredFile]:
    """Files, the newest first, those before an id; some may just be past their time."""
    return [_file(row) for row in page(tx, files, before=before, most=most, **equal)]


def meant_blobs(tx: Tx, blobs: Sequence[str]) -> set[str]:
    """Which of these blobs a file means."""
    return {str(row[0]) for row in tx.rows(_MEANT, {"blobs": sorted(blobs)})}


def used_bytes(tx: Tx, /) -> int:
    """What all files hold together."""
    return int(tx.rows(_USED)[0][0])


def _file(row: dict[str, Any]) -> StoredFile:
    return StoredFile(**row)
