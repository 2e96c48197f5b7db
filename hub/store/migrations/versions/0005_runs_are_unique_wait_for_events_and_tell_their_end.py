"""Runs are unique while they last, wait for events, and tell a URL of their end."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("runs", sa.Column("unique_key", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("completion_webhook", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("awaits", sa.Text(), nullable=True))
    op.add_column("deliveries", sa.Column("url", sa.Text(), nullable=True))
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
