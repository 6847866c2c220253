"""The public list: which events it holds, in pages, and how the fest looks as a whole.

Microseconds count here, since each registration makes the next reader of the list look again. So a look is a few
statements whatever the number of events, and what follows from the programme alone (its days, its categories, the next
moment at which anything changes) is worked out once for each version of the programme.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, select
from sqlalchemy.sql.elements import ColumnElement

from festgate.kit.clock import DAY, HOUR, NEVER, Milliseconds, milliseconds, moment
from festgate.kit.db.statements import Connection, Statement, contains, like_pattern
from festgate.kit.money import Money
from festgate.portal.catalogue import queries
from festgate.portal.catalogue.entries import folded
from festgate.portal.catalogue.queries import EventState
from festgate.portal.catalogue.tables import events, seats

PAGE_SIZE: Final = 24
ON_NEXT: Final = 6
"""Events on the first page."""
REMEMBERED: Final = 31 * DAY
"""How long an event that is over counts for the fest's dates, and its day is offered; older days can be asked for."""
SMALL_HOURS: Final = 6 * HOUR
"""A night that ends before six in the morning belongs to the day before."""
MAX_WORDS: Final = 5
"""Words of a search that are looked for; each must be found."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What the visitor asked for; empty text and no day leave everything in."""

    words: str = ""
    category: str = ""
    day: date | None = None
    page: int = 1


NO_FILTERS = Filters()


class Entry(NamedTuple):
    """One event of a list: a named tuple, because a row becomes one in half the time of a dataclass."""

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
    capacity: int
    taken: int

    @property
    def fee(self) -> Money:
        """What a seat costs."""
        return Money(self.fee_minor, self.currency)


class Mark(NamedTuple):
    """What the programme as a whole needs of one event."""

    category: str
    starts_at: Milliseconds
    ends_at: Milliseconds
    sales_open_at: Milliseconds
    sales_close_at: Milliseconds
    state: EventState


@dataclass(frozen=True, slots=True)
class Programme:
    """The fest as a whole: events that are published or cancelled, and not over for longer than REMEMBERED."""

    categories: tuple[str, ...]
    days: tuple[date, ...]
    """Days on which events start, in order."""
    first_day: date | None
    last_day: date | None
    """Of the events that take place; None when there are none."""
    moments: tuple[Milliseconds, ...]
    """When the clock changes what is shown of any of them, in order."""
    ends: tuple[Milliseconds, ...]
    """When each of them ends, in order."""
    first_starts: tuple[Milliseconds, ...]
    """For each of `ends`: the earliest start among those that end then or later."""

    def until(self, now: Milliseconds) -> Milliseconds:
        """The next of the moments; NEVER when there is none."""
        place = bisect_right(self.moments, now)
        return self.moments[place] if place < len(self.moments) else NEVER

    def count_ahead(self, now: Milliseconds) -> int:
        """How many of them are not over."""
        return len(self.ends) - bisect_right(self.ends, now)

    def first_start(self, now: Milliseconds) -> Milliseconds:
        """The earliest start of those that are not over; NEVER when all are."""
        place = bisect_right(self.ends, now)
        return self.first_starts[place] if place < len(self.ends) else NEVER


_LISTED = events.c.state != "draft"
_entry = select(
    events.c.id,
    events.c.slug,
    events.c.state,
    events.c.title,
    events.c.category,
    events.c.place,
    events.c.starts_at,
    events.c.ends_at,
    events.c.sales_open_at,
    events.c.sales_close_at,
    events.c.fee_minor,
    events.c.currency,
    seats.c.capacity,
    seats.c.taken,
).join_from(events, seats, seats.c.event_id == events.c.id)


def _conditions(*, by_words: bool, by_category: bool, by_day: bool) -> list[ColumnElement[bool]]:
    found = [_LISTED]
    if by_day:
        found += [events.c.starts_at >= bindparam("day_begins"), events.c.starts_at < bindparam("day_ends")]
    else:
        # The second condition follows from the first; it lets the index on starts begin where the list does.
        found += [events.c.ends_at > bindparam("now"), events.c.starts_at >= bindparam("first_start")]
    if by_category:
        found.append(events.c.category == bindparam("category"))
    if by_words:
        found += [contains(events.c.search, f"word_{number}") for number in range(MAX_WORDS)]
    return found


def _statements(*, by_words: bool, by_category: bool, by_day: bool) -> tuple[Statement, Statement]:
    """The statement for one page of the list, and the one that counts it whole."""
    conditions = _conditions(by_words=by_words, by_category=by_category, by_day=by_day)
    page = (
        _entry.where(*conditions)
        .order_by(events.c.starts_at, events.c.id)
        .limit(PAGE_SIZE)
        .offset(bindparam("skipped"))
    )
    return Statement(page), Statement(select(func.count()).select_from(events).where(*conditions))


