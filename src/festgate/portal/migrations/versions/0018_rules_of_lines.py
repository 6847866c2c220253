"""rules of lines: an order line keeps the refund rule that its buyer was shown."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

MODULE = "checkout"


def upgrade() -> None:
    """Make the change."""
    op.execute("ALTER TABLE checkout_lines ADD COLUMN refund_rule TEXT DEFAULT '' NOT NULL")
