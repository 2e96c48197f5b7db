"""The migrations and the schema say the same."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from hub.store import migrate
from hub.store.schema import metadata


async def test_a_migrated_database_has_the_tables_of_the_schema(
    database_url: str | None, tmp_path: Path
) -> None:
    await migrate.migrate(database_url, tmp_path)

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        return list(compare_metadata(context, metadata))

    assert await migrate._on_connection(database_url, tmp_path, differences) == []
