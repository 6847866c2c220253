"""Reads of seats, each with what is known of its event."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import bindparam, case, func, select, table
from sqlalchemy.sql import column

from festgate.kit.clock import NEVER, Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import NotFound
from festgate.kit.money import Money
from festgate.portal.registrations.endings import EndedBy
from festgate.portal.registrations.tables import BEGAN, HELD, HOLD_NOW, LIVE, OPEN, pauses, seats

SeatState = Literal["held", "confirmed", "cancelled", "lapsed"]


@dataclass(frozen=True, slots=True)
class Seat:
    """A seat and its event. A hold that has ended by the clock reads as `lapsed`, swept or not."""

    id: int
    event_id: int
    person_id: int
    state: SeatState
    held_until: Milliseconds
    """While the clock of holds stands still, this goes on with the time, so that what is left is always the same."""
    fee: Money
    order_id: int | None
    title: str
    slug: str
    place: str
    starts_at: Milliseconds
    ends_at: Milliseconds
    stood: Milliseconds | None = None
    """How long the clock of this hold has stood still by now; None while it runs."""
    ended_by: EndedBy | None = None
    """Who cancelled it (endings.py); None while it is live, and where that was not recorded."""

    @property
    def payable(self) -> bool:
        """Held, and in no order yet."""
        return self.state == "held" and self.order_id is None


@dataclass(frozen=True)
class Lapses:
    """Holds that have ended by the clock though no operation has swept them: their seats are free."""

    seats: Mapping[int, int]
    """Free seats of this kind by event id."""
    next_at: Milliseconds
    """When the next hold ends; NEVER when none is open, or the clock of holds stands still."""


@dataclass(frozen=True, slots=True)
class SeatCount:
    """How many people have a seat at an event."""

    held: int
    confirmed: int
    paid: tuple[Money, ...]
    """What the confirmed seats cost together, in each currency; nothing for free ones."""


# Named here instead of imported: a module's tables are its own, but one join answers for a whole page.
_events = table(
    "catalogue_events", *(column(name) for name in ("id", "title", "slug", "place", "starts_at", "ends_at"))
)
_seat = select(
    seats.c.id,
    seats.c.event_id,
    seats.c.person_id,
    seats.c.state,
    seats.c.held_until,
    seats.c.fee_minor,
    seats.c.currency,
    seats.c.order_id,
    _events.c.title,
    _events.c.slug,
    _events.c.place,
    _events.c.starts_at,
    _events.c.ends_at,
    seats.c.taken_at,
    BEGAN,
    seats.c.ended_by,
).join_from(seats, _events, _events.c.id == seats.c.event_id)

_by_id = Statement(_seat.where(seats.c.id == bindparam("seat")))
_lock = Statement(_seat.where(seats.c.id == bindparam("seat")).with_for_update(of=seats))
_by_person = Statement(
    _seat.where(seats.c.person_id == bindparam("person")).order_by(_events.c.starts_at, seats.c.id)
)
_held_by_person = Statement(
    _seat.where(
        seats.c.person_id == bindparam("person"),
        HELD,
        seats.c.held_until > HOLD_NOW,
        seats.c.order_id.is_(None),
    ).order_by(seats.c.event_id)
)
_by_order = Statement(_seat.where(seats.c.order_id == bindparam("order")).order_by(seats.c.event_id))
_live = Statement(
    select(seats.c.id).where(
        seats.c.event_id == bindparam("event"),
        seats.c.person_id == bindparam("person"),
        LIVE,
        (seats.c.state == "confirmed") | (seats.c.held_until > HOLD_NOW),
    )
)
_seats_at = Statement(
    select(
        func.count(),
        func.max(
            case((LIVE & ((seats.c.state == "confirmed") | (seats.c.held_until > HOLD_NOW)), 1), else_=0)
        ),
    ).where(
        seats.c.person_id == bindparam("person"),
        # `+ 0`: as below, for a person who has had few seats of an event that has many.
        seats.c.event_id + 0 == bindparam("event"),
    )
)
_count_held = Statement(
    select(func.count()).where(
        seats.c.person_id == bindparam("person"),
        HELD,
        seats.c.held_until > HOLD_NOW,
        seats.c.order_id.is_(None),
    )
)
_count_live = Statement(
    select(func.count()).where(
        seats.c.person_id == bindparam("person"),
        LIVE,
        (seats.c.state == "confirmed") | (seats.c.held_until > HOLD_NOW),
    )
)
_confirmed_since = Statement(
    select(seats.c.id).where(
        seats.c.person_id == bindparam("person"),
        seats.c.state == "confirmed",
        seats.c.changed_at > bindparam("since"),
    )
)
# `+ 0` keeps SQLite from the index over events, in which it would walk past every seat that was ever taken instead of
# the few whose hold has ended: 7 us instead of 67 for an event with 300 held seats.
_event = seats.c.event_id + 0
_lapsed = Statement(select(_event, func.count()).where(HELD, seats.c.held_until <= HOLD_NOW).group_by(_event))
_lapsed_of_event = Statement(
    select(func.count()).where(HELD, _event == bindparam("event"), seats.c.held_until <= HOLD_NOW)
)
_next_lapse = Statement(
    select(func.min(seats.c.held_until)).where(
        HELD, seats.c.held_until > bindparam("now"), ~select(pauses.c.id).where(OPEN).exists()
    )
)
_live_of_event = Statement(
    _seat.where(seats.c.event_id == bindparam("event"), LIVE).order_by(seats.c.id).limit(bindparam("most"))
)
_counts = Statement(
    select(seats.c.event_id, seats.c.state, func.count())
    .where(LIVE)
    .group_by(seats.c.event_id, seats.c.state)
)
_seats_of_event = Statement(
    select(seats.c.state, seats.c.currency, func.count(), func.sum(seats.c.fee_minor))
    .where(
        seats.c.event_id == bindparam("event"),
        (seats.c.state == "confirmed") | (HELD & (seats.c.held_until > HOLD_NOW)),
    )
    .group_by(seats.c.state, seats.c.currency)
    .order_by(seats.c.currency)
)


def _read(row: tuple[Any, ...], now: Milliseconds) -> Seat:
    (
        number,
        event,
        person,
        state,
        until,
        fee,
        currency,
        order,
        title,
        slug,
        place,
        starts,
        ends,
        taken,
        began,
        ended_by,
    ) = row
    stood: Milliseconds | None = None
    if state == "held":
        if began is not None and began <= now:
            stood = max(0, now - max(began, taken))
        if until + (stood or 0) <= now:
            state = "lapsed"
            stood = None
    return Seat(
        number,
        event,
        person,
        state,
        until + (stood or 0),
        Money(fee, currency),
        order,
        title,
        slug,
        place,
        starts,
        ends,
        stood,
        ended_by,
    )


def seat(connection: Connection, seat_id: int) -> Seat:
    """The seat; NotFound when there is none of that id."""
    row = connection.first(_by_id, seat=seat_id)
    if row is None:
        raise NotFound
    return _read(row, connection.now)


def lock_seat(connection: Connection, seat_id: int) -> Seat | None:
    """The seat, which nobody else can change before this transaction ends; None when there is none."""
    row = connection.first(_lock, seat=seat_id)
    return None if row is None else _read(row, connection.now)


def seats_of(connection: Connection, person_id: int) -> list[Seat]:
    """Every seat the person has or had, by the event's start."""
    return [_read(row, connection.now) for row in connection.all(_by_person, person=person_id)]


