"""Runs are unique while they last, wait for events, tell a URL of their end; keys hold them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("runs", sa.Column("unique_key", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("completion_webhook", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("awaits", sa.Text(), nullable=True))
    op.add_column(
        "runs", sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("deliveries", sa.Column("url", sa.Text(), nullable=True))
    op.execute(
        "UPDATE runs SET held = true WHERE concurrency_key IS NOT NULL AND status = 'queued'"
    )  # the sweep lets the first of each key go
    op.drop_index("ix_runs_due", table_name="runs")
    waiting = "status IN ('queued', 'waiting')"
    for name, columns, condition, on_sqlite, on_postgresql in (
        ("due", ["lane", "due_at", "id"], waiting, "held = 0", "NOT held"),
        ("held", ["concurrency_key", "due_at", "id"], "status = 'queued'", "held = 1", "held"),
    ):
        op.create_index(
            f"ix_runs_{name}",
            "runs",
            columns,
            sqlite_where=sa.text(f"{condition} AND {on_sqlite}"),
            postgresql_where=sa.text(f"{condition} AND {on_postgresql}"),
        )
    unique = sa.text("unique_key IS NOT NULL")
    op.create_index(
        "ix_runs_unique_key",
        "runs",
        ["task", "unique_key"],
        unique=True,
        sqlite_where=unique,
        postgresql_where=unique,
    )
    awaiting = sa.text("awaits IS NOT NULL")
    op.create_index(
        "ix_runs_awaits",
        "runs",
        ["id"],
        sqlite_where=awaiting,
        postgresql_where=awaiting,
    )
