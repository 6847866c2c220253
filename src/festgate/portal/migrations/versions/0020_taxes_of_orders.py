"""taxes of orders: each line has the tax within its fee, and the rate."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

MODULE = "checkout"


def upgrade() -> None:
    """Make the change."""
    op.execute("ALTER TABLE checkout_lines ADD COLUMN tax_minor BIGINT DEFAULT 0 NOT NULL")
    op.execute("ALTER TABLE checkout_lines ADD COLUMN tax_rate INTEGER DEFAULT 0 NOT NULL")
