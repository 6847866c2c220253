"""tickets of passes: a place at another event has its own check-in."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

MODULE = "tickets"


def upgrade() -> None:
    """Make the change."""
    key = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(
        f"ALTER TABLE tickets_tickets ADD COLUMN pass_ticket_id {key}"
        " CONSTRAINT fk_tickets_tickets_pass_ticket_id REFERENCES tickets_tickets (id)"
    )
    of_pass = sa.text("pass_ticket_id IS NOT NULL")
    op.create_index(
        "ix_tickets_tickets_pass",
        "tickets_tickets",
        ["pass_ticket_id"],
        sqlite_where=of_pass,
        postgresql_where=of_pass,
    )
