"""What is over is found by its own indexes, and purges are kept."""

import sqlalchemy as sa
from alembic import op

from hub.store.online import create_index_online

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    create_index_online("ix_runs_parent", "runs", ["parent"], "parent IS NOT NULL")
    op.create_table(
        "purges",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_purges"),
    )
    op.create_index("ix_purges_finished_at", "purges", ["finished_at"])
    running = sa.text("status = 'running'")
    op.create_index(
        "ix_purges_running", "purges", ["id"], sqlite_where=running, postgresql_where=running
    )
