"""Reads of the door: tickets with their holders, and how many of an event's guests are in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select, table
from sqlalchemy.sql import column

from festgate.kit.clock import MINUTE, Milliseconds
from festgate.kit.db.search import has_words, word_values, words_of
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.text import searchable
from festgate.portal.tickets.facade import TicketState

MAX_FOUND = 20
"""Guests that a search lists; one more letter of the name narrows it down."""
QUARTER = 15 * MINUTE
"""The steps in which check-ins are counted: every time zone's hour begins at one."""


MAX_GUESTS = 100_000
"""Guests of an event that a search of names looks at."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A ticket with its holder and its check-in."""

    ticket_id: int
    code: str
    state: TicketState
    seat_id: int
    event_id: int
    holder_id: int
    holder: str
    """The username of the account that the ticket belongs to."""
    name: str
    """The name of that account; empty if it has none."""
    email: str
    admitted_at: Milliseconds | None
    """None while the holder is not in."""
    admitted_by: str | None
    """The username of the member of staff who checked them in."""
    type_name: str
    """The ticket type; empty for the only type of an event."""
    attendee_name: str
    """The name of the attendee; empty: that of the account."""
    attendee_email: str
    """The attendee's email address; empty: that of the account."""
    team_name: str | None
    own_code: str
    """The ticket's own code; that of a pass's place at another event is sent to nobody."""
    pass_seat_id: int | None
    """The seat of the pass, where the ticket is that of its place at another event."""

    @property
    def holder_name(self) -> str:
        """Return the name of the ticket's holder: the attendee's, or that of the account, or the username."""
        return self.attendee_name or self.name or self.holder

    @property
    def holder_email(self) -> str:
        """Return the email address of the ticket's holder."""
        return self.attendee_email or self.email

    @property
    def is_for_other(self) -> bool:
        """Return whether the ticket has the name of an attendee that differs from the account's."""
        return self.attendee_name not in ("", self.name)


@dataclass(frozen=True, slots=True)
class Attendance:
    """The number of an event's guests who are in, of those who have a valid ticket."""

    inside: int
    expected: int


# Tables of lower modules, by name (decision 0012): one join answers for a whole page.
tickets = table(
    "tickets_tickets",
    *map(
        column,
        (
            "id",
            "code",
            "state",
            "seat_id",
            "person_id",
            "event_id",
            "admitted_at",
            "admitted_by",
            "pass_ticket_id",
        ),
    ),
)
_people = table("accounts_people", *map(column, ("id", "username", "name", "email", "search")))
_staff = _people.alias("staff")
_seats = table(
    "registrations_seats",
    *map(column, ("id", "type_id", "attendee_name", "attendee_email", "attendee_search", "team_id")),
)
_teams = table("registrations_teams", *map(column, ("id", "name", "name_key")))
_types = table("catalogue_ticket_types", *map(column, ("id", "name")))
_whole = tickets.alias("whole")
_arrival = (
    select(
        tickets.c.id,
        # At each of its events a pass has the code of its own ticket.
        func.coalesce(_whole.c.code, tickets.c.code),
        *tickets.c["state", "seat_id", "event_id"],
        *_people.c["id", "username", "name", "email"],
        tickets.c.admitted_at,
        _staff.c.username,
        _types.c.name,
        *_seats.c["attendee_name", "attendee_email"],
        _teams.c.name,
        tickets.c.code,
        _whole.c.seat_id,
    )
    .join_from(tickets, _people, _people.c.id == tickets.c.person_id)
    .join(_seats, _seats.c.id == tickets.c.seat_id)
    .join(_types, _types.c.id == _seats.c.type_id)
    .join(_teams, _teams.c.id == _seats.c.team_id, isouter=True)
    .join(_staff, _staff.c.id == tickets.c.admitted_by, isouter=True)
    .join(_whole, _whole.c.id == tickets.c.pass_ticket_id, isouter=True)
)
_GUESTS = (tickets.c.event_id == bindparam("event")) & (tickets.c.state == "valid")
_by_code = Statement(_arrival.where(tickets.c.code == bindparam("code"), tickets.c.pass_ticket_id.is_(None)))
_of_pass = Statement(
    _arrival.where(_whole.c.code == bindparam("code"), tickets.c.event_id == bindparam("event")).order_by(
        tickets.c.id.desc()
    )
)
_latest = Statement(
    _arrival.where(_GUESTS, tickets.c.admitted_at.is_not(None))
    .order_by(tickets.c.admitted_at.desc(), tickets.c.id.desc())
    .limit(bindparam("limit"))
)
_named = Statement(
    _arrival.where(_GUESTS, has_words(_people.c.search + " " + _seats.c.attendee_search))
    .order_by(_people.c.search, tickets.c.id)
    .limit(bindparam("limit"))
)
_attendance = Statement(select(func.count(tickets.c.admitted_at), func.count()).where(_GUESTS))
_attendances = Statement(
    select(tickets.c.event_id, func.count(tickets.c.admitted_at), func.count())
    .where(tickets.c.state == "valid")
    .group_by(tickets.c.event_id)
)

