"""One row for each seat that was ever confirmed."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text

from festgate.kit.statements import metadata

tickets = Table(
    "tickets_tickets",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    # Once per seat, whatever arrives at once: whoever comes second meets this key.
    Column("seat_id", ForeignKey("registrations_seats.id"), nullable=False, unique=True),
    Column("person_id", ForeignKey("accounts_people.id"), nullable=False),
    Column("event_id", ForeignKey("catalogue_events.id"), nullable=False),
    # The order that paid for it; null for a free seat.
    Column("order_id", ForeignKey("checkout_orders.id")),
    Column("state", Text, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    CheckConstraint("state IN ('valid', 'void')", name="state"),
)
Index("ix_tickets_tickets_person_id", tickets.c.person_id)
# Those of one event, in the order in which their holders are told of a change.
Index("ix_tickets_tickets_event_id", tickets.c.event_id, tickets.c.id)
