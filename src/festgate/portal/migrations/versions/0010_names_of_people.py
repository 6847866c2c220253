"""names of people: accounts have a name beside the username; it is empty for those that exist."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change. The texts for searches stay right: an empty name adds no word to them."""
    op.execute("ALTER TABLE accounts_people ADD COLUMN name TEXT DEFAULT '' NOT NULL")
