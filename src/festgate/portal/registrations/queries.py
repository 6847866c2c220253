"""Reads of seats, each with its event, and of the pause of holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sqlalchemy import bindparam, case, func, select, table
from sqlalchemy.sql import column

from festgate.kit.clock import NEVER, Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import NotFound
from festgate.kit.money import Money
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import LapsedHolds, OwnSeat, OwnSeatState, stored_rule
from festgate.portal.registrations.endings import EndedBy
from festgate.portal.registrations.tables import (
    BEGAN,
    HELD,
    HOLD_NOW,
    IN_LINE,
    LIVE,
    LIVE_NOW,
    OPEN,
    TEAM_SLOT,
    WHOLE,
    pauses,
    seats,
    teams,
    waiting,
)

SeatState = Literal["held", "confirmed", "cancelled", "lapsed"]
SeatReferences: TypeAlias = Callable[[Connection, int], Mapping[int, str]]
"""A query of a module above: for a person id, the ticket code or order reference of their seats, by seat id."""
IsUsed: TypeAlias = Callable[[Connection, int], bool]
"""A query of a module above: whether somebody was checked in with the seat of that id."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A seat and its event. A hold that has ended is read as `lapsed`, swept or not."""

    id: int
    event_id: int
    type_id: int
    """The ticket type."""
    person_id: int
    slot: int
    """Its number among the person's live seats at the event."""
    state: SeatState
    held_until: Milliseconds
    """While holds are paused this moves on with the time, so that the time left stays the same."""
    fee: Money
    order_id: int | None
    stood: Milliseconds | None
    """How long this hold has been paused by now; None while holds are not paused."""
    ended_by: EndedBy | None
    """The cause of its end (endings.py); None while it is live, or if it was not recorded."""
    title: str
    slug: str
    place: str
    starts_at: Milliseconds
    ends_at: Milliseconds
    type_name: str
    """The name of the ticket type; empty for the only type of an event."""
    attendee_name: str
    """The name of the attendee; empty: that of the seat's person."""
    attendee_email: str
    """The attendee's email address; empty: that of the seat's person."""
    refund_rule: str
    """The refund rule of the event, as the catalogue stores it."""
    tax_minor: int
    tax_rate: int
    """The rate, in hundredths of a percent."""
    code_id: int | None
    """The promo code that it was taken with."""
    code: str | None
    """The text of that code."""
    ticket_names: catalogue.NameRule
    """The event's rule about names on tickets."""
    names_until: Milliseconds
    """Until then the buyer can change the name; 0: the event's start."""
    team_id: int | None
    member_id: int | None
    """The member of the team that occupies the seat; None without a team, and for a free place of one."""
    team_name: str | None
    is_pass: int
    """1: it has a place at each other event that the pass admits to."""
    pass_seat_id: int | None
    """The pass of which it is the place at another event; else None."""
    asks: int
    """The number of questions to the attendees of the event."""
    answers_until: Milliseconds
    """Until then answers can be changed; 0: the event's start."""
    guest_key: str | None = None
    """The key of the email address of the guest that took it without an account."""

    @property
    def tax(self) -> Money:
        """The tax in the fee."""
        return Money(self.tax_minor, self.fee.currency)

    @property
    def emailed_id(self) -> int | None:
        """The person that gets emails about this seat alone; None for a free place of a team."""
        return self.person_id if self.team_id is None else self.member_id

    @property
    def label(self) -> str:
        """The title of the event, with the ticket type if it has a name."""
        return f"{self.title}: {self.type_name}" if self.type_name else self.title

    @property
    def refunds(self) -> str:
        """The refund rule in words; empty if the attendee cannot cancel by themselves."""
        rule = self.own_refund_rule
        return ", ".join(stored_rule(rule).sentences()) if rule else ""

    @property
    def own_refund_rule(self) -> str:
        """The refund rule by which the attendee can cancel: none for one seat of a team."""
        return self.refund_rule if self.team_id is None else ""

    @property
    def needs_name(self) -> bool:
        """Return whether the name of its attendee is required and missing."""
        return (
            self.ticket_names == "required"
            and not self.attendee_name
            and self.team_id is None
            and self.pass_seat_id is None
        )

    @property
    def names_end(self) -> Milliseconds:
        """The time from which the name cannot be changed."""
        return self.names_until or self.starts_at

    @property
    def answers_end(self) -> Milliseconds:
        """The time from which answers cannot be changed."""
        return self.answers_until or self.starts_at

    @property
    def payable(self) -> bool:
        """Return whether the seat is held, has a fee and is not in an order yet."""
        return self.state == "held" and self.order_id is None and self.fee.minor > 0

    @property
    def confirmable(self) -> bool:
        """Return whether the seat is held without a fee: its holder has to confirm it."""
        is_own = self.order_id is None and self.pass_seat_id is None
        return self.state == "held" and is_own and self.fee.minor == 0


