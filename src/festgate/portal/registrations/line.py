"""The line for seats of an event: its rows, and reads of them.

An entry waits for one ticket type. Its state is `applied` (an organiser has to decide), `waiting`, `offered` once every
ticket was offered, or the cause of its end. The state of an offer is the state of its seat, so nothing has to be
written when a seat is confirmed or a hold runs out.
"""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import bindparam, case, func, select, table, update
from sqlalchemy.sql import column

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement, inserting
from festgate.kit.errors import NotFound
from festgate.portal.catalogue.facade import OwnPlace
from festgate.portal.registrations.tables import HELD, HOLD_NOW, IN_LINE, offers, seats, waiting

EntryState = Literal["applied", "waiting", "offered", "declined", "removed", "left", "ended"]
ShownState = Literal[
    "applied", "waiting", "offered", "taken", "expired", "given-back", "declined", "removed", "left", "ended"
]
"""The state of an entry with its offers, as people see it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A place in the line, or an application."""

    id: int
    event_id: int
    type_id: int
    person_id: int
    quantity: int
    remaining: int
    """The tickets that were not offered yet."""
    state: EntryState
    message: str
    answer: str
    joined_at: Milliseconds
    title: str
    slug: str
    starts_at: Milliseconds
    ends_at: Milliseconds
    type_name: str
    offered: int
    """Offered seats that are held for the person now."""
    taken: int
    """Offered seats that the person has taken."""
    lapsed: int
    """Offered seats whose time ran out."""
    offered_until: Milliseconds
    """The first end of the offered seats; 0 without any."""
    place: int
    """The place in the line, from 1; 0 for an entry that does not wait."""

    @property
    def label(self) -> str:
        """The title of the event, with the ticket type if it has a name."""
        return f"{self.title}: {self.type_name}" if self.type_name else self.title

    @property
    def shown_state(self) -> ShownState:
        """The state as people see it: the seats decide where every ticket was offered."""
        if self.offered:
            return "offered"
        if self.state != "offered":
            return self.state
        return "taken" if self.taken else "expired" if self.lapsed else "given-back"

    @property
    def is_open(self) -> bool:
        """Return whether its person can still leave it."""
        return self.state in ("applied", "waiting")


_events = table(
    "catalogue_events", *(column(name) for name in ("id", "title", "slug", "starts_at", "ends_at"))
)
_types = table("catalogue_ticket_types", *(column(name) for name in ("id", "name")))
_before = waiting.alias("before")

_fields = waiting.c[
    "id",
    "event_id",
    "type_id",
    "person_id",
    "quantity",
    "remaining",
    "state",
    "message",
    "answer",
    "joined_at",
]
_seat_of_offer = seats.c.id == offers.c.seat_id
_of_entry = offers.c.waiting_id == waiting.c.id
_held_now = HELD & (seats.c.held_until > HOLD_NOW)


def _seats_where(condition: Any, what: Any) -> Any:  # noqa: ANN401  (SQLAlchemy's own types)
    joined = select(what).select_from(offers).join(seats, _seat_of_offer).where(_of_entry, condition)
    return joined.correlate(waiting).scalar_subquery()


