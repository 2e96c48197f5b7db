"""What the database's planner knows of the tables."""

from sqlalchemy import text

from hub.store.tx import Tx

_COUNT = text("ANALYZE")


def count_tables(tx: Tx) -> None:
    """Have PostgreSQL count at once what it would count by itself within minutes.

    Until then it takes a table that was filled in one go for an empty one, and uses no index.
    """
    if tx.dialect == "postgresql":
        tx.run(_COUNT)
