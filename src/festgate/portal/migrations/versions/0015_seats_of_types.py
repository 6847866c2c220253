"""seats of ticket types: every seat has a type, and a person can have several seats at an event."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

MODULE = "registrations"


def upgrade() -> None:
    """Make the change."""
    key = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(
        f"ALTER TABLE registrations_seats ADD COLUMN type_id {key}"
        " CONSTRAINT fk_registrations_seats_type_id REFERENCES catalogue_ticket_types (id)"
    )
    op.execute("ALTER TABLE registrations_seats ADD COLUMN slot INTEGER DEFAULT 0 NOT NULL")
    op.execute(
        "UPDATE registrations_seats SET type_id = (SELECT catalogue_ticket_types.id FROM catalogue_ticket_types"
        " WHERE catalogue_ticket_types.event_id = registrations_seats.event_id)"
    )
    op.drop_index("uq_registrations_seats_live", "registrations_seats")
    live = sa.text("state IN ('held', 'confirmed')")
    op.create_index(
        "uq_registrations_seats_live",
        "registrations_seats",
        ["event_id", "person_id", "slot"],
        unique=True,
        sqlite_where=live,
        postgresql_where=live,
    )
