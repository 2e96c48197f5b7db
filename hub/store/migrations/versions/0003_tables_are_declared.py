"""Tables are declared"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("tables", sa.Column("spec", sa.Text(), nullable=True))
    op.add_column("tables", sa.Column("managed_by", sa.Text(), nullable=True))
