"""refund rules: until when attendees of an event can cancel what they have paid, and how much comes back."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

MODULE = "catalogue"


def upgrade() -> None:
    """Make the change."""
    op.execute("ALTER TABLE catalogue_events ADD COLUMN refund_rule TEXT DEFAULT '' NOT NULL")
