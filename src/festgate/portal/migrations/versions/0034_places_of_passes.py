"""places of passes: seats at the other events that a pass admits to."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

MODULE = "registrations"


def upgrade() -> None:
    """Make the change."""
    key = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute("ALTER TABLE registrations_seats ADD COLUMN is_pass INTEGER DEFAULT 0 NOT NULL")
    op.execute(
        f"ALTER TABLE registrations_seats ADD COLUMN pass_seat_id {key}"
        " CONSTRAINT fk_registrations_seats_pass_seat_id REFERENCES registrations_seats (id)"
    )
    of_pass = sa.text("pass_seat_id IS NOT NULL")
    op.create_index(
        "ix_registrations_seats_pass",
        "registrations_seats",
        ["pass_seat_id"],
        sqlite_where=of_pass,
        postgresql_where=of_pass,
    )
