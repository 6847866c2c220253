"""events of passes: a ticket type can admit to other events too."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

MODULE = "catalogue"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "catalogue_pass_events",
        sa.Column("type_id", _KEY, nullable=False),
        sa.Column("event_id", _KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["type_id"], ["catalogue_ticket_types.id"], name=op.f("fk_catalogue_pass_events_type_id")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["catalogue_events.id"], name=op.f("fk_catalogue_pass_events_event_id")
        ),
        sa.PrimaryKeyConstraint("type_id", "event_id", name=op.f("pk_catalogue_pass_events")),
    )
    op.create_index("ix_catalogue_pass_events_event_id", "catalogue_pass_events", ["event_id"])
