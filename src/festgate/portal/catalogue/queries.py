"""Reads of events: single ones, all of them for organisers, and the public list with its programme.

Microseconds count in the list, because each registration makes its next reader read it again. So reading it takes a few
statements whatever the number of events, and the programme is computed once for each of its versions.
"""

from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, select

from festgate.kit.clock import NEVER, Milliseconds
from festgate.kit.db.search import has_words, word_values, words_of
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import NotFound
from festgate.kit.money import Money
from festgate.kit.translation import N_, gettext
from festgate.portal.catalogue.details import TEXTS, TIMES, Details
from festgate.portal.catalogue.programme import REMEMBERED, EventTimes, Programme, bounds_of, programme_of
from festgate.portal.catalogue.rooms import ROOM_COLUMNS, Room, room_of_row
from festgate.portal.catalogue.tables import (
    EventState,
    ListState,
    NameRule,
    events,
    rooms,
    seats,
)

NO_EVENT = N_("There is no event at this address.")
PAGE_SIZE: Final = 24
ON_NEXT: Final = 6
"""Events on the first page."""


@dataclass(frozen=True, slots=True)
class Event(Details):
    """An event and the count of its seats.

    With `sales_open_at` 0, sales open as soon as it is published. `sales_close_at` is the start, unless the organiser
    entered another time.
    """

    id: int
    slug: str
    taken: int
    """Held and confirmed seats, including ended holds that have not been swept yet."""
    state: EventState
    updated_at: Milliseconds
    version: int
    """Changes whenever an organiser edits the event, or its state changes."""
    uid: str
    """Its name in calendars; no other event of any fest has it."""
    sequence: int
    """Rises with each change of what calendars show: title, times, place, cancellation."""
    several_prices: int
    """1: `fee` is only the lowest price of its public ticket types."""
    max_per_person: int
    """Live seats that one person can have at the event."""
    refund_rule: str = ""
    """The steps of its refund rule (refund_rules.py)."""
    ticket_names: NameRule = "off"
    """Whether each ticket has the name of its holder."""
    names_until: Milliseconds = 0
    """Until then the buyer can change the names; 0: the start."""
    transfers: int = 1
    """1: the buyer can transfer a ticket to another holder."""
    transfers_until: Milliseconds = 0
    """Until then the buyer can do that; 0: the start."""
    waiting_list: ListState = "off"
    offer_minutes: int = 0
    """How long an offered seat is held for its person."""
    needs_approval: int = 0
    """1: visitors apply, and organisers accept them."""
    waiting: int = 0
    """The tickets for which somebody is on the waiting list."""
    to_offer: int = 0
    """1 while seats may be free that have to be offered to the waiting list first."""
    asks: int = 0
    """The number of questions to its attendees."""
    answers_until: Milliseconds = 0
    """Until then an answer can be changed; 0: the start."""
    room: Room | None = None
    """The room whose name is its place; None for another place."""

    @property
    def transfers_end(self) -> Milliseconds:
        """The time from which tickets cannot be transferred; 0 if they never can."""
        return (self.transfers_until or self.starts_at) if self.transfers else 0

    @property
    def answers_end(self) -> Milliseconds:
        """The time from which an answer cannot be changed."""
        return self.answers_until or self.starts_at


