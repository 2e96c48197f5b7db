"""A copy of the embedded database, made while the hub writes to it; and what is in a copy."""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from hub.errors import StoreError
from hub.store.sqlite import connect


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"The database cannot be copied: {error}.") from error


def copy_database(source: Path, target: Path) -> None:
    """Copy what is committed now. It is one snapshot; whoever writes meanwhile does not wait.

    Raises:
        StoreError: it cannot be read, or the copy not be written.
    """
    with (
        _translated(),
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
        new.execute("PRAGMA journal_mode=DELETE")  # so that it is one file


def blobs_meant(copy: Path) -> list[str]:
    """The names of the blobs that a copy's files mean, in order."""
    with _translated(), closing(sqlite3.connect(copy)) as connection:
        return [row[0] for row in connection.execute("SELECT blob FROM files ORDER BY blob")]


def forget_blobs(copy: Path, blobs: Sequence[str]) -> None:
    """Forget files in a copy whose contents went after it was made."""
    with _translated(), closing(sqlite3.connect(copy)) as connection, connection:
        connection.executemany("DELETE FROM files WHERE blob = ?", [(each,) for each in blobs])


def check_copy(copy: Path) -> None:
    """See that a copy is whole.

    Raises:
        StoreError: ``backup_damaged``.
    """
    try:
        with closing(sqlite3.connect(copy)) as connection:
            found = [row[0] for row in connection.execute("PRAGMA quick_check(1)")]
    except sqlite3.Error as error:
        found = [str(error)]
    if found != ["ok"]:
        raise StoreError(
            f"The backup's database is damaged: {found[0]}. Take another backup.",
            code="backup_damaged",
        )


def shrink(database: Path) -> tuple[int, int]:
    """Give the disk back what rows that are gone have left free; sizes before and after, in bytes.

    Nobody else may write meanwhile, and the disk needs room for what is left once more.

    Raises:
        StoreError: it is in use, or the disk is full.
    """
    before = database.stat().st_size
    with _translated(), closing(connect(database)) as connection:
        if shutil.disk_usage(database.parent).free < before:
            raise StoreError(
                f"The disk needs {before:,} free bytes for this: make room first.",
                code="disk_full",
            )
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return before, database.stat().st_size
