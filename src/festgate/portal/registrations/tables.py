"""One row for each seat that anyone has ever taken; how many there are to take is the catalogue's count.

And one for each time in which the clock of holds stood still.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    bindparam,
    func,
    select,
)

from festgate.kit.clock import NEVER
from festgate.kit.db.statements import metadata

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
    # Who ended it, once it is cancelled (endings.py); null while it is live, and where that is not known.
    Column("ended_by", Text),
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

pauses = Table(
    "registrations_pauses",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("began_at", BigInteger, nullable=False),
    # Until then somebody has said that it goes on; who does not say so again any more lets it end.
    Column("ends_at", BigInteger, nullable=False),
    # When every hold was given the time that it stood still; NEVER while it stands.
    Column("applied_at", BigInteger, nullable=False),
)
"""Times in which the clock of holds stands still (pauses.py)."""

OPEN = pauses.c.applied_at == NEVER

# At most one of them is open.
Index(
    "uq_registrations_pauses_open", pauses.c.applied_at, unique=True, sqlite_where=OPEN, postgresql_where=OPEN
)

_BEGAN = select(pauses.c.began_at).where(OPEN)
BEGAN = _BEGAN.scalar_subquery()
"""When the pause that goes on began; null without one."""
HOLD_NOW = func.coalesce(
    # A pause that begins later was written by a clock that has been put back: it is none.
    _BEGAN.where(pauses.c.began_at <= bindparam("now")).scalar_subquery(),
    bindparam("now"),
)
"""What the clock of holds shows at `:now`; what every `held_until` is compared with."""
