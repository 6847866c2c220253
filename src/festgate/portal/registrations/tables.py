"""The tables of all seats that were ever taken, and of the pauses of holds. The catalogue counts the free seats."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    bindparam,
    func,
    select,
)

from festgate.kit.clock import NEVER
from festgate.kit.db.statements import metadata, partial_index

seats = Table(
    "registrations_seats",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("event_id", ForeignKey("catalogue_events.id"), nullable=False),
    # Never null in a row that was written since the column exists; the migration set it in older ones.
    Column("type_id", ForeignKey("catalogue_ticket_types.id")),
    Column("person_id", ForeignKey("accounts_people.id"), nullable=False),
    # Numbers the live seats of a person at an event, from 0 to the event's `max_per_person` - 1.
    Column("slot", Integer, nullable=False),
    Column("state", Text, nullable=False),
    # When a held seat becomes free. An open order extends it; hold_ends_at keeps the time promised at first.
    Column("held_until", BigInteger, nullable=False),
    Column("hold_ends_at", BigInteger, nullable=False),
    Column("fee_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    # The order of the seat. Not a foreign key, because orders belong to a module above.
    Column("order_id", BigInteger),
    Column("taken_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    # The cause of its end (endings.py); null while it is live, or if it is unknown.
    Column("ended_by", Text),
    # The attendee, where it is not the person of `person_id`; else empty.
    Column("attendee_name", Text, nullable=False),
    Column("attendee_email", Text, nullable=False),
    # The tax in `fee_minor`, and its rate in hundredths of a percent.
    Column("tax_minor", BigInteger, nullable=False),
    Column("tax_rate", Integer, nullable=False),
    # The promo code that it was taken with.
    Column("code_id", ForeignKey("catalogue_promo_codes.id")),
    # Both, folded for searches (holders.py).
    Column("attendee_search", Text, nullable=False),
    # The team of the seat. Its captain is `person_id`; the member that occupies the seat, if any, `member_id`.
    Column("team_id", ForeignKey("registrations_teams.id")),
    Column("member_id", ForeignKey("accounts_people.id")),
    # 1: a pass, which has a place at each other event that it admits to (passes.py).
    Column("is_pass", Integer, nullable=False),
    # A place of that pass: it has the pass's state and times, and neither a fee nor an order.
    Column("pass_seat_id", ForeignKey("registrations_seats.id")),
    # The key of the email address of a guest without an account: one address may have several rows of people.
    Column("guest_key", Text),
    CheckConstraint("state IN ('held', 'confirmed', 'cancelled', 'lapsed')", name="state"),
)

LIVE = seats.c.state.in_(("held", "confirmed"))
HELD = seats.c.state == "held"

# A person has at most `max_per_person` live seats at an event, even if several requests arrive at once.
partial_index(
    "uq_registrations_seats_live", seats.c.event_id, seats.c.person_id, seats.c.slot, unique=True, where=LIVE
)
partial_index("ix_registrations_seats_held", seats.c.held_until, where=HELD)
Index("ix_registrations_seats_person", seats.c.person_id)
Index("ix_registrations_seats_order", seats.c.order_id)
Index("ix_registrations_seats_event", seats.c.event_id, seats.c.state)

_OF_GUEST = seats.c.guest_key.is_not(None)
# The same limit for all purchases of a guest's email address.
partial_index(
    "uq_registrations_seats_guest",
    seats.c.event_id,
    seats.c.guest_key,
    seats.c.slot,
    unique=True,
    where=LIVE & _OF_GUEST,
)
partial_index("ix_registrations_seats_guest", seats.c.guest_key, where=_OF_GUEST)

_IN_TEAM = seats.c.team_id.is_not(None)
_HAS_MEMBER = seats.c.member_id.is_not(None)
partial_index("ix_registrations_seats_team", seats.c.team_id, where=_IN_TEAM)
partial_index("ix_registrations_seats_member", seats.c.member_id, where=_HAS_MEMBER)
# A person is in at most one team at an event, and occupies one seat of it.
partial_index(
    "uq_registrations_seats_member",
    seats.c.event_id,
    seats.c.member_id,
    unique=True,
    where=LIVE & _HAS_MEMBER,
)

OF_PASS = seats.c.pass_seat_id.is_not(None)
partial_index("ix_registrations_seats_pass", seats.c.pass_seat_id, where=OF_PASS)

TEAM_SLOT = 1000
"""The first slot of a team's seats: a captain has one team at an event, besides the tickets for single people."""

