"""One row for each seat that anyone has ever taken; how many there are to take is the catalogue's count."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text

from festgate.kit.statements import metadata

seats = Table(
    "registrations_seats",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("event_id", ForeignKey("catalogue_events.id"), nullable=False),
    Column("person_id", ForeignKey("accounts_people.id"), nullable=False),
    Column("state", Text, nullable=False),
    # When a held seat is free again. An open order moves it; hold_ends_at keeps what was promised at first.
    Column("held_until", BigInteger, nullable=False),
    Column("hold_ends_at", BigInteger, nullable=False),
    Column("fee_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    # The order that is paying for it or has paid for it. No foreign key: orders stand above seats.
    Column("order_id", BigInteger),
    Column("taken_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    CheckConstraint("state IN ('held', 'confirmed', 'cancelled', 'lapsed')", name="state"),
)

LIVE = seats.c.state.in_(("held", "confirmed"))
HELD = seats.c.state == "held"

# One person, one seat an event, whatever arrives at once.
Index(
    "uq_registrations_seats_live",
    seats.c.event_id,
    seats.c.person_id,
    unique=True,
    sqlite_where=LIVE,
    postgresql_where=LIVE,
)
Index("ix_registrations_seats_held", seats.c.held_until, sqlite_where=HELD, postgresql_where=HELD)
Index("ix_registrations_seats_person", seats.c.person_id)
Index("ix_registrations_seats_order", seats.c.order_id)
Index("ix_registrations_seats_event", seats.c.event_id, seats.c.state)
