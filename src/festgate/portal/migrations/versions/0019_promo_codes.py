"""promo codes: codes with their uses, and the tax rate of ticket types."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

MODULE = "catalogue"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    op.execute(
        "ALTER TABLE catalogue_ticket_types ADD COLUMN tax_rate INTEGER DEFAULT 0 NOT NULL"
        " CONSTRAINT ck_catalogue_ticket_types_tax_rate CHECK (tax_rate BETWEEN 0 AND 10000)"
    )
    op.execute("ALTER TABLE catalogue_ticket_types ADD COLUMN tax_on_top INTEGER DEFAULT 0 NOT NULL")
    op.create_table(
        "catalogue_promo_codes",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("unlocks", sa.Integer(), nullable=False),
        sa.Column("event_id", _KEY, nullable=True),
        sa.Column("type_id", _KEY, nullable=True),
        sa.Column("opens_at", sa.BigInteger(), nullable=False),
        sa.Column("closes_at", sa.BigInteger(), nullable=False),
        sa.Column("max_uses", sa.Integer(), nullable=True),
        sa.Column("max_per_person", sa.Integer(), nullable=True),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('percentage', 'amount', 'free', 'unlock')", name=op.f("ck_catalogue_promo_codes_kind")
        ),
        sa.CheckConstraint(
            "used >= 0 AND (max_uses IS NULL OR used <= max_uses)",
            name=op.f("ck_catalogue_promo_codes_used"),
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["catalogue_events.id"], name=op.f("fk_catalogue_promo_codes_event_id")
        ),
        sa.ForeignKeyConstraint(
            ["type_id"], ["catalogue_ticket_types.id"], name=op.f("fk_catalogue_promo_codes_type_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_promo_codes")),
        sa.UniqueConstraint("code", name=op.f("uq_catalogue_promo_codes_code")),
    )
    not_ended = sa.text("ended_at = 0")
    op.create_index(
        "ix_catalogue_promo_codes_event_id",
        "catalogue_promo_codes",
        ["event_id"],
        sqlite_where=not_ended,
        postgresql_where=not_ended,
    )
    op.create_table(
        "catalogue_promo_code_uses",
        sa.Column("code_id", _KEY, nullable=False),
        sa.Column("person_id", _KEY, nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.CheckConstraint("used >= 0", name=op.f("ck_catalogue_promo_code_uses_used")),
        sa.ForeignKeyConstraint(
            ["code_id"],
            ["catalogue_promo_codes.id"],
            name=op.f("fk_catalogue_promo_code_uses_code_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["accounts_people.id"], name=op.f("fk_catalogue_promo_code_uses_person_id")
        ),
        sa.PrimaryKeyConstraint("code_id", "person_id", name=op.f("pk_catalogue_promo_code_uses")),
    )