_entry = (
    select(
        *_fields,
        *_events.c["title", "slug", "starts_at", "ends_at"],
        _types.c.name,
        _seats_where(_held_now, func.count()),
        _seats_where(seats.c.state == "confirmed", func.count()),
        _seats_where((seats.c.state == "lapsed") | (HELD & (seats.c.held_until <= HOLD_NOW)), func.count()),
        func.coalesce(_seats_where(_held_now, func.min(seats.c.held_until)), 0),
        case(
            (
                waiting.c.state == "waiting",
                select(func.count())
                .select_from(_before)
                .where(
                    _before.c.event_id == waiting.c.event_id,
                    _before.c.type_id == waiting.c.type_id,
                    _before.c.state == "waiting",
                    _before.c.id <= waiting.c.id,
                )
                .correlate(waiting)
                .scalar_subquery(),
            ),
            else_=0,
        ),
    )
    .join_from(waiting, _events, _events.c.id == waiting.c.event_id)
    .join(_types, _types.c.id == waiting.c.type_id)
)
_by_id = Statement(_entry.where(waiting.c.id == bindparam("entry")))
_of_event = Statement(_entry.where(waiting.c.event_id == bindparam("event")).order_by(waiting.c.id))
_of_person = Statement(_entry.where(waiting.c.person_id == bindparam("person")).order_by(waiting.c.id.desc()))
_open_of_person = Statement(
    _entry.where(
        waiting.c.person_id == bindparam("person"), IN_LINE, _events.c.ends_at > bindparam("now")
    ).order_by(_events.c.starts_at, waiting.c.id)
)
_at_event = Statement(
    _entry.where(waiting.c.person_id == bindparam("person"), _events.c.slug == bindparam("slug"))
    .order_by(waiting.c.id.desc())
    .limit(1)
)
_of_seat = Statement(_entry.join(offers, _of_entry).where(offers.c.seat_id == bindparam("seat")))
_in_line = Statement(
    select(*waiting.c["id", "type_id", "person_id", "remaining"])
    .where(waiting.c.event_id == bindparam("event"), waiting.c.state == "waiting")
    .order_by(waiting.c.id)
)
_since = Statement(
    select(func.count(), func.min(waiting.c.joined_at)).where(
        waiting.c.person_id == bindparam("person"),
        waiting.c.event_id == bindparam("event"),
        waiting.c.joined_at > bindparam("since"),
    )
)
_sums = Statement(
    select(waiting.c.event_id, func.sum(waiting.c.remaining))
    .where(waiting.c.state == "waiting")
    .group_by(waiting.c.event_id)
)
_foreign_offers = Statement(
    select(offers.c.seat_id)
    .join_from(offers, waiting, waiting.c.id == offers.c.waiting_id)
    .join(seats, _seat_of_offer)
    .where(
        (seats.c.event_id != waiting.c.event_id)
        | (seats.c.person_id != waiting.c.person_id)
        | (seats.c.type_id != waiting.c.type_id)
    )
    .order_by(offers.c.seat_id)
)
_counts = Statement(
    select(
        waiting.c.id, waiting.c.state, waiting.c.quantity, waiting.c.remaining, func.count(offers.c.seat_id)
    )
    .join_from(waiting, offers, _of_entry, isouter=True)
    .group_by(waiting.c.id, waiting.c.state, waiting.c.quantity, waiting.c.remaining)
    .order_by(waiting.c.id)
)
_add = inserting(waiting, returning="id")
_add_offer = inserting(offers)
_set = Statement(
    update(waiting)
    .where(waiting.c.id == bindparam("entry"), waiting.c.state == bindparam("seen"))
    .values(
        state=bindparam("new_state"),
        remaining=bindparam("new_remaining"),
        answer=bindparam("new_answer"),
        changed_at=bindparam("now"),
    )
)
_reduce = Statement(
    update(waiting)
    .where(waiting.c.id == bindparam("entry"), waiting.c.state == "waiting")
    .values(
        remaining=waiting.c.remaining - bindparam("count"),
        state=case((waiting.c.remaining == bindparam("count"), "offered"), else_="waiting"),
        changed_at=bindparam("now"),
    )
)
_lock_open = Statement(
    select(waiting.c.id).where(
        waiting.c.event_id == bindparam("event"), waiting.c.person_id == bindparam("person"), IN_LINE
    )
)
_wipe = Statement(
    update(waiting).where(waiting.c.person_id == bindparam("person")).values(message="", answer="")
)


def entry_by_id(connection: Connection, entry_id: int) -> Entry:
    """Return the entry. Raises NotFound."""
    return _one(connection.first(_by_id, entry=entry_id, now=connection.now))


def entry_of_seat(connection: Connection, seat_id: int) -> Entry | None:
    """Return the entry to which the seat was offered; None if it was not offered."""
    row = connection.first(_of_seat, seat=seat_id, now=connection.now)
    return None if row is None else Entry(*row)


def entries_of_event(connection: Connection, event_id: int) -> list[Entry]:
    """Return every entry of the event, in the order of the line."""
    return [Entry(*row) for row in connection.all(_of_event, event=event_id, now=connection.now)]


def entries_of(connection: Connection, person_id: int) -> list[Entry]:
    """Return every entry of the person, the newest first."""
    return [Entry(*row) for row in connection.all(_of_person, person=person_id, now=connection.now)]