_FLAGS = (False, True)
_lists = {
    (by_words, by_category, by_day): _statements(by_words=by_words, by_category=by_category, by_day=by_day)
    for by_words in _FLAGS
    for by_category in _FLAGS
    for by_day in _FLAGS
}
_on_next = Statement(
    _entry.where(
        events.c.state == "published",
        events.c.ends_at > bindparam("now"),
        events.c.starts_at >= bindparam("first_start"),
    )
    .order_by(events.c.starts_at, events.c.id)
    .limit(ON_NEXT)
)
_marks = Statement(
    select(
        events.c.category,
        events.c.starts_at,
        events.c.ends_at,
        events.c.sales_open_at,
        events.c.sales_close_at,
        events.c.state,
    )
    .where(_LISTED, events.c.ends_at > bindparam("since"))
    .order_by(events.c.ends_at)
)


class Programmes:
    """The programme of one fest, worked out again only when an event was changed or is forgotten."""

    def __init__(self, zone: ZoneInfo) -> None:
        """Days are the zone's."""
        self._zone = zone
        self._last: tuple[int, Milliseconds, Programme] = (-1, 0, _work_out([], zone))

    def find(self, connection: Connection) -> Programme:
        """The programme as it is now."""
        now = connection.now
        version, until, programme = self._last
        # Read before the rows: should a change come in between, the next look works it out once more.
        newest = queries.programme_version(connection)
        if version == newest and now < until:
            return programme
        rows = connection.all(_marks, since=now - REMEMBERED)
        programme = _work_out([Mark._make(row) for row in rows], self._zone)
        until = programme.ends[0] + REMEMBERED if programme.ends else NEVER
        self._last = (newest, until, programme)
        return programme


def find_entries(
    connection: Connection, filters: Filters, programme: Programme, zone: ZoneInfo
) -> list[Entry]:
    """One page of the list by start: what is not over, or, for a chosen day, all that starts on it."""
    rows = connection.all(
        _list_for(filters)[0],
        skipped=(filters.page - 1) * PAGE_SIZE,
        **_values(connection, filters, programme, zone),
    )
    return [Entry._make(row) for row in rows]


def count_entries(connection: Connection, filters: Filters, programme: Programme, zone: ZoneInfo) -> int:
    """How many events all pages of the list have together; without a filter, the programme knows."""
    if not (filters.words or filters.category or filters.day):
        return programme.count_ahead(connection.now)
    count: int = connection.value(_list_for(filters)[1], **_values(connection, filters, programme, zone))
    return count


def find_on_next(connection: Connection, programme: Programme) -> list[Entry]:
    """The next events that take place, those that have begun first."""
    now = connection.now
    rows = connection.all(_on_next, now=now, first_start=programme.first_start(now))
    return [Entry._make(row) for row in rows]


def _words(filters: Filters) -> list[str]:
    return folded(filters.words).split()[:MAX_WORDS]


def _list_for(filters: Filters) -> tuple[Statement, Statement]:
    return _lists[bool(_words(filters)), bool(filters.category), filters.day is not None]


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
    if words := _words(filters):
        words += [""] * (MAX_WORDS - len(words))
        values |= {f"word_{number}": like_pattern(word) for number, word in enumerate(words)}
    return values


def bounds_of(day: date, zone: ZoneInfo) -> tuple[Milliseconds, Milliseconds]:
    """When the day begins and when the next one does, where the fest is."""
    begins = datetime(day.year, day.month, day.day, tzinfo=zone)
    after = day + timedelta(days=1)
    return milliseconds(begins), milliseconds(datetime(after.year, after.month, after.day, tzinfo=zone))


def _work_out(marks: list[Mark], zone: ZoneInfo) -> Programme:
    def day_of(at: Milliseconds) -> date:
        return moment(at, zone).date()

    held = [mark for mark in marks if mark.state == "published"]
    moments = {
        at
        for mark in marks
        for at in (mark.ends_at, mark.sales_open_at, mark.sales_close_at, mark.ends_at + REMEMBERED)
    }
    from_the_end = accumulate((mark.starts_at for mark in reversed(marks)), min)
    return Programme(
        categories=tuple(sorted({mark.category for mark in marks if mark.category}, key=str.casefold)),
        days=tuple(sorted({day_of(mark.starts_at) for mark in marks})),
        first_day=min((day_of(mark.starts_at) for mark in held), default=None),
        last_day=max(
            (day_of(max(mark.starts_at, mark.ends_at - SMALL_HOURS)) for mark in held), default=None
        ),
        moments=tuple(sorted(moments)),
        ends=tuple(mark.ends_at for mark in marks),
        first_starts=tuple(from_the_end)[::-1],
    )
