"""The migrations and the schema say the same; and they only add."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from hub.errors import StoreError
from hub.store import migrate
from hub.store.revision import newest, revisions
from hub.store.schema import metadata
from tests.store.additive import BEFORE_THE_RULE, faults_of

VERSIONS = Path(migrate.__file__).parent / "migrations" / "versions"
RULED = sorted(each for each in VERSIONS.glob("*.py") if each.name[:4] not in BEFORE_THE_RULE)


async def test_a_migrated_database_has_the_tables_of_the_schema(
    empty_database_url: str | None, tmp_path: Path
) -> None:
    await migrate.migrate(empty_database_url, tmp_path)

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        return list(compare_metadata(context, metadata))

    assert await migrate._on_connection(empty_database_url, tmp_path, differences) == []


async def test_what_a_database_does_not_have_yet_is_told(
    empty_database_url: str | None, tmp_path: Path
) -> None:
    missing = await migrate.pending(empty_database_url, tmp_path)
    assert missing[0].revision == "0001"
    assert missing[-1].revision == newest()
    assert missing[0].title.startswith("What ")
    await migrate.migrate(empty_database_url, tmp_path)
    assert await migrate.pending(empty_database_url, tmp_path) == []


async def test_a_database_of_a_newer_hub_is_refused(
    empty_database_url: str | None, tmp_path: Path
) -> None:
    await migrate.migrate(empty_database_url, tmp_path)

    def stamp(connection: Connection) -> None:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    await migrate._on_connection(empty_database_url, tmp_path, stamp)
    for asked in (migrate.migrate, migrate.pending):
        with pytest.raises(StoreError) as refusal:
            await asked(empty_database_url, tmp_path)
        assert refusal.value.code == "store_newer"


def test_a_file_s_name_begins_with_its_revision_and_they_follow_each_other() -> None:
    config = Config()
    config.set_main_option("script_location", str(VERSIONS.parent))
    known = [each.revision for each in ScriptDirectory.from_config(config).walk_revisions()]
    assert known[::-1] == revisions()


def test_a_start_that_finds_its_tables_imports_no_alembic() -> None:
    asked = "import sys, hub.up, hub.apart; print('alembic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_there_is_a_migration_that_the_rule_is_for() -> None:
    assert RULED


@pytest.mark.parametrize("migration", RULED, ids=lambda path: path.stem)
def test_migrations_only_add(migration: Path) -> None:
    assert faults_of(migration) == []


BAD = {
    'op.drop_column("runs", "task")': "does more than to add",
    'op.drop_index("ix_runs_due")': "does more than to add",
    'op.alter_column("runs", "task", nullable=False)': "does more than to add",
    'op.execute("DELETE FROM runs")': "does more than to add",
    'op.add_column("runs", sa.Column("n", sa.Integer(), nullable=False))': "give a default",
    'op.add_column("runs", made)': "give a default",
    'op.create_index("ix", "runs", ["n"])': "use create_index_online",
    'op.create_index("ix", table, ["n"])': "use create_index_online",
    'op.create_index("uq", "objects", ["n"], unique=True)': "an unique index",
    'op.create_table("t")\n    create_index_online("ix", "runs", ["n"], "n = 1")': "make it first",
}


@pytest.mark.parametrize("line", sorted(BAD))
def test_what_does_more_than_to_add_is_found(tmp_path: Path, line: str) -> None:
    migration = tmp_path / "bad.py"
    migration.write_text(f"def upgrade():\n    {line}\n")
    [fault] = faults_of(migration)
    assert BAD[line] in fault


GOOD = (
    'op.add_column("runs", sa.Column("n", sa.Integer(), nullable=True))',
    'op.add_column("runs", sa.Column("n", sa.Integer(), nullable=False, server_default="0"))',
    'op.create_table("t")\n    op.create_index("ix", "t", ["n"], unique=True)',
    'create_index_online("ix", "runs", ["n"], "n = 1")\n    op.create_table("t")',
    'op.create_index("ix", "schedules", ["n"])',
)


@pytest.mark.parametrize("line", GOOD)
def test_what_adds_is_allowed(tmp_path: Path, line: str) -> None:
    migration = tmp_path / "good.py"
    migration.write_text(f"def upgrade():\n    {line}\n")
    assert faults_of(migration) == []
