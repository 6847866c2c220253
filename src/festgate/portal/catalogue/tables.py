"""One row for each event, and one beside it for the count of its seats."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text

from festgate.kit.db.statements import metadata

events = Table(
    "catalogue_events",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("place", Text, nullable=False),
    # A draft whose times are not known yet has 0 in them.
    Column("starts_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Column("sales_open_at", BigInteger, nullable=False),
    Column("sales_close_at", BigInteger, nullable=False),
    Column("fee_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    # Rises with each change of any event. Whoever has seen the highest has seen all changes, so what follows from the
    # programme as a whole need not be read again to know that it still holds.
    Column("version", BigInteger, nullable=False, unique=True),
    Column("summary", Text, nullable=False),
    # The long ones stand last: SQLite then reads what a list shows without following a row's overflow pages.
    Column("search", Text, nullable=False),
    Column("description", Text, nullable=False),
    CheckConstraint("state IN ('draft', 'published', 'cancelled')", name="state"),
    CheckConstraint("fee_minor >= 0", name="fee"),
)
Index("ix_catalogue_events_starts_at", events.c.starts_at)
Index("ix_catalogue_events_ends_at", events.c.ends_at)

# Apart from the events, so that a rush for seats rewrites rows of a few bytes, and locks nothing that people read.
seats = Table(
    "catalogue_seats",
    metadata,
    Column("event_id", ForeignKey("catalogue_events.id"), primary_key=True),
    Column("capacity", Integer, nullable=False),
    Column("taken", Integer, nullable=False),
    # 1 while the event is published. It stands here so that taking a seat and cancelling the event meet in one row:
    # no seat can be taken after the cancellation, whatever was read before it.
    Column("on_sale", Integer, nullable=False),
    CheckConstraint("taken BETWEEN 0 AND capacity", name="taken"),
)
