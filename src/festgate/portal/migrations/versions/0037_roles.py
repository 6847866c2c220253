"""roles: owner, treasurer, box office and event lead; the first organiser becomes the owner."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    with op.batch_alter_table("accounts_people") as people:
        people.drop_constraint("ck_accounts_people_role", type_="check")
        people.create_check_constraint(
            op.f("ck_accounts_people_role"),
            "role IN ('attendee', 'staff', 'box-office', 'treasurer', 'lead', 'organiser', 'owner')",
        )
    # All organisers kept their rights so far. Settings and the roles of organisers, which are new, need one owner.
    op.execute(
        sa.text(
            "UPDATE accounts_people SET role = 'owner'"
            " WHERE id = (SELECT min(id) FROM accounts_people WHERE role = 'organiser')"
        )
    )