@dataclass(frozen=True, slots=True)
class SeatCount:
    """The number of held and confirmed seats at an event."""

    held: int
    confirmed: int
    paid: tuple[Money, ...]
    """The total fee of the confirmed seats in each currency, without free ones."""


# Named here instead of imported: a module's tables are its own, but one join serves a whole page.
_events = table(
    "catalogue_events",
    *map(
        column,
        (
            "id",
            "title",
            "slug",
            "place",
            "starts_at",
            "ends_at",
            "refund_rule",
            "ticket_names",
            "names_until",
            "asks",
            "answers_until",
        ),
    ),
)
_types = table("catalogue_ticket_types", *(column(name) for name in ("id", "event_id", "name")))
_codes = table("catalogue_promo_codes", column("id"), column("code"))
_seat = (
    select(
        *seats.c[
            "id", "event_id", "type_id", "person_id", "slot", "state", "held_until", "fee_minor", "currency"
        ],
        *seats.c["order_id", "ended_by", "taken_at"],
        BEGAN,
        *_events.c["title", "slug", "place", "starts_at", "ends_at"],
        _types.c.name,
        *seats.c["attendee_name", "attendee_email"],
        _events.c.refund_rule,
        *seats.c["tax_minor", "tax_rate", "code_id"],
        _codes.c.code,
        *_events.c["ticket_names", "names_until"],
        *seats.c["team_id", "member_id"],
        teams.c.name,
        *seats.c["is_pass", "pass_seat_id"],
        *_events.c["asks", "answers_until"],
        seats.c.guest_key,
    )
    .join_from(seats, _events, _events.c.id == seats.c.event_id)
    .join(_types, _types.c.id == seats.c.type_id)
    .join(_codes, _codes.c.id == seats.c.code_id, isouter=True)
    .join(teams, teams.c.id == seats.c.team_id, isouter=True)
)

