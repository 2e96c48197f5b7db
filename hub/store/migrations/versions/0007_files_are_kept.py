"""Files are kept."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("blob", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_files"),
    )
    op.create_index("ix_files_blob", "files", ["blob"], unique=True)
    op.create_index("ix_files_expires_at", "files", ["expires_at"])
    op.create_index("ix_files_size", "files", ["size"])
    for name in ("run_id", "event_id"):
        there = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            f"ix_files_{name}", "files", [name], sqlite_where=there, postgresql_where=there
        )