_step = tickets.c.admitted_at // QUARTER
_over_time = Statement(
    select(_step, func.count()).where(_GUESTS, tickets.c.admitted_at.is_not(None)).group_by(_step)
)


def find_arrival(connection: Connection, code: str) -> Arrival | None:
    """Return the ticket with that code, valid or void, with its holder; None when there is none."""
    row = connection.first(_by_code, code=code)
    return None if row is None else Arrival(*row)


def find_place(connection: Connection, code: str, event_id: int) -> Arrival | None:
    """Return the ticket of a pass with that code for another event that it admits to; None when there is none."""
    row = connection.first(_of_pass, code=code, event=event_id)
    return None if row is None else Arrival(*row)


def latest_arrivals(connection: Connection, event_id: int, limit: int) -> list[Arrival]:
    """Return at most `limit` check-ins of the event, the latest first."""
    return [Arrival(*row) for row in connection.all(_latest, event=event_id, limit=limit)]


def find_by_name(
    connection: Connection, event_id: int, words: str, *, by_email: bool = True
) -> list[Arrival]:
    """Return the holders of valid tickets whose names and username contain all `words`, by name.

    With `by_email` the words may be in an email address too: a search must not reveal one to staff at the door. The
    names and addresses are those of the attendee and of the account.

    At most MAX_FOUND. It looks at every holder of the event, so it is for `Database.report`.
    """
    wanted = words_of(words)
    limit = MAX_FOUND if by_email else MAX_GUESTS
    rows = connection.all(_named, event=event_id, limit=limit, **word_values(wanted))
    arrivals = [Arrival(*row) for row in rows]
    if by_email:
        return arrivals
    return [arrival for arrival in arrivals if _is_named(arrival, wanted)][:MAX_FOUND]


def _is_named(arrival: Arrival, wanted: Sequence[str]) -> bool:
    """Return whether the names that the door shows contain all words."""
    names = searchable(f"{arrival.attendee_name} {arrival.name} {arrival.holder} {arrival.team_name or ''}")
    return all(word in names for word in wanted)


def attendance_of(connection: Connection, event_id: int) -> Attendance:
    """Return the attendance of one event."""
    return Attendance(*connection.all(_attendance, event=event_id)[0])


def all_attendances(connection: Connection) -> Mapping[int, Attendance]:
    """Return the attendance of each event that has a valid ticket, by event id."""
    return {event: Attendance(inside, expected) for event, inside, expected in connection.all(_attendances)}


def arrivals_over_time(connection: Connection, event_id: int) -> list[tuple[Milliseconds, int]]:
    """Return (beginning of a quarter of an hour, number) of the event's check-ins."""
    rows = connection.all(_over_time, event=event_id)
    return sorted((step * QUARTER, count) for step, count in rows)
