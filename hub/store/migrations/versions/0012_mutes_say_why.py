"""Mutes say why."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("alert_mutes", sa.Column("reason", sa.Text(), nullable=True))
