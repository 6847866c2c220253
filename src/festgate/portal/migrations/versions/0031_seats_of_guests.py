"""seats of guests: their email address, so that the limit per person holds for a guest with several purchases."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

MODULE = "registrations"


def upgrade() -> None:
    """Make the change."""
    op.execute("ALTER TABLE registrations_seats ADD COLUMN guest_key TEXT")
    live = sa.text("state IN ('held', 'confirmed') AND guest_key IS NOT NULL")
    op.create_index(
        "uq_registrations_seats_guest",
        "registrations_seats",
        ["event_id", "guest_key", "slot"],
        unique=True,
        sqlite_where=live,
        postgresql_where=live,
    )
    is_guest = sa.text("guest_key IS NOT NULL")
    op.create_index(
        "ix_registrations_seats_guest",
        "registrations_seats",
        ["guest_key"],
        sqlite_where=is_guest,
        postgresql_where=is_guest,
    )
