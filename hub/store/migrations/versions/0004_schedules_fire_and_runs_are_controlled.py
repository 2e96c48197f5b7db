"""Schedules fire; runs have a concurrency key, can be retried, tell their progress."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_RUNNING = sa.text("status = 'running' AND concurrency_key IS NOT NULL")


def upgrade() -> None:
    op.add_column("runs", sa.Column("concurrency_key", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("retry_of", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("progress", sa.Text(), nullable=True))
    op.create_index(
        "ix_runs_concurrency_key",
        "runs",
        ["concurrency_key"],
        unique=True,
        sqlite_where=_RUNNING,
        postgresql_where=_RUNNING,
    )
    keyed = sa.text("concurrency_key IS NOT NULL")
    op.create_index(
        "ix_runs_key_due",
        "runs",
        ["concurrency_key", "due_at"],
        sqlite_where=keyed,
        postgresql_where=keyed,
    )
    running = sa.text("status = 'running'")
    op.drop_index("ix_runs_lease", table_name="runs")
    op.create_index(
        "ix_runs_running",
        "runs",
        ["lane", "lease_until"],
        sqlite_where=running,
        postgresql_where=running,
    )
    op.create_table(
        "schedules",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("armed_at", sa.BigInteger(), nullable=False),
        sa.Column("fired_at", sa.BigInteger(), nullable=True),
        sa.Column("last_run", sa.Text(), nullable=True),
        sa.Column("fires", sa.BigInteger(), nullable=False),
        sa.Column("skipped", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_schedules")),
    )
    op.create_table(
        "resumes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resumes")),
    )
    op.create_index(op.f("ix_resumes_run_id"), "resumes", ["run_id"])
    op.create_table(
        "lanes",
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lanes")),
    )
    op.execute("INSERT INTO lanes (name) VALUES ('high'), ('normal'), ('low')")
