"""assignments: the events of a lead, or of a member of staff at the door."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

MODULE = "catalogue"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "catalogue_assignments",
        sa.Column("person_id", _KEY, autoincrement=False, nullable=False),
        sa.Column("event_id", _KEY, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["accounts_people.id"], name=op.f("fk_catalogue_assignments_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["catalogue_events.id"], name=op.f("fk_catalogue_assignments_event_id")
        ),
        sa.PrimaryKeyConstraint("person_id", "event_id", name=op.f("pk_catalogue_assignments")),
    )
    op.create_index("ix_catalogue_assignments_event", "catalogue_assignments", ["event_id"])
