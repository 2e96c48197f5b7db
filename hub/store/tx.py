"""A transaction as the store's functions see it: the same on both databases.

The functions of the store are plain, not coroutines: on SQLite they run in the writer's or a
reader's thread, on PostgreSQL in SQLAlchemy's greenlet, so each exists once.
Statements are module-level constants of SQLAlchemy Core, compiled once.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias

from sqlalchemy.sql.base import Executable

from hub.model.segment import Publication
from hub.model.telling import Telling
from hub.store.sealing import Keyring

Params: TypeAlias = Mapping[str, Any]
Row: TypeAlias = tuple[Any, ...]

CLAIMED: Final = "claimed"
"""In a row of :meth:`Tx.claim`: the claim that has to be won for it, or None."""


UNIQUE_INDEX: Final = "uq_records_"
"""What the names of unique columns' indexes begin with: a row that violates one is a conflict."""


class Tx(Protocol):
    """One open transaction."""

    dialect: str
    """``sqlite`` or ``postgresql``."""
    keyring: Keyring
    """What secrets are sealed with."""
    live: Mapping[str, Telling]
    """The tables the changes of whose records are told."""
    told: list[Publication]
    """Messages about changes, which the ledger hands on after the commit."""

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

    def claim(
        self,
        claim: Executable,
        claims: Sequence[Params],
        then: Sequence[tuple[Executable, Sequence[Params]]],
    ) -> set[str]:
        """Run an ``INSERT … RETURNING id`` for ``claims``, then insert what they were for.

        Gives the ids that came back: these claims are won. Of the rows of ``then`` those go in
        whose :data:`CLAIMED` is won or None. One statement where the database can do that.
        """
        ...
