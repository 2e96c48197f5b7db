"""Alerts are watched."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("clear_since", sa.BigInteger(), nullable=True),
        sa.Column("fired_at", sa.BigInteger(), nullable=True),
        sa.Column("is_told", sa.Boolean(), nullable=False),
        sa.Column("notified_at", sa.BigInteger(), nullable=True),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("flaps", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("rule", "subject", name="pk_alerts"),
    )
    op.create_table(
        "alert_looks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert_looks"),
    )
    op.create_table(
        "alert_mutes",
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rule", name="pk_alert_mutes"),
    )
    op.create_table(
        "alert_reports",
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("reported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("process", "condition", "subject", name="pk_alert_reports"),
    )
    for name, table, columns, status in (
        ("ix_events_rejected", "events", ["id", "source"], "fate = 'rejected'"),
        ("ix_runs_failed_at", "runs", ["finished_at", "task"], "status = 'failed'"),
        ("ix_deliveries_dead_at", "deliveries", ["finished_at", "destination"], "status = 'dead'"),
    ):
        only = sa.text(status)
        op.create_index(name, table, columns, sqlite_where=only, postgresql_where=only)
