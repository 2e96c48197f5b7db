"""A transaction as the store's functions see it: the same on both databases.

The functions of the store are plain, not coroutines: on SQLite they run in the writer's or a
reader's thread, on PostgreSQL in SQLAlchemy's greenlet, so each exists once.
Statements are module-level constants of SQLAlchemy Core, compiled once.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from sqlalchemy.sql.base import Executable

Params: TypeAlias = Mapping[str, Any]
Row: TypeAlias = tuple[Any, ...]


class Tx(Protocol):
    """One open transaction."""

    def rows(self, statement: Executable, params: Params | None = None) -> Sequence[Row]:
        """Run it and give its rows (of a select, or of ``RETURNING``)."""
        ...

    def run(self, statement: Executable, params: Params | None = None) -> int:
        """Run it and give the number of rows that it touched."""
        ...

    def many(self, statement: Executable, params: Sequence[Params]) -> None:
        """Run it for each of the parameter sets."""
        ...

    def many_rows(self, statement: Executable, params: Sequence[Params]) -> Sequence[Row]:
        """Run an ``INSERT … RETURNING`` for each; rows come in no particular order."""
        ...
