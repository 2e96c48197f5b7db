"""Deliveries are claimed by destination, wait behind their key, and are replayed apart."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_WAITS = "status IN ('pending', 'retrying')"


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("ordering_key", sa.Text(), nullable=True))
    for name in ("held", "replayed"):
        op.add_column(
            "deliveries", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.drop_index("ix_deliveries_due", table_name="deliveries")
    op.drop_index("ix_deliveries_lease", table_name="deliveries")
    first = "status IN ('pending', 'retrying', 'delivering')"
    for name, columns, condition, held in (
        ("due", ["destination", "replayed", "due_at", "id"], _WAITS, False),
        ("held", ["ordering_key", "id"], _WAITS, True),
        ("first", ["ordering_key"], f"{first} AND ordering_key IS NOT NULL", False),
    ):
        op.create_index(
            f"ix_deliveries_{name}",
            "deliveries",
            columns,
            sqlite_where=sa.text(f"{condition} AND held = {int(held)}"),
            postgresql_where=sa.text(f"{condition} AND {'' if held else 'NOT '}held"),
        )
    alone = sa.text("status = 'delivering' AND ordering_key IS NOT NULL")
    op.create_index(
        "ix_deliveries_ordering_key",
        "deliveries",
        ["ordering_key"],
        unique=True,
        sqlite_where=alone,
        postgresql_where=alone,
    )
    delivering = sa.text("status = 'delivering'")
    op.create_index(
        "ix_deliveries_lease",
        "deliveries",
        ["destination", "lease_until"],
        sqlite_where=delivering,
        postgresql_where=delivering,
    )
