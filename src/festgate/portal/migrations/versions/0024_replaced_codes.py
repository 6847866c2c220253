"""replaced codes: a transferred ticket has a new code, and the old one is kept so that the door refuses it."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

MODULE = "tickets"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "tickets_replaced_codes",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("ticket_id", _KEY, nullable=False),
        sa.Column("replaced_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets_tickets.id"], name=op.f("fk_tickets_replaced_codes_ticket_id")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_tickets_replaced_codes")),
    )
    op.create_index("ix_tickets_replaced_codes_ticket_id", "tickets_replaced_codes", ["ticket_id"])
