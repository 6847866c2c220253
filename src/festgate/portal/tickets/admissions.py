"""Who is in: what the door reads of tickets, and the record of check-ins that were taken back."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, func, insert, select, table
from sqlalchemy.sql import column

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement, contains, like_pattern
from festgate.portal.accounts import facade as accounts
from festgate.portal.tickets.queries import TicketState
from festgate.portal.tickets.tables import tickets, undone_admissions

MAX_FOUND = 20
"""People whom a search shows: more than that are found by another letter of their name."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A ticket as the door sees it."""

    ticket_id: int
    code: str
    state: TicketState
    seat_id: int
    event_id: int
    holder: str
    """The username."""
    email: str
    admitted_at: Milliseconds | None
    """None while the holder is not in."""
    admitted_by: str | None
    """The username of who let them in."""


@dataclass(frozen=True, slots=True)
class Attendance:
    """How many people are in at an event, of those who have a valid ticket."""

    inside: int
    expected: int


# Named here instead of imported: a module's tables are its own, but one join answers for a whole page.
_people = table(
    "accounts_people", *(column(name) for name in ("id", "username", "username_key", "email", "email_key"))
)
_staff = _people.alias("staff")
_arrival = (
    select(
        tickets.c.id,
        tickets.c.code,
        tickets.c.state,
        tickets.c.seat_id,
        tickets.c.event_id,
        _people.c.username,
        _people.c.email,
        tickets.c.admitted_at,
        _staff.c.username,
    )
    .join_from(tickets, _people, _people.c.id == tickets.c.person_id)
    .join(_staff, _staff.c.id == tickets.c.admitted_by, isouter=True)
)
_by_code = Statement(_arrival.where(tickets.c.code == bindparam("code")))
_latest = Statement(
    _arrival.where(
        tickets.c.event_id == bindparam("event"),
        tickets.c.state == "valid",
        tickets.c.admitted_at.is_not(None),
    )
    .order_by(tickets.c.admitted_at.desc(), tickets.c.id.desc())
    .limit(bindparam("most"))
)
_named = Statement(
    _arrival.where(
        tickets.c.event_id == bindparam("event"),
        tickets.c.state == "valid",
        contains(_people.c.username_key, "words") | contains(_people.c.email_key, "words"),
    )
    .order_by(_people.c.username_key)
    .limit(bindparam("most"))
)
_attendance = Statement(
    select(func.count(tickets.c.admitted_at), func.count()).where(
        tickets.c.event_id == bindparam("event"), tickets.c.state == "valid"
    )
)
_attendances = Statement(
    select(tickets.c.event_id, func.count(tickets.c.admitted_at), func.count())
    .where(tickets.c.state == "valid")
    .group_by(tickets.c.event_id)
)
_record_undone = Statement(
    insert(undone_admissions).from_select(
        ["ticket_id", "admitted_at", "admitted_by", "undone_at", "undone_by"],
        select(
            tickets.c.id,
            tickets.c.admitted_at,
            tickets.c.admitted_by,
            bindparam("now", type_=undone_admissions.c.undone_at.type),
            bindparam("staff", type_=undone_admissions.c.undone_by.type),
        ).where(tickets.c.seat_id == bindparam("seat"), tickets.c.admitted_at.is_not(None)),
    )
)


def find_arrival(connection: Connection, code: str) -> Arrival | None:
    """The ticket of that code, valid or void, with its holder; None when there is none."""
    row = connection.first(_by_code, code=code)
    return None if row is None else Arrival(*row)


def latest_arrivals(connection: Connection, event_id: int, most: int) -> list[Arrival]:
    """At most `most` of those who are in at the event, whoever came last first."""
    return [Arrival(*row) for row in connection.all(_latest, event=event_id, most=most)]


def find_by_name(connection: Connection, event_id: int, words: str) -> list[Arrival]:
    """Holders of valid tickets whose username or email address holds `words`, by username; at most MAX_FOUND.

    It looks at every holder of the event, so it is for `Database.report`.
    """
    sought = like_pattern(accounts.key_of(words))
    rows = connection.all(_named, event=event_id, words=sought, most=MAX_FOUND)
    return [Arrival(*row) for row in rows]


def attendance_of(connection: Connection, event_id: int) -> Attendance:
    """Of one event."""
    row = connection.first(_attendance, event=event_id)
    return Attendance(*row) if row else Attendance(0, 0)


def all_attendances(connection: Connection) -> Mapping[int, Attendance]:
    """By event id; an event without a valid ticket is not there."""
    return {event: Attendance(inside, expected) for event, inside, expected in connection.all(_attendances)}


def record_undone(connection: Connection, seat_id: int, staff_id: int | None) -> int:
    """Keep who was let in with the seat's ticket, when and by whom, before that is taken back by `staff_id`.

    None for the fest itself, whose ticket became void. How many were kept: 0 when nobody was in, else 1.
    """
    return connection.run(_record_undone, seat=seat_id, now=connection.now, staff=staff_id)
