"""rules about holders: names on tickets and transfers, for each event."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

MODULE = "catalogue"


def upgrade() -> None:
    """Make the change."""
    op.execute(
        "ALTER TABLE catalogue_events ADD COLUMN ticket_names TEXT DEFAULT 'off' NOT NULL"
        " CONSTRAINT ck_catalogue_events_ticket_names CHECK (ticket_names IN ('off', 'optional', 'required'))"
    )
    op.execute("ALTER TABLE catalogue_events ADD COLUMN names_until BIGINT DEFAULT 0 NOT NULL")
    op.execute("ALTER TABLE catalogue_events ADD COLUMN transfers INTEGER DEFAULT 1 NOT NULL")
    op.execute("ALTER TABLE catalogue_events ADD COLUMN transfers_until BIGINT DEFAULT 0 NOT NULL")
