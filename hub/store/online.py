"""What migrations do to large tables while others write to them."""

import sqlalchemy as sa
from alembic import op

from hub.store.migrate import LOCK_TIMEOUT

_IS_THERE = sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")


def create_index_online(name: str, table: str, columns: list[str], condition: str) -> None:
    """Create a partial index; on PostgreSQL nobody who writes has to wait for it.

    That is done outside of the migration's transaction. So a migration makes such indexes before
    all else, and may be tried again: one that is there is left alone, half of one goes first.
    """
    where = sa.text(condition)
    if op.get_bind().dialect.name != "postgresql":
        op.create_index(name, table, columns, sqlite_where=where)
        return
    if op.get_bind().scalar(_IS_THERE, {"name": name}):
        return
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(name, table, columns, postgresql_where=where, postgresql_concurrently=True)
        op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