_OF_PERSON = seats.c.person_id == bindparam("person")
_OF_ATTENDEE = _OF_PERSON | (seats.c.member_id == bindparam("person"))
_PAYABLE = HELD & (seats.c.held_until > HOLD_NOW) & seats.c.order_id.is_(None) & (seats.c.fee_minor > 0)
_by_id = Statement(_seat.where(seats.c.id == bindparam("seat")))
_lock = Statement(_seat.where(seats.c.id == bindparam("seat")).with_for_update(of=seats))
_times = Statement(select(*seats.c["taken_at", "changed_at"]).where(seats.c.id == bindparam("seat")))
_by_person = Statement(_seat.where(_OF_PERSON, WHOLE).order_by(_events.c.starts_at, seats.c.id))
_of_member = Statement(
    _seat.where(seats.c.member_id == bindparam("person")).order_by(seats.c.event_id, seats.c.id)
)
_by_attendee = Statement(_seat.where(_OF_ATTENDEE, WHOLE).order_by(_events.c.starts_at, seats.c.id))
# The last column saves a statement about the waiting lists for nearly everybody; it is read once, not for every row.
_listed_by_person = Statement(
    _seat.add_columns(
        select(waiting.c.id).where(waiting.c.person_id == bindparam("person"), IN_LINE).exists()
    )
    .where(_OF_ATTENDEE, WHOLE)
    .order_by(_events.c.starts_at, seats.c.id)
)
_places_of_pass = Statement(
    _seat.where(seats.c.pass_seat_id == bindparam("seat")).order_by(seats.c.event_id, seats.c.id)
)
_places_of_person = Statement(
    _seat.where(_OF_PERSON, ~WHOLE).order_by(_events.c.starts_at, seats.c.event_id, seats.c.id)
)
_live_by_person = Statement(_seat.where(_OF_ATTENDEE, LIVE_NOW).order_by(_events.c.starts_at, seats.c.id))
_held_by_person = Statement(_seat.where(_OF_PERSON, _PAYABLE).order_by(seats.c.event_id))
_by_order = Statement(_seat.where(seats.c.order_id == bindparam("order")).order_by(seats.c.event_id))
_seats_at = Statement(
    # The limit per person does not count the seats of a team.
    select(func.count(), func.sum(case((LIVE_NOW & (seats.c.slot < TEAM_SLOT), 1), else_=0))).where(
        _OF_PERSON,
        # `+ 0`: as below, for a person with few seats at an event with many.
        seats.c.event_id + 0 == bindparam("event"),
    )
)
_takings = Statement(
    select(func.count(), func.min(seats.c.taken_at)).where(
        _OF_PERSON,
        # `+ 0`: as above.
        seats.c.event_id + 0 == bindparam("event"),
        seats.c.taken_at > bindparam("since"),
    )
)
_count_held = Statement(select(func.count()).where(_OF_PERSON, _PAYABLE))
_count_live = Statement(select(func.count()).where(_OF_PERSON, WHOLE, LIVE_NOW))
_confirmed_since = Statement(
    select(seats.c.id).where(
        _OF_PERSON, seats.c.state == "confirmed", seats.c.changed_at > bindparam("since")
    )
)
# `+ 0` keeps SQLite from using the index over events, in which it would read every seat that was ever taken instead of
# the few whose hold has ended: 7 us instead of 67 for an event with 300 held seats.
_event = seats.c.event_id + 0
_lapsed = Statement(select(_event, func.count()).where(HELD, seats.c.held_until <= HOLD_NOW).group_by(_event))
_lapsed_of_event = Statement(
    select(func.count()).where(HELD, _event == bindparam("event"), seats.c.held_until <= HOLD_NOW)
)
_slots = Statement(
    select(seats.c.slot)
    .where(LIVE, seats.c.event_id == bindparam("event"), _OF_PERSON)
    .order_by(seats.c.slot)
)
_of_type = Statement(
    select(func.count(), func.sum(case((LIVE, 1), else_=0))).where(
        seats.c.event_id == bindparam("event"), seats.c.type_id == bindparam("type")
    )
)
_next_lapse = Statement(
    select(func.min(seats.c.held_until)).where(
        HELD, seats.c.held_until > bindparam("now"), ~select(pauses.c.id).where(OPEN).exists()
    )
)
_live_of_event = Statement(
    _seat.where(seats.c.event_id == bindparam("event"), LIVE).order_by(seats.c.id).limit(bindparam("limit"))
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


_passes_of_event = Statement(
    select(func.count(seats.c.pass_seat_id), func.sum(seats.c.is_pass)).where(
        LIVE, seats.c.event_id == bindparam("event")
    )
)


def _read(row: tuple[Any, ...], now: Milliseconds) -> Seat:
    number, event, kind, person, slot, state, until, fee, currency, order, ended_by, taken, began = row[:13]
    stood: Milliseconds | None = None
    if state == "held":
        if began is not None and began <= now:
            stood = max(0, now - max(began, taken))
        if until + (stood or 0) <= now:
            state = "lapsed"
            stood = None
    end, amount = until + (stood or 0), Money(fee, currency)
    return Seat(number, event, kind, person, slot, state, end, amount, order, stood, ended_by, *row[13:])


def seat(connection: Connection, seat_id: int) -> Seat:
    """Return the seat. Raises NotFound."""
    row = connection.first(_by_id, seat=seat_id)
    if row is None:
        raise NotFound
    return _read(row, connection.now)


def lock_seat(connection: Connection, seat_id: int) -> Seat | None:
    """Return the seat and lock it until this transaction ends; None if there is none."""
    row = connection.first(_lock, seat=seat_id)
    return None if row is None else _read(row, connection.now)


def times_of_seat(connection: Connection, seat_id: int) -> tuple[Milliseconds, Milliseconds]:
    """Return when the seat was taken, and when its state last changed. Raises NotFound."""
    row = connection.first(_times, seat=seat_id)
    if row is None:
        raise NotFound
    taken, changed = row
    return taken, changed


def seats_of(connection: Connection, person_id: int) -> list[Seat]:
    """Return every seat that the person has or had, by the event's start."""
    return [_read(row, connection.now) for row in connection.all(_by_person, person=person_id)]


def seats_of_attendee(connection: Connection, person_id: int) -> list[Seat]:
    """Return every seat that the person has or had, also as a member of a team, by the event's start."""
    return [_read(row, connection.now) for row in connection.all(_by_attendee, person=person_id)]


def seats_of_member(connection: Connection, person_id: int) -> list[Seat]:
    """Return every seat of a team that the person occupies or occupied, by event id."""
    return [_read(row, connection.now) for row in connection.all(_of_member, person=person_id)]


def places_of_pass(connection: Connection, seat_id: int) -> list[Seat]:
    """Return the places of a pass at other events, live or not, by event id."""
    return [_read(row, connection.now) for row in connection.all(_places_of_pass, seat=seat_id)]


def titles_of_places(connection: Connection, seat: Seat) -> str:
    """Return the titles of the other events that a pass admits to now, by their start; empty for other seats."""
    places = places_of_pass(connection, seat.id) if seat.is_pass else []
    # Those of a pass that has ended are what it admitted to.
    shown = [place for place in places if place.state == seat.state]
    return ", ".join(place.title for place in sorted(shown, key=lambda place: place.starts_at))


def places_of(connection: Connection, person_id: int) -> list[Seat]:
    """Return the places of all passes of the person at other events, by their start."""
    return [_read(row, connection.now) for row in connection.all(_places_of_person, person=person_id)]


def seats_to_list(connection: Connection, person_id: int) -> tuple[list[Seat], bool]:
    """Return the seats of `seats_of`, and whether the person may be on a waiting list or have applied."""
    rows = connection.all(_listed_by_person, person=person_id)
    return [_read(row[:-1], connection.now) for row in rows], not rows or bool(rows[0][-1])


def live_seats(connection: Connection, person_id: int) -> list[Seat]:
    """Return the held and confirmed seats of the person, also as a member of a team, by the event's start."""
    rows = connection.all(_live_by_person, person=person_id, now=connection.now)
    return [_read(row, connection.now) for row in rows]


def own_seats(connection: Connection, person_id: int) -> tuple[OwnSeat, ...]:
    """Return the held and confirmed seats of the person for the pages of the catalogue, by the event's start."""
    live = live_seats(connection, person_id)
    by_id = {seat.id: seat for seat in live}
    # A place of a pass leads to the pass: to its ticket, its order and its cancellation.
    shown = ((seat, by_id.get(seat.pass_seat_id or seat.id, seat)) for seat in live)
    return tuple(
        OwnSeat(
            whole.id,
            _shown_state(whole),
            whole.held_until,
            whole.stood is not None,
            whole.fee,
            seat.slug,
            seat.title,
            seat.starts_at,
            seat.ends_at,
        )
        for seat, whole in shown
    )


def _shown_state(seat: Seat) -> OwnSeatState:
    if seat.state == "confirmed":
        return "confirmed"
    return "held" if seat.payable else "unconfirmed" if seat.confirmable else "ordered"


def payable_seats(connection: Connection, person_id: int) -> list[Seat]:
    """Return the held seats that have a fee and are not in an order yet, by event id."""
    rows = connection.all(_held_by_person, person=person_id, now=connection.now)
    return [_read(row, connection.now) for row in rows]


def seats_of_order(connection: Connection, order_id: int) -> list[Seat]:
    """Return the seats of the order, by event id."""
    return [_read(row, connection.now) for row in connection.all(_by_order, order=order_id)]


def kept_until(connection: Connection, order_id: int) -> Milliseconds:
    """Return when the first hold of the order's seats ends or has ended; 0 without holds."""
    owned = seats_of_order(connection, order_id)
    return min((seat.held_until for seat in owned if seat.state in ("held", "lapsed")), default=0)


def live_seats_of_event(connection: Connection, event_id: int, limit: int) -> list[Seat]:
    """Return at most `limit` of the held and confirmed seats at the event."""
    rows = connection.all(_live_of_event, event=event_id, limit=limit)
    return [_read(row, connection.now) for row in rows]


def count_seats_at(connection: Connection, person_id: int, event_id: int) -> tuple[int, int]:
    """Return the number of seats that the person has or had at the event, and of those that are live."""
    count, live = connection.all(_seats_at, person=person_id, event=event_id, now=connection.now)[0]
    return count, live or 0


def count_takings(
    connection: Connection, person_id: int, event_id: int, since: Milliseconds
) -> tuple[int, Milliseconds]:
    """Return how often the person has taken a seat at the event since that time, and when they first did."""
    count, first = connection.all(_takings, person=person_id, event=event_id, since=since)[0]
    return count, first or 0


def count_held(connection: Connection, person_id: int) -> int:
    """Return how many seats the person holds that have to be paid and are not in an order yet."""
    return int(connection.value(_count_held, person=person_id, now=connection.now))


def count_live(connection: Connection, person_id: int) -> int:
    """Return how many held and confirmed seats the person has."""
    return int(connection.value(_count_live, person=person_id, now=connection.now))


def has_confirmed_since(connection: Connection, person_id: int, since: Milliseconds) -> bool:
    """Return whether a seat of the person was confirmed after that time."""
    return connection.first(_confirmed_since, person=person_id, since=since) is not None


def count_lapsed(connection: Connection, event_id: int) -> int:
    """Return how many seats of the event are free, though still counted as taken."""
    return int(connection.value(_lapsed_of_event, event=event_id, now=connection.now))


def used_slots(connection: Connection, person_id: int, event_id: int) -> set[int]:
    """Return the slots of the person's live seats at the event, ended holds that have not been swept included."""
    return {slot for (slot,) in connection.all(_slots, person=person_id, event=event_id)}


def count_of_type(connection: Connection, event_id: int, type_id: int) -> tuple[int, int]:
    """Return the number of all seats of a ticket type that were ever taken, and of those that are held or confirmed."""
    ever, live = connection.all(_of_type, event=event_id, type=type_id)[0]
    return ever, live or 0


def find_lapses(connection: Connection) -> LapsedHolds:
    """Return the holds that have ended but have not been swept, and when the next one will end."""
    now = connection.now
    next_at = connection.value(_next_lapse, now=now)
    return LapsedHolds(
        {event: count for event, count in connection.all(_lapsed, now=now)},  # noqa: C416  (typed, unlike dict())
        NEVER if next_at is None else next_at,
    )


def count_seats(connection: Connection, event_id: int) -> SeatCount:
    """Return how many seats of the event are held and confirmed now, without holds that have ended."""
    rows = connection.all(_seats_of_event, event=event_id, now=connection.now)
    return SeatCount(
        sum(count for state, _, count, _ in rows if state == "held"),
        sum(count for state, _, count, _ in rows if state == "confirmed"),
        # PostgreSQL returns the sum of integers as a decimal.
        tuple(
            Money(int(fees), currency) for state, currency, _, fees in rows if state == "confirmed" and fees
        ),
    )


def count_passes(connection: Connection, event_id: int) -> tuple[int, int]:
    """Return the number of live places of other events' passes at the event, and of its own live passes."""
    places, own = connection.all(_passes_of_event, event=event_id)[0]
    return places, int(own or 0)
