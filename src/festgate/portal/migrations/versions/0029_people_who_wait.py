"""people who wait: applications and places in the line for seats, and the seats that were offered."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

MODULE = "registrations"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "registrations_waiting",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("event_id", _KEY, nullable=False),
        sa.Column("type_id", _KEY, nullable=False),
        sa.Column("person_id", _KEY, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("remaining", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('applied', 'waiting', 'offered', 'declined', 'removed', 'left', 'ended')",
            name=op.f("ck_registrations_waiting_state"),
        ),
        sa.CheckConstraint(
            "remaining BETWEEN 0 AND quantity", name=op.f("ck_registrations_waiting_remaining")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["catalogue_events.id"], name=op.f("fk_registrations_waiting_event_id")
        ),
        sa.ForeignKeyConstraint(
            ["type_id"], ["catalogue_ticket_types.id"], name=op.f("fk_registrations_waiting_type_id")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["accounts_people.id"], name=op.f("fk_registrations_waiting_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registrations_waiting")),
    )
    open_ = sa.text("state IN ('applied', 'waiting')")
    op.create_index(
        "uq_registrations_waiting_open",
        "registrations_waiting",
        ["event_id", "person_id"],
        unique=True,
        sqlite_where=open_,
        postgresql_where=open_,
    )
    op.create_index("ix_registrations_waiting_event", "registrations_waiting", ["event_id", "state"])
    op.create_index("ix_registrations_waiting_person", "registrations_waiting", ["person_id"])
    op.create_table(
        "registrations_offers",
        sa.Column("seat_id", _KEY, nullable=False),
        sa.Column("waiting_id", _KEY, nullable=False),
        sa.Column("offered_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["seat_id"], ["registrations_seats.id"], name=op.f("fk_registrations_offers_seat_id")
        ),
        sa.ForeignKeyConstraint(
            ["waiting_id"], ["registrations_waiting.id"], name=op.f("fk_registrations_offers_waiting_id")
        ),
        sa.PrimaryKeyConstraint("seat_id", name=op.f("pk_registrations_offers")),
    )
    op.create_index("ix_registrations_offers_waiting", "registrations_offers", ["waiting_id"])
