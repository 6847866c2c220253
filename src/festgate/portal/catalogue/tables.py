"""The tables of events, rooms, ticket types, promo codes, the counts of seats, and identities in other calendars."""

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

from festgate.kit.db.statements import metadata, partial_index

EventState = Literal["draft", "published", "cancelled"]
NameRule = Literal["off", "optional", "required"]
NAME_RULES: tuple[NameRule, ...] = ("off", "optional", "required")
ListState = Literal["off", "open", "closed"]
"""A waiting list: none, one that visitors can join, or one that nobody can join any more."""

QuestionKind = Literal["text", "number", "choice", "choices", "date", "phone", "file", "consent"]
QuestionPer = Literal["ticket", "order"]

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
    # The lowest price of its public ticket types, for lists; events.py keeps it.
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
    # The steps of its refund rule (refund_rules.py); empty: attendees cannot cancel what they have paid.
    Column("refund_rule", Text, nullable=False),
    # Whether each ticket has the name of its holder: off, optional or required.
    Column("ticket_names", Text, nullable=False),
    # Until when the buyer can change the names; 0: the start.
    Column("names_until", BigInteger, nullable=False),
    # 1: the buyer can transfer tickets, until `transfers_until`; 0: the start.
    Column("transfers", Integer, nullable=False),
    Column("transfers_until", BigInteger, nullable=False),
    CheckConstraint("ticket_names IN ('off', 'optional', 'required')", name="ticket_names"),
    # The state of its waiting list, and how long an offered seat is held for its person.
    Column("waiting_list", Text, nullable=False),
    Column("offer_minutes", Integer, nullable=False),
    # 1: visitors apply, and organisers accept them.
    Column("needs_approval", Integer, nullable=False),
    CheckConstraint("waiting_list IN ('off', 'open', 'closed')", name="waiting_list"),
    # The room whose name is the event's place; null for another place.
    Column("room_id", ForeignKey("catalogue_rooms.id"), index=True),
    # The number of questions to its attendees, those of the whole fest included: 0 keeps a registration from looking.
    Column("asks", Integer, nullable=False),
    # Until when an answer can be changed; 0: the start.
    Column("answers_until", BigInteger, nullable=False),
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
    # The tickets for which somebody is on the waiting list: 0 keeps operations from looking there.
    Column("waiting", Integer, nullable=False),
    # 1 while seats may have become free that are not offered to the waiting list yet: nobody can take one before.
    Column("to_offer", Integer, nullable=False),
    CheckConstraint("taken BETWEEN 0 AND capacity", name="taken"),
    CheckConstraint("waiting >= 0", name="waiting"),
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
    # In hundredths of a percent. `fee_minor` contains the tax; `tax_on_top`: its organiser enters the price without.
    Column("tax_rate", Integer, nullable=False),
    Column("tax_on_top", Integer, nullable=False),
    # The least and the largest size of a team that takes seats of this type together; 0: the type is not for teams.
    Column("team_min", Integer, nullable=False),
    Column("team_max", Integer, nullable=False),
    # Whether the price is that of the whole team or that of each member.
    Column("team_price", Text, nullable=False),
    # Until then members of its teams can change; 0: until the event starts.
    Column("team_changes_until", BigInteger, nullable=False),
    UniqueConstraint("event_id", "name"),
    CheckConstraint("fee_minor >= 0", name="fee"),
    CheckConstraint("min_per_order BETWEEN 1 AND max_per_order", name="per_order"),
    CheckConstraint("tax_rate BETWEEN 0 AND 10000", name="tax_rate"),
)

pass_events = Table(
    "catalogue_pass_events",
    metadata,
    # A pass: a ticket type that admits to these events besides its own.
    Column("type_id", ForeignKey("catalogue_ticket_types.id"), primary_key=True),
    Column("event_id", ForeignKey("catalogue_events.id"), primary_key=True, index=True),
)
questions = Table(
    "catalogue_questions",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    # Null: of the whole fest; and of all ticket types of the event.
    Column("event_id", ForeignKey("catalogue_events.id", ondelete="CASCADE")),
    Column("type_id", ForeignKey("catalogue_ticket_types.id", ondelete="CASCADE")),
    Column("position", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("help", Text, nullable=False),
    # One on each line.
    Column("choices", Text, nullable=False),
    Column("is_required", Integer, nullable=False),
    # Whether each ticket has an answer, or the tickets of one person at an event have one together.
    Column("per", Text, nullable=False),
    Column("at_door", Integer, nullable=False),
    Column("in_export", Integer, nullable=False),
    # 1 once it is not asked any more, and its answers are kept.
    Column("withdrawn", Integer, nullable=False),
    CheckConstraint(
        "kind IN ('text', 'number', 'choice', 'choices', 'date', 'phone', 'file', 'consent')", name="kind"
    ),
    CheckConstraint("per IN ('ticket', 'order')", name="per"),
    CheckConstraint("type_id IS NULL OR event_id IS NOT NULL", name="type"),
)
"""The questions to attendees (questions.py)."""
Index("ix_catalogue_questions_event", questions.c.event_id)

promo_codes = Table(
    "catalogue_promo_codes",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    # In capital letters, as it is compared.
    Column("code", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    # A percentage in hundredths of a percent, or an amount in minor units of `currency`; else 0.
    Column("value", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    # 1: hidden ticket types are sold with it.
    Column("unlocks", Integer, nullable=False),
    # Null: for all events; and for all ticket types of the event.
    Column("event_id", ForeignKey("catalogue_events.id")),
    Column("type_id", ForeignKey("catalogue_ticket_types.id")),
    # 0: without a limit.
    Column("opens_at", BigInteger, nullable=False),
    Column("closes_at", BigInteger, nullable=False),
    # Tickets; null without a limit.
    Column("max_uses", Integer),
    Column("max_per_person", Integer),
    # Held and confirmed seats with the code, including ended holds that have not been swept yet.
    Column("used", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # 0 until its organiser ends it.
    Column("ended_at", BigInteger, nullable=False),
    CheckConstraint("kind IN ('percentage', 'amount', 'free', 'unlock')", name="kind"),
    CheckConstraint("used >= 0 AND (max_uses IS NULL OR used <= max_uses)", name="used"),
)
_NOT_ENDED = promo_codes.c.ended_at == 0
partial_index("ix_catalogue_promo_codes_event_id", promo_codes.c.event_id, where=_NOT_ENDED)

promo_code_uses = Table(
    "catalogue_promo_code_uses",
    metadata,
    Column("code_id", ForeignKey("catalogue_promo_codes.id", ondelete="CASCADE"), primary_key=True),
    Column("person_id", ForeignKey("accounts_people.id"), primary_key=True),
    Column("used", Integer, nullable=False),
    CheckConstraint("used >= 0", name="used"),
)
"""The uses of a promo code by one person, counted for the limit per person."""

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

assignments = Table(
    "catalogue_assignments",
    metadata,
    # An event that a lead runs, or at whose door a member of staff stands.
    Column("person_id", ForeignKey("accounts_people.id"), primary_key=True, autoincrement=False),
    Column("event_id", ForeignKey("catalogue_events.id"), primary_key=True, autoincrement=False),
    Index("ix_catalogue_assignments_event", "event_id"),
)
