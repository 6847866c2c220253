"""The tables of events and rooms, their ticket types, the counts of seats, and identities in other calendars."""

from typing import Literal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from festgate.kit.db.statements import metadata

EventState = Literal["draft", "published", "cancelled"]

rooms = Table(
    "catalogue_rooms",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("name", Text, nullable=False),
    # The name by which rooms are compared, in any case of its letters.
    Column("name_key", Text, nullable=False, unique=True),
    # Null: not known.
    Column("capacity", Integer),
    Column("address", Text, nullable=False),
    Column("map_url", Text, nullable=False),
    CheckConstraint("capacity >= 1", name="capacity"),
)

events = Table(
    "catalogue_events",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("place", Text, nullable=False),
    # The times of a draft are 0 until they are entered.
    Column("starts_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Column("sales_open_at", BigInteger, nullable=False),
    Column("sales_close_at", BigInteger, nullable=False),
    # The lowest price of its public ticket types, for lists; ticket_types.py keeps it.
    Column("fee_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    # Rises with each change of any event, so the highest version shows whether the programme has changed.
    Column("version", BigInteger, nullable=False, unique=True),
    # The event's name in calendars, random, so that no other fest has it and the portal's address may change.
    Column("uid", Text, nullable=False),
    # Rises with each change that calendars show, so that a newer file or email updates an older entry.
    Column("sequence", Integer, nullable=False),
    Column("summary", Text, nullable=False),
    # The long columns are last: SQLite then reads a list without following a row's overflow pages.
    Column("search", Text, nullable=False),
    Column("description", Text, nullable=False),
    # 1: its public ticket types have several prices, or one that the buyer chooses.
    Column("several_prices", Integer, nullable=False),
    # Live seats that one person can have at the event.
    Column("max_per_person", Integer, nullable=False),
    # The room whose name is the event's place; null for another place.
    Column("room_id", ForeignKey("catalogue_rooms.id"), index=True),
    CheckConstraint("max_per_person >= 1", name="max_per_person"),
    CheckConstraint("state IN ('draft', 'published', 'cancelled')", name="state"),
    CheckConstraint("fee_minor >= 0", name="fee"),
)
Index("ix_catalogue_events_starts_at", events.c.starts_at)
Index("ix_catalogue_events_ends_at", events.c.ends_at)

# A table of its own, so that a rush for seats rewrites rows of a few bytes and does not lock what pages read.
seats = Table(
    "catalogue_seats",
    metadata,
    Column("event_id", ForeignKey("catalogue_events.id"), primary_key=True),
    Column("capacity", Integer, nullable=False),
    Column("taken", Integer, nullable=False),
    # 1 while the event is published. It is in this row so that no seat can be taken after a cancellation, whatever was
    # read before it: both update the row.
    Column("on_sale", Integer, nullable=False),
    CheckConstraint("taken BETWEEN 0 AND capacity", name="taken"),
)

ticket_types = Table(
    "catalogue_ticket_types",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("event_id", ForeignKey("catalogue_events.id"), nullable=False),
    # The order in which the types are shown.
    Column("position", Integer, nullable=False),
    # Empty for the only type of an event, which then needs none.
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    # In the currency of the event. With `chosen_price` the least amount that the buyer can choose.
    Column("fee_minor", BigInteger, nullable=False),
    Column("chosen_price", Integer, nullable=False),
    # 0: as the event.
    Column("sales_open_at", BigInteger, nullable=False),
    Column("sales_close_at", BigInteger, nullable=False),
    # The type after which this one is sold: once the other is sold out, or its sales have closed.
    Column("follows_id", ForeignKey("catalogue_ticket_types.id")),
    # The key of its link: it is sold only to visitors with that link. Null: to everybody.
    Column("access_key", Text),
    Column("min_per_order", Integer, nullable=False),
    Column("max_per_order", Integer, nullable=False),
    # 1 once it is withdrawn: seats of it exist, and nobody can take another.
    Column("withdrawn", Integer, nullable=False),
    UniqueConstraint("event_id", "name"),
    CheckConstraint("fee_minor >= 0", name="fee"),
    CheckConstraint("min_per_order BETWEEN 1 AND max_per_order", name="per_order"),
)

quotas = Table(
    "catalogue_quotas",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    # Empty for the quota of a single type.
    Column("name", Text, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("taken", Integer, nullable=False),
    CheckConstraint("taken BETWEEN 0 AND capacity", name="taken"),
)
"""Counts that several ticket types, also of several events, draw on, besides the seats of their event."""

quota_types = Table(
    "catalogue_quota_types",
    metadata,
    Column("type_id", ForeignKey("catalogue_ticket_types.id"), primary_key=True),
    Column("quota_id", ForeignKey("catalogue_quotas.id"), primary_key=True, index=True),
)

# Only events that were imported from a calendar are in it. The unique key keeps two imports at once from creating an
# event twice.
origins = Table(
    "catalogue_origins",
    metadata,
    # With a draft that is deleted, its identity goes too: the file then imports it as a new event.
    Column("event_id", ForeignKey("catalogue_events.id", ondelete="CASCADE"), primary_key=True),
    Column("uid", Text, nullable=False),
    # The original start of one date of a repeating event, in UTC; empty for an event that does not repeat.
    Column("recurrence", Text, nullable=False),
    # The version that was imported last: its number, and when it was changed (0: the calendar does not state it).
    Column("sequence", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    # JSON: a short digest of each field as that version had it.
    Column("digests", Text, nullable=False),
    UniqueConstraint("uid", "recurrence"),
)
