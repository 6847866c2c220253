"""waiting lists of events: whether an event has one, the number of tickets on it, and whether it asks for approval."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

MODULE = "catalogue"


def upgrade() -> None:
    """Make the change."""
    op.execute(
        "ALTER TABLE catalogue_events ADD COLUMN waiting_list TEXT DEFAULT 'off' NOT NULL"
        " CONSTRAINT ck_catalogue_events_waiting_list CHECK (waiting_list IN ('off', 'open', 'closed'))"
    )
    op.execute("ALTER TABLE catalogue_events ADD COLUMN offer_minutes INTEGER DEFAULT 1440 NOT NULL")
    op.execute("ALTER TABLE catalogue_events ADD COLUMN needs_approval INTEGER DEFAULT 0 NOT NULL")
    op.execute(
        "ALTER TABLE catalogue_seats ADD COLUMN waiting INTEGER DEFAULT 0 NOT NULL"
        " CONSTRAINT ck_catalogue_seats_waiting CHECK (waiting >= 0)"
    )
    op.execute("ALTER TABLE catalogue_seats ADD COLUMN to_offer INTEGER DEFAULT 0 NOT NULL")
