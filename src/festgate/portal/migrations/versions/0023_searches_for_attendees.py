"""searches for attendees: a seat has a folded text with its attendee's name and address."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

MODULE = "registrations"


def upgrade() -> None:
    """Make the change. No seat has an attendee of its own yet, so there is no text to fold."""
    op.execute("ALTER TABLE registrations_seats ADD COLUMN attendee_search TEXT DEFAULT '' NOT NULL")
