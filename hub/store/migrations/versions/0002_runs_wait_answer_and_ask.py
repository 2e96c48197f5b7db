"""Runs are parked, know who asked for them, answer endpoints and send requests."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_QUEUED = sa.text("status IN ('queued', 'waiting')")


def upgrade() -> None:
    op.add_column("runs", sa.Column("context", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("answer", sa.Text(), nullable=True))
    op.drop_index("ix_runs_due", table_name="runs")
    op.create_index(
        "ix_runs_due",
        "runs",
        ["lane", "due_at", "id"],
        sqlite_where=_QUEUED,
        postgresql_where=_QUEUED,
    )
    op.create_table(
        "cache",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_cache")),
    )
    op.create_index(op.f("ix_cache_expires_at"), "cache", ["expires_at"])
    op.create_table(
        "run_attempts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("response_body", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "id", name=op.f("pk_run_attempts")),
    )