def payable_seats(connection: Connection, person_id: int) -> list[Seat]:
    """The held seats that are in no order yet, by event id."""
    rows = connection.all(_held_by_person, person=person_id, now=connection.now)
    return [_read(row, connection.now) for row in rows]


def seats_of_order(connection: Connection, order_id: int) -> list[Seat]:
    """The seats that belong to the order, by event id."""
    return [_read(row, connection.now) for row in connection.all(_by_order, order=order_id)]


def kept_until(connection: Connection, order_id: int) -> Milliseconds:
    """When the first hold of the order's seats ends, or has ended, as its clock stands now; 0 when it has none."""
    owned = seats_of_order(connection, order_id)
    return min((seat.held_until for seat in owned if seat.state in ("held", "lapsed")), default=0)


def live_seats_of_event(connection: Connection, event_id: int, most: int) -> list[Seat]:
    """At most `most` of the seats at that event that are held or confirmed."""
    rows = connection.all(_live_of_event, event=event_id, most=most)
    return [_read(row, connection.now) for row in rows]


def has_live_seat(connection: Connection, person_id: int, event_id: int) -> bool:
    """Whether the person holds a seat at the event, or has one for good."""
    return connection.first(_live, person=person_id, event=event_id, now=connection.now) is not None


def count_seats_at(connection: Connection, person_id: int, event_id: int) -> tuple[int, bool]:
    """Return how many seats the person has or had at the event, and whether one of them is live."""
    count, live = connection.all(_seats_at, person=person_id, event=event_id, now=connection.now)[0]
    return count, live == 1


def count_held(connection: Connection, person_id: int) -> int:
    """How many seats the person holds that wait to be paid."""
    count: int = connection.value(_count_held, person=person_id, now=connection.now)
    return count


def count_live(connection: Connection, person_id: int) -> int:
    """Return how many seats the person holds or has for good."""
    count: int = connection.value(_count_live, person=person_id, now=connection.now)
    return count


def has_confirmed_since(connection: Connection, person_id: int, since: Milliseconds) -> bool:
    """Whether a seat became the person's for good after that time."""
    return connection.first(_confirmed_since, person=person_id, since=since) is not None


def count_lapsed(connection: Connection, event_id: int) -> int:
    """How many seats of the event are free though still counted as taken."""
    count: int = connection.value(_lapsed_of_event, event=event_id, now=connection.now)
    return count


def find_lapses(connection: Connection) -> Lapses:
    """All holds that have ended and await sweeping, and when the next one will end."""
    now = connection.now
    next_at = connection.value(_next_lapse, now=now)
    return Lapses(
        {event: count for event, count in connection.all(_lapsed, now=now)},  # noqa: C416  (typed, unlike dict())
        NEVER if next_at is None else next_at,
    )


def live_counts(connection: Connection) -> dict[tuple[int, str], int]:
    """Held and confirmed seats as the rows say, by (event id, state); for proving the catalogue's count."""
    return {(event, state): count for event, state, count in connection.all(_counts)}


def count_seats(connection: Connection, event_id: int) -> SeatCount:
    """Return how many seats of the event are held and confirmed now, without holds that have ended."""
    rows = connection.all(_seats_of_event, event=event_id, now=connection.now)
    return SeatCount(
        sum(count for state, _, count, _ in rows if state == "held"),
        sum(count for state, _, count, _ in rows if state == "confirmed"),
        # PostgreSQL adds whole numbers up to a decimal one.
        tuple(
            Money(int(fees), currency) for state, currency, _, fees in rows if state == "confirmed" and fees
        ),
    )
