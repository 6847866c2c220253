"""ticket types: every event has one, with its fee, and quotas that several types draw on."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MODULE = "catalogue"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    op.execute(
        "ALTER TABLE catalogue_events ADD COLUMN max_per_person INTEGER DEFAULT 1 NOT NULL"
        " CONSTRAINT ck_catalogue_events_max_per_person CHECK (max_per_person >= 1)"
    )
    op.execute("ALTER TABLE catalogue_events ADD COLUMN several_prices INTEGER DEFAULT 0 NOT NULL")
    op.create_table(
        "catalogue_ticket_types",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("event_id", _KEY, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("chosen_price", sa.Integer(), nullable=False),
        sa.Column("sales_open_at", sa.BigInteger(), nullable=False),
        sa.Column("sales_close_at", sa.BigInteger(), nullable=False),
        sa.Column("follows_id", _KEY, nullable=True),
        sa.Column("access_key", sa.Text(), nullable=True),
        sa.Column("min_per_order", sa.Integer(), nullable=False),
        sa.Column("max_per_order", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Integer(), nullable=False),
        sa.CheckConstraint("fee_minor >= 0", name=op.f("ck_catalogue_ticket_types_fee")),
        sa.CheckConstraint(
            "min_per_order BETWEEN 1 AND max_per_order", name=op.f("ck_catalogue_ticket_types_per_order")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["catalogue_events.id"], name=op.f("fk_catalogue_ticket_types_event_id")
        ),
        sa.ForeignKeyConstraint(
            ["follows_id"], ["catalogue_ticket_types.id"], name=op.f("fk_catalogue_ticket_types_follows_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_ticket_types")),
        sa.UniqueConstraint("event_id", "name", name=op.f("uq_catalogue_ticket_types_event_id_name")),
    )
    op.create_table(
        "catalogue_quotas",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.CheckConstraint("taken BETWEEN 0 AND capacity", name=op.f("ck_catalogue_quotas_taken")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_quotas")),
    )
    op.create_table(
        "catalogue_quota_types",
        sa.Column("type_id", _KEY, nullable=False),
        sa.Column("quota_id", _KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["type_id"], ["catalogue_ticket_types.id"], name=op.f("fk_catalogue_quota_types_type_id")
        ),
        sa.ForeignKeyConstraint(
            ["quota_id"], ["catalogue_quotas.id"], name=op.f("fk_catalogue_quota_types_quota_id")
        ),
        sa.PrimaryKeyConstraint("type_id", "quota_id", name=op.f("pk_catalogue_quota_types")),
    )
    op.create_index("ix_catalogue_quota_types_quota_id", "catalogue_quota_types", ["quota_id"])
    op.execute(
        "INSERT INTO catalogue_ticket_types (event_id, position, name, description, fee_minor, chosen_price,"
        " sales_open_at, sales_close_at, min_per_order, max_per_order, withdrawn)"
        " SELECT id, 0, '', '', fee_minor, 0, 0, 0, 1, 1, 0 FROM catalogue_events ORDER BY id"
    )