class ListedEvent(NamedTuple):
    """An event of a list: a named tuple, because a row becomes one in half the time of a dataclass."""

    id: int
    slug: str
    state: EventState
    title: str
    category: str
    place: str
    starts_at: Milliseconds
    ends_at: Milliseconds
    sales_open_at: Milliseconds
    sales_close_at: Milliseconds
    fee_minor: int
    currency: str
    several_prices: int
    """1: `fee` is only the lowest price."""
    capacity: int
    taken: int

    @property
    def fee(self) -> Money:
        """The price of a seat."""
        return Money(self.fee_minor, self.currency)


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of the list; empty text and no day leave all events in."""

    words: str = ""
    category: str = ""
    day: date | None = None
    page: int = 1


NO_FILTERS = Filters()

_event = (
    select(
        *events.c[(*TEXTS, *TIMES, "fee_minor", "currency")],
        seats.c.capacity,
        *events.c["id", "slug"],
        seats.c.taken,
        *events.c["state", "updated_at", "version", "uid", "sequence", "several_prices"],
        *events.c["max_per_person", "refund_rule"],
        *events.c["ticket_names", "names_until", "transfers", "transfers_until"],
        *events.c["waiting_list", "offer_minutes", "needs_approval"],
        *seats.c["waiting", "to_offer"],
        *events.c["asks", "answers_until"],
        *ROOM_COLUMNS,
    )
    .join_from(events, seats)
    .outerjoin(rooms, rooms.c.id == events.c.room_id)
)
_listed = select(*events.c[ListedEvent._fields[:-2]], *seats.c["capacity", "taken"]).join_from(events, seats)
_IS_PUBLIC = events.c.state != "draft"

_by_id = Statement(_event.where(events.c.id == bindparam("event")))
_by_slug = Statement(_event.where(events.c.slug == bindparam("slug")))
_all = Statement(_event.order_by(events.c.starts_at, events.c.id))
_id_of_slug = Statement(select(events.c.id).where(events.c.slug == bindparam("slug")))
_slugs_like = Statement(select(events.c.slug).where(events.c.slug.like(bindparam("beginning"))))
_slug_of_twin = Statement(
    select(events.c.slug).where(
        events.c.starts_at == bindparam("starts"),
        events.c.title == bindparam("title"),
        events.c.place == bindparam("place"),
        events.c.state != "cancelled",
    )
)
_created_since = Statement(
    _event.where(
        events.c.created_at > bindparam("since"),
        events.c.title == bindparam("title"),
        events.c.state != "cancelled",
    ).order_by(events.c.id)
)
_without_room = Statement(
    select(events.c.slug, events.c.room_id)
    .outerjoin_from(events, rooms, rooms.c.id == events.c.room_id)
    .where(events.c.room_id.is_not(None), rooms.c.id.is_(None))
    .order_by(events.c.id)
)
_version = Statement(select(func.max(events.c.version)))
_count = Statement(select(func.count()).select_from(events))
_by_currency = Statement(
    select(events.c.currency, func.count())
    .where(events.c.fee_minor > 0, events.c.state != "cancelled")
    .group_by(events.c.currency)
)
_on_next = Statement(
    _listed.where(
        events.c.state == "published",
        events.c.ends_at > bindparam("now"),
        events.c.starts_at >= bindparam("first_start"),
    )
    .order_by(events.c.starts_at, events.c.id)
    .limit(ON_NEXT)
)
_times = Statement(
    select(*events.c[EventTimes._fields])
    .where(_IS_PUBLIC, events.c.ends_at > bindparam("since"))
    .order_by(events.c.ends_at)
)


def _statements(*, by_words: bool, by_category: bool, by_day: bool) -> tuple[Statement, Statement]:
    """Return the statement for one page of the list, and the one that counts the whole list."""
    conditions = [_IS_PUBLIC]
    if by_day:
        conditions += [
            events.c.starts_at >= bindparam("day_begins"),
            events.c.starts_at < bindparam("day_ends"),
        ]
    else:
        # The second condition follows from the first; with it, the index on starts begins where the list does.
        conditions += [events.c.ends_at > bindparam("now"), events.c.starts_at >= bindparam("first_start")]
    if by_category:
        conditions.append(events.c.category == bindparam("category"))
    if by_words:
        conditions.append(has_words(events.c.search))
    page = (
        _listed.where(*conditions)
        .order_by(events.c.starts_at, events.c.id)
        .limit(PAGE_SIZE)
        .offset(bindparam("skipped"))
    )
    return Statement(page), Statement(select(func.count()).select_from(events).where(*conditions))


_lists = {
    (by_words, by_category, by_day): _statements(by_words=by_words, by_category=by_category, by_day=by_day)
    for by_words, by_category, by_day in product((False, True), repeat=3)
}


def event_by_id(connection: Connection, event_id: int) -> Event:
    """Return the event in any state. Raises NotFound."""
    return _one(connection.first(_by_id, event=event_id))


def event_by_slug(connection: Connection, slug: str) -> Event:
    """Return a published or cancelled event. Raises NotFound, also for a draft."""
    event = any_event_by_slug(connection, slug)
    if event.state == "draft":
        raise NotFound(gettext(NO_EVENT))
    return event


def any_event_by_slug(connection: Connection, slug: str) -> Event:
    """Return the event in any state, for its organisers. Raises NotFound."""
    return _one(connection.first(_by_slug, slug=slug))


def id_of_slug(connection: Connection, slug: str) -> int | None:
    """Return the id of the event with that slug, in any state; None if there is none."""
    event_id: int | None = connection.value(_id_of_slug, slug=slug)
    return event_id


def find_created(connection: Connection, title: str, since: Milliseconds) -> list[Event]:
    """Return the events of that title that were created since then and are not cancelled, oldest first."""
    return [_one(row) for row in connection.all(_created_since, title=title, since=since)]


def slugs_like(connection: Connection, stem: str) -> set[str]:
    """Return the slugs that begin with `stem`."""
    return {slug for (slug,) in connection.all(_slugs_like, beginning=f"{stem}%")}


def slug_of_twin(connection: Connection, title: str, place: str, starts_at: Milliseconds) -> str | None:
    """Return the slug of an event with the same title, place and start that is not cancelled; None without one."""
    slug: str | None = connection.value(_slug_of_twin, starts=starts_at, title=title, place=place)
    return slug


def all_events(connection: Connection) -> list[Event]:
    """Return every event in every state, by its start; drafts without a time come first."""
    return [_read(row) for row in connection.all(_all)]


def events_without_room(connection: Connection) -> list[tuple[str, int]]:
    """Return the slugs of events with the ids of their rooms that do not exist, which the database prevents."""
    return [(slug, room_id) for slug, room_id in connection.all(_without_room)]


def count_events(connection: Connection) -> int:
    """Return the number of events in any state."""
    return int(connection.value(_count))


def count_by_currency(connection: Connection) -> dict[str, int]:
    """Return how many events have a fee in each currency. Free and cancelled events do not count."""
    return {currency: count for currency, count in connection.all(_by_currency)}  # noqa: C416  (typed)


def fee_currency(event: Event | None, setting: str) -> str:
    """Return the currency of a fee that is entered for this event: its own, or the fest's if it has no fee yet."""
    return event.fee.currency if event is not None and event.fee.minor else setting