def open_entries_of(connection: Connection, person_id: int) -> list[Entry]:
    """Return the person's places and applications at events that have not ended, by the event's start."""
    return [Entry(*row) for row in connection.all(_open_of_person, person=person_id, now=connection.now)]


def entry_at(connection: Connection, person_id: int, slug: str) -> Entry | None:
    """Return the newest entry of the person at the event; None without any."""
    row = connection.first(_at_event, person=person_id, slug=slug, now=connection.now)
    return None if row is None else Entry(*row)


def own_place(connection: Connection, person_id: int, slug: str) -> OwnPlace | None:
    """Return the newest entry of the person at the event, for the event's page; None without any."""
    entry = entry_at(connection, person_id, slug)
    if entry is None:
        return None
    state = entry.state if entry.is_open else entry.shown_state
    return OwnPlace(entry.id, state, entry.place, entry.remaining, entry.answer)


def open_entry(connection: Connection, person_id: int, event_id: int) -> int | None:
    """Return the id of the person's entry that waits or asks for approval; None without one."""
    entry_id: int | None = connection.value(_lock_open, event=event_id, person=person_id)
    return entry_id


def in_line(connection: Connection, event_id: int) -> list[tuple[int, int, int, int]]:
    """Return the (id, ticket type, person, remaining tickets) of those on the waiting list, in its order."""
    return [(row[0], row[1], row[2], row[3]) for row in connection.all(_in_line, event=event_id)]


def count_joined(
    connection: Connection, person_id: int, event_id: int, since: Milliseconds
) -> tuple[int, Milliseconds]:
    """Return how often the person has joined the line of the event since that time, and when they first did."""
    count, first = connection.all(_since, person=person_id, event=event_id, since=since)[0]
    return count, first or 0


def waiting_by_event(connection: Connection) -> dict[int, int]:
    """Return the number of tickets that people wait for, by event id, to check the counts."""
    return {event: int(count) for event, count in connection.all(_sums)}


def foreign_offers(connection: Connection) -> list[int]:
    """Return the offered seats of another event, person or ticket type than their entry's."""
    return [seat_id for (seat_id,) in connection.all(_foreign_offers)]


def offers_by_entry(connection: Connection) -> list[tuple[int, str, int, int, int]]:
    """Return (id, state, quantity, remaining tickets, offered seats) of every entry, to check them."""
    return [(row[0], row[1], row[2], row[3], row[4]) for row in connection.all(_counts)]


def add_entry(
    connection: Connection,
    event_id: int,
    type_id: int,
    person_id: int,
    quantity: int,
    state: EntryState,
    message: str,
) -> int:
    """Add an entry at the end of the line, and return its id. The caller has locked the event's seats."""
    entry_id: int = connection.value(
        _add,
        event_id=event_id,
        type_id=type_id,
        person_id=person_id,
        quantity=quantity,
        remaining=quantity,
        state=state,
        message=message,
        answer="",
        joined_at=connection.now,
        changed_at=connection.now,
    )
    return entry_id


def add_offer(connection: Connection, entry_id: int, seat_id: int) -> None:
    """Record that the seat was offered to the entry."""
    connection.run(_add_offer, seat_id=seat_id, waiting_id=entry_id, offered_at=connection.now)


def reduce_entry(connection: Connection, entry_id: int, count: int) -> None:
    """Record that `count` more tickets of an entry that waits were offered."""
    connection.run(_reduce, entry=entry_id, count=count, now=connection.now)


def set_entry(
    connection: Connection, entry: Entry, state: EntryState, remaining: int, answer: str | None = None
) -> bool:
    """Give the entry another state; return False if somebody else has changed it since."""
    new_answer = entry.answer if answer is None else answer
    return bool(
        connection.run(
            _set,
            entry=entry.id,
            seen=entry.state,
            new_state=state,
            new_remaining=remaining,
            new_answer=new_answer,
            now=connection.now,
        )
    )


def wipe_messages(connection: Connection, person_id: int) -> None:
    """Delete what the person wrote to the organisers, and their answers."""
    connection.run(_wipe, person=person_id)


def _one(row: tuple[Any, ...] | None) -> Entry:
    if row is None:
        raise NotFound
    return Entry(*row)
