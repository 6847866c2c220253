"""ended seats: who ended a seat, so that pages and emails can say so."""

from alembic import op

revision = "0007"
down_revision = "0006"

MODULE = "registrations"


def upgrade() -> None:
    op.execute("ALTER TABLE registrations_seats ADD COLUMN ended_by TEXT")
