"""Revisions: which migrations there are, in order, and which of them a database has.

The beginning of a migration's file name is its revision. Alembic is not asked: it is slow to
import, and nearly every start finds the tables as they should be.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, inspect, text

FOLDERS = [Path(__file__).parent / "migrations" / "versions"]
"""Where they are."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A migration that a database does not have yet: its revision, and what it says of itself."""

    revision: str
    title: str


def revisions() -> list[str]:
    """All that there are, the oldest first."""
    return [_revision(each) for each in _files()]


def newest() -> str:
    """The revision that this version's tables have."""
    return revisions()[-1]


def revision_of(connection: Connection) -> str | None:
    """The one that a database has; None before the first."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    return None if row is None else str(row[0])


def after(current: str | None) -> list[Pending]:
    """Those that follow on one that there is, in order; all of them on None."""
    missing = list(_files())
    if current is not None:
        missing = missing[revisions().index(current) + 1 :]
    return [Pending(_revision(each), _title(each)) for each in missing]


def _files() -> Iterator[Path]:
    found = [each for folder in FOLDERS for each in folder.glob("*.py")]
    yield from sorted(found, key=_revision)


def _revision(file: Path) -> str:
    return file.stem.partition("_")[0]


def _title(file: Path) -> str:
    said = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    return said.partition("\n")[0].rstrip(".")
