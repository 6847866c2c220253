"""attendees: a seat can be for another attendee than its person."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

MODULE = "registrations"


def upgrade() -> None:
    """Make the change."""
    op.execute("ALTER TABLE registrations_seats ADD COLUMN attendee_name TEXT DEFAULT '' NOT NULL")
    op.execute("ALTER TABLE registrations_seats ADD COLUMN attendee_email TEXT DEFAULT '' NOT NULL")
