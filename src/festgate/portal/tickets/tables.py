"""One row for each seat that was ever confirmed, each check-in that was taken back, and each code that was replaced."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text

from festgate.kit.db.statements import metadata, partial_index

tickets = Table(
    "tickets_tickets",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    # One ticket per seat: the second of two concurrent inserts violates this key.
    Column("seat_id", ForeignKey("registrations_seats.id"), nullable=False, unique=True),
    Column("person_id", ForeignKey("accounts_people.id"), nullable=False),
    Column("event_id", ForeignKey("catalogue_events.id"), nullable=False),
    # The order that paid for it; null for a free seat.
    Column("order_id", ForeignKey("checkout_orders.id")),
    Column("state", Text, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    # The time and the member of staff of the check-in; null while the holder is not in.
    Column("admitted_at", BigInteger),
    Column("admitted_by", ForeignKey("accounts_people.id")),
    # The ticket of a pass, for that of its place at another event: the code of the pass admits there too.
    Column("pass_ticket_id", ForeignKey("tickets_tickets.id")),
    CheckConstraint("state IN ('valid', 'void')", name="state"),
)
Index("ix_tickets_tickets_person_id", tickets.c.person_id)
partial_index(
    "ix_tickets_tickets_pass", tickets.c.pass_ticket_id, where=tickets.c.pass_ticket_id.is_not(None)
)
# The tickets of one event, in the order in which their holders are emailed about a change.
Index("ix_tickets_tickets_event_id", tickets.c.event_id, tickets.c.id)
# The door counts expected and checked-in guests by this index alone, and finds the latest check-ins. The state is in it
# though it is the same in every entry: without it SQLite looks at each row to see that.
partial_index(
    "ix_tickets_tickets_door",
    tickets.c.event_id,
    tickets.c.admitted_at,
    tickets.c.state,
    where=tickets.c.state == "valid",
)

replaced_codes = Table(
    "tickets_replaced_codes",
    metadata,
    # The code that the ticket had until it was transferred. The door refuses it with that reason.
    Column("code", Text, primary_key=True),
    Column("ticket_id", ForeignKey("tickets_tickets.id"), nullable=False, index=True),
    Column("replaced_at", BigInteger, nullable=False),
)

undone_admissions = Table(
    "tickets_undone_admissions",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("ticket_id", ForeignKey("tickets_tickets.id"), nullable=False, index=True),
    Column("admitted_at", BigInteger, nullable=False),
    Column("admitted_by", ForeignKey("accounts_people.id"), nullable=False),
    Column("undone_at", BigInteger, nullable=False),
    # Null where the ticket became void: its seat was taken back by the fest itself.
    Column("undone_by", ForeignKey("accounts_people.id")),
)