teams = Table(
    "registrations_teams",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("event_id", ForeignKey("catalogue_events.id"), nullable=False),
    Column("type_id", ForeignKey("catalogue_ticket_types.id"), nullable=False),
    Column("captain_id", ForeignKey("accounts_people.id"), nullable=False),
    Column("name", Text, nullable=False),
    # The name without case and accents, unique among the live teams of the event.
    Column("name_key", Text, nullable=False),
    # The key of the link by which members join. The captain sees it again, so it is not hashed.
    Column("token", Text, nullable=False, unique=True),
    # The number of its live seats; 0 once it has ended.
    Column("size", Integer, nullable=False),
    # Invitations that its captain has sent by email.
    Column("invited", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    CheckConstraint("size >= 0", name="size"),
)
_HAS_SEATS = teams.c.size > 0
partial_index(
    "uq_registrations_teams_name", teams.c.event_id, teams.c.name_key, unique=True, where=_HAS_SEATS
)
Index("ix_registrations_teams_captain", teams.c.captain_id)
waiting = Table(
    "registrations_waiting",
    metadata,
    # Rises in each event, because its seats are locked when somebody joins: the order of the line.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("event_id", ForeignKey("catalogue_events.id"), nullable=False),
    Column("type_id", ForeignKey("catalogue_ticket_types.id"), nullable=False),
    Column("person_id", ForeignKey("accounts_people.id"), nullable=False),
    Column("quantity", Integer, nullable=False),
    # The tickets that were not offered yet.
    Column("remaining", Integer, nullable=False),
    Column("state", Text, nullable=False),
    # The applicant's message, and the organisers' sentence to it.
    Column("message", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("joined_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    CheckConstraint(
        "state IN ('applied', 'waiting', 'offered', 'declined', 'removed', 'left', 'ended')", name="state"
    ),
    CheckConstraint("remaining BETWEEN 0 AND quantity", name="remaining"),
)
"""Applications and places in the line for seats of an event (waiting_list.py)."""

IN_LINE = waiting.c.state.in_(("applied", "waiting"))

# A person is at most once in the line of an event.
partial_index(
    "uq_registrations_waiting_open", waiting.c.event_id, waiting.c.person_id, unique=True, where=IN_LINE
)
Index("ix_registrations_waiting_event", waiting.c.event_id, waiting.c.state)
Index("ix_registrations_waiting_person", waiting.c.person_id)

offers = Table(
    "registrations_offers",
    metadata,
    # The seat that is held for the person. Its state is the state of the offer.
    Column("seat_id", ForeignKey("registrations_seats.id"), primary_key=True),
    Column("waiting_id", ForeignKey("registrations_waiting.id"), nullable=False),
    Column("offered_at", BigInteger, nullable=False),
)
"""The seats that were offered to people on waiting lists, or after applications."""

Index("ix_registrations_offers_waiting", offers.c.waiting_id)

files = Table(
    "registrations_files",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("person_id", ForeignKey("accounts_people.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
"""The files that were uploaded as answers (files.py)."""
Index("ix_registrations_files_person", files.c.person_id)

file_space = Table(
    "registrations_file_space",
    metadata,
    # 0: the files of all people together.
    Column("person_id", BigInteger, primary_key=True, autoincrement=False),
    Column("used", BigInteger, nullable=False),
    CheckConstraint("used >= 0", name="used"),
)
"""The bytes of the files of each person, and of all: counts with limits."""

answers = Table(
    "registrations_answers",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("question_id", ForeignKey("catalogue_questions.id"), nullable=False),
    Column("event_id", ForeignKey("catalogue_events.id"), nullable=False),
    # Null: the answer is for all tickets that the person took at the event.
    Column("seat_id", ForeignKey("registrations_seats.id")),
    # The person whose answer it is: the one that took the seat, or the member of a team that occupies it.
    Column("person_id", ForeignKey("accounts_people.id"), nullable=False),
    # As answer_values.py writes it; the name of a file.
    Column("value", Text, nullable=False),
    Column("file_id", ForeignKey("registrations_files.id")),
    Column("answered_at", BigInteger, nullable=False),
)
"""The answers to the organisers' questions (answers.py)."""
_OF_TICKET = answers.c.seat_id.is_not(None)
_OF_ORDER = answers.c.seat_id.is_(None)
_WITH_FILE = answers.c.file_id.is_not(None)
partial_index(
    "uq_registrations_answers_seat", answers.c.seat_id, answers.c.question_id, unique=True, where=_OF_TICKET
)
partial_index(
    "uq_registrations_answers_order",
    answers.c.person_id,
    answers.c.event_id,
    answers.c.question_id,
    unique=True,
    where=_OF_ORDER,
)
Index("ix_registrations_answers_event", answers.c.event_id)
Index("ix_registrations_answers_person", answers.c.person_id)
Index("ix_registrations_answers_question", answers.c.question_id)
partial_index("ix_registrations_answers_file", answers.c.file_id, unique=True, where=_WITH_FILE)

pauses = Table(
    "registrations_pauses",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("began_at", BigInteger, nullable=False),
    # The end of the lease: the pause is over then, unless it is renewed.
    Column("ends_at", BigInteger, nullable=False),
    # When every hold was extended by the length of the pause; NEVER before that.
    Column("applied_at", BigInteger, nullable=False),
)
"""Times in which holds do not run out (pauses.py)."""

OPEN = pauses.c.applied_at == NEVER

# At most one pause is open.
partial_index("uq_registrations_pauses_open", pauses.c.applied_at, unique=True, where=OPEN)

_BEGAN = select(pauses.c.began_at).where(OPEN)
BEGAN = _BEGAN.scalar_subquery()
"""The beginning of the open pause; null without one."""
HOLD_NOW = func.coalesce(
    # A pause that begins later was written before the clock was set back, and is ignored.
    _BEGAN.where(pauses.c.began_at <= bindparam("now")).scalar_subquery(),
    bindparam("now"),
)
"""The time with which `held_until` is compared: `:now`, or the beginning of the pause."""
LIVE_NOW = LIVE & ((seats.c.state == "confirmed") | (seats.c.held_until > HOLD_NOW))
"""A seat that is held now, or confirmed. A hold that has ended is still LIVE until it is swept."""
# The places of a pass at other events are part of it.
WHOLE = seats.c.pass_seat_id.is_(None)
