"""types for teams: a ticket type can be sold to teams of several members."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

MODULE = "catalogue"


def upgrade() -> None:
    """Make the change."""
    for column in (
        "team_min INTEGER DEFAULT 0 NOT NULL",
        "team_max INTEGER DEFAULT 0 NOT NULL",
        "team_price TEXT DEFAULT 'team' NOT NULL",
        "team_changes_until BIGINT DEFAULT 0 NOT NULL",
    ):
        op.execute(f"ALTER TABLE catalogue_ticket_types ADD COLUMN {column}")