def programme_version(connection: Connection) -> int:
    """Return a number that rises with each change of an event; 0 without events."""
    version: int | None = connection.value(_version)
    return version or 0


class Programmes:
    """The programme of one fest, computed again only when an event has changed or is forgotten."""

    def __init__(self, zone: ZoneInfo) -> None:
        """Take the time zone that days belong to."""
        self._zone = zone
        self._last: tuple[int, Milliseconds, Programme] = (-1, 0, programme_of([], zone))

    def find(self, connection: Connection) -> Programme:
        """Return the programme as it is now."""
        now = connection.now
        version, until, programme = self._last
        # Read before the rows: if a change is committed in between, the next call computes the programme again.
        newest = programme_version(connection)
        if version == newest and now < until:
            return programme
        rows = [EventTimes._make(row) for row in connection.all(_times, since=now - REMEMBERED)]
        programme = programme_of(rows, self._zone)
        until = programme.ends[0] + REMEMBERED if programme.ends else NEVER
        self._last = (newest, until, programme)
        return programme


def find_listed(
    connection: Connection, filters: Filters, programme: Programme, zone: ZoneInfo
) -> list[ListedEvent]:
    """Return one page of the list by start: events that have not ended, or for a chosen day all that start on it."""
    rows = connection.all(
        _list_for(filters)[0],
        skipped=(filters.page - 1) * PAGE_SIZE,
        **_values(connection, filters, programme, zone),
    )
    return [ListedEvent._make(row) for row in rows]


def count_listed(connection: Connection, filters: Filters, programme: Programme, zone: ZoneInfo) -> int:
    """Return how many events all pages of the list have together; without filters the programme has the number."""
    if not (filters.words or filters.category or filters.day):
        return programme.count_ahead(connection.now)
    return int(connection.value(_list_for(filters)[1], **_values(connection, filters, programme, zone)))


def find_on_next(connection: Connection, programme: Programme) -> list[ListedEvent]:
    """Return the next events that take place; those that have begun come first."""
    now = connection.now
    rows = connection.all(_on_next, now=now, first_start=programme.first_start(now))
    return [ListedEvent._make(row) for row in rows]


def _list_for(filters: Filters) -> tuple[Statement, Statement]:
    return _lists[bool(words_of(filters.words)), bool(filters.category), filters.day is not None]


def _values(
    connection: Connection, filters: Filters, programme: Programme, zone: ZoneInfo
) -> dict[str, object]:
    values: dict[str, object] = {}
    if filters.day is None:
        values["now"], values["first_start"] = connection.now, programme.first_start(connection.now)
    else:
        values["day_begins"], values["day_ends"] = bounds_of(filters.day, zone)
    if filters.category:
        values["category"] = filters.category
    if words := words_of(filters.words):
        values |= word_values(words)
    return values


def _one(row: tuple[Any, ...] | None) -> Event:
    if row is None:
        raise NotFound(gettext(NO_EVENT))
    return _read(row)


def _read(row: tuple[Any, ...]) -> Event:
    values = list(row)
    values[9:11] = [Money(row[9], row[10])]
    count = len(ROOM_COLUMNS)
    values[-count:] = [room_of_row(row[-count:])]
    return Event(*values)
