"""questions of organisers to attendees, for an event, a ticket type or the whole fest."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

MODULE = "catalogue"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "catalogue_questions",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("event_id", _KEY, nullable=True),
        sa.Column("type_id", _KEY, nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("help", sa.Text(), nullable=False),
        sa.Column("choices", sa.Text(), nullable=False),
        sa.Column("is_required", sa.Integer(), nullable=False),
        sa.Column("per", sa.Text(), nullable=False),
        sa.Column("at_door", sa.Integer(), nullable=False),
        sa.Column("in_export", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('text', 'number', 'choice', 'choices', 'date', 'phone', 'file', 'consent')",
            name=op.f("ck_catalogue_questions_kind"),
        ),
        sa.CheckConstraint("per IN ('ticket', 'order')", name=op.f("ck_catalogue_questions_per")),
        sa.CheckConstraint(
            "type_id IS NULL OR event_id IS NOT NULL", name=op.f("ck_catalogue_questions_type")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["catalogue_events.id"],
            name=op.f("fk_catalogue_questions_event_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["type_id"],
            ["catalogue_ticket_types.id"],
            name=op.f("fk_catalogue_questions_type_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_questions")),
    )
    op.create_index("ix_catalogue_questions_event", "catalogue_questions", ["event_id"])
    op.execute("ALTER TABLE catalogue_events ADD COLUMN asks INTEGER DEFAULT 0 NOT NULL")
    op.execute("ALTER TABLE catalogue_events ADD COLUMN answers_until BIGINT DEFAULT 0 NOT NULL")
