"""an index of the emails that were given up, which the organisers' dashboard counts."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    given_up = sa.text("sent_at IS NULL AND due_at = 9007199254740992")
    op.create_index(
        "ix_kit_mail_given_up", "kit_mail", ["id"], sqlite_where=given_up, postgresql_where=given_up
    )
