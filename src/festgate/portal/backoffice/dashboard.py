"""The dashboard: numbers of all events, the fest's money, and what needs attention."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

from festgate.kit.clock import DAY, Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.money import Money
from festgate.kit.roles import PERMISSIONS
from festgate.kit.text import search_words, searchable
from festgate.kit.translation import gettext
from festgate.kit.visitors import Visitor
from festgate.kit.writing import Writing, local_day
from festgate.portal.backoffice import attention, charts
from festgate.portal.backoffice.attention import Notice, Unavailable
from festgate.portal.backoffice.badges import Badge
from festgate.portal.backoffice.charts import Chart, Row
from festgate.portal.backoffice.queries import Organised, list_organised
from festgate.portal.backoffice.room_warnings import RoomWarnings, room_warnings
from festgate.portal.checkout import facade as checkout
from festgate.portal.checkout.facade import MoneySums
from festgate.portal.door import facade as door
from festgate.portal.door.facade import Attendance
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.facade import SeatTotals
from festgate.settings import Settings

SHOWN_DAYS = 30
"""Days of the charts, the present one included."""
MAX_BARS = 12
"""Events in the chart of money by event; the table of events has them all."""
NO_TIME = "none"
"""The filter by day that leaves drafts without a time."""


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of the list of events; an empty text leaves all events in."""

    words: str = ""
    day: str = ""
    """A date such as 2026-11-22, or NO_TIME."""
    category: str = ""
    state: str = ""
    """A kind of badge: draft, confirmed, few, soldout, soon, closed or cancelled."""

    def __bool__(self) -> bool:
        """Return whether any is set."""
        return any((self.words, self.day, self.category, self.state))


@dataclass(frozen=True, slots=True)
class Numbers:
    """The seats of an event, or of all of them together."""

    sold: int = 0
    held: int = 0
    free: int = 0
    inside: int = 0
    """Guests with a check-in."""
    capacity: int = 0

    @property
    def taken(self) -> int:
        """Seats that are sold or held."""
        return self.sold + self.held


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event in the list."""

    slug: str
    title: str
    category: str
    starts_at: Milliseconds
    state: str
    version: int
    badge: Badge
    numbers: Numbers
    money: MoneySums


@dataclass(frozen=True, slots=True)
class MoneyBar:
    """A payment method or an event, and its part of the money received."""

    name: str
    link: str
    sums: MoneySums
    length: int
    """The length of its bar in hundredths of the longest."""


@dataclass(frozen=True, slots=True)
class MoneyShown:
    """The money of the fest, for visitors with `money.view`."""

    sums: MoneySums
    days: tuple[Chart, ...]
    """The money of each day, one chart for each currency."""
    methods: tuple[MoneyBar, ...]
    events: tuple[MoneyBar, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The view model of /organise."""

    lines: tuple[EventLine, ...]
    """The events that match the filters."""
    events: int
    """Events without any filter."""
    numbers: Numbers
    notices: tuple[Notice, ...]
    sales: Chart
    money: MoneyShown | None
    """None for visitors without `money.view`."""
    days: tuple[tuple[str, str], ...]
    categories: tuple[tuple[str, str], ...]
    states: tuple[tuple[str, str], ...]
    warnings: RoomWarnings = field(default_factory=RoomWarnings)


def read_dashboard(
    connection: Connection,
    visitor: Visitor,
    filters: Filters,
    settings: Settings,
    unavailable: Sequence[Unavailable],
    writing: Writing,
) -> Dashboard:
    """Return the dashboard of the visitor: a lead's has the assigned events only, and no notices about the fest.

    A dozen statements, whatever the number of events and registrations. It is for `Database.report`.
    """
    now, zone = connection.now, settings.zone
    permissions = PERMISSIONS[visitor.role]
    organised = list_organised(connection, visitor)
    is_lead = visitor.role == "lead"
    seats = registrations.count_all_seats(connection)
    inside = door.all_attendances(connection)
    by_event = checkout.sum_by_event(connection) if "money.view" in permissions else {}
    lines = [
        EventLine(
            one.event.slug,
            one.event.title,
            one.event.category,
            one.event.starts_at,
            one.event.state,
            one.event.version,
            one.badge,
            numbers_of(
                one, seats.get(one.event.id, SeatTotals()), inside.get(one.event.id, Attendance(0, 0))
            ),
            by_event.get(one.event.id, MoneySums()),
        )
        for one in organised
    ]
    notices = attention.of_events(organised, now, zone, writing)
    if not is_lead:
        notices = attention.of_fest(connection, settings, permissions, unavailable, writing) + notices
    since = now - SHOWN_DAYS * DAY
    if is_lead:
        taken = [
            count for one in organised for count in registrations.count_taken(connection, since, one.event.id)
        ]
    else:
        taken = registrations.count_taken(connection, since)
    return Dashboard(
        tuple(line for line in lines if _matches(line, filters, zone)),
        len(lines),
        add_numbers([line.numbers for line in lines if line.state == "published"]),
        tuple(notices),
        sales_chart(taken, now, zone, writing),
        _money(connection, lines, settings, writing) if "money.view" in permissions else None,
        _days(lines, zone, writing),
        tuple(
            (category, category)
            for category in sorted({line.category for line in lines if line.category}, key=str.casefold)
        ),
        tuple(sorted({_state(line) for line in lines}, key=lambda state: state[1])),
        RoomWarnings() if is_lead else room_warnings([one.event for one in organised], now),
    )


def numbers_of(organised: Organised, seats: SeatTotals, attendance: Attendance) -> Numbers:
    """Return the numbers of one event."""
    event = organised.event
    return Numbers(seats.confirmed, seats.held, organised.offer.left, attendance.inside, event.capacity)


def add_numbers(parts: Sequence[Numbers]) -> Numbers:
    """Return the numbers of all of them together."""
    return Numbers(
        sum(part.sold for part in parts),
        sum(part.held for part in parts),
        sum(part.free for part in parts),
        sum(part.inside for part in parts),
        sum(part.capacity for part in parts),
    )


def sales_chart(
    taken: Sequence[tuple[Milliseconds, int]], now: Milliseconds, zone: ZoneInfo, writing: Writing
) -> Chart:
    """Return the chart of the registrations of the last SHOWN_DAYS days."""
    days = charts.days_until(local_day(now, zone), SHOWN_DAYS)
    counts = charts.by_day(taken, days, zone)
    values = [(counts.get(day, 0),) for day in days]
    return Chart(
        "sales",
        gettext("Registrations of the last {days} days").format(days=SHOWN_DAYS),
        gettext("Day"),
        (gettext("Registrations"),),
        tuple(Row(writing.day(day), (str(count),)) for day, (count,) in zip(days, values, strict=True)),
        charts.columns(values),
        SHOWN_DAYS * charts.WIDTH,
        str(max(count for (count,) in values)),
    )


def _money(
    connection: Connection, lines: Sequence[EventLine], settings: Settings, writing: Writing
) -> MoneyShown:
    now, zone = connection.now, settings.zone
    by_method = checkout.sum_by_method(connection)
    since = now - SHOWN_DAYS * DAY
    received = checkout.received_over_time(connection, since)
    refunded = checkout.refunded_over_time(connection, since)
    days = charts.days_until(local_day(now, zone), SHOWN_DAYS)
    currencies = {amount.currency for _, amount in (*received, *refunded)} or {settings.currency}
    paying = [line for line in lines if line.money]
    return MoneyShown(
        checkout.add_sums(by_method.values()),
        tuple(
            _money_chart(currency, received, refunded, days, zone, writing) for currency in sorted(currencies)
        ),
        _bars([(checkout.method_name(method), "", sums) for method, sums in by_method.items()]),
        _bars([(line.title, f"/organise/events/{line.slug}", line.money) for line in paying])[:MAX_BARS],
    )


def _money_chart(
    currency: str,
    received: Sequence[tuple[Milliseconds, Money]],
    refunded: Sequence[tuple[Milliseconds, Money]],
    days: Sequence[date],
    zone: ZoneInfo,
    writing: Writing,
) -> Chart:
    sums: list[Mapping[date, int]] = [
        charts.by_day([(at, amount.minor) for at, amount in part if amount.currency == currency], days, zone)
        for part in (received, refunded)
    ]
    values = [tuple(part.get(day, 0) for part in sums) for day in days]
    return Chart(
        f"money-{currency}",
        gettext("Money of the last {days} days in {currency}").format(days=len(days), currency=currency),
        gettext("Day"),
        (gettext("Received"), gettext("Refunded")),
        tuple(
            Row(writing.day(day), tuple(writing.money(Money(minor, currency)) for minor in place))
            for day, place in zip(days, values, strict=True)
        ),
        charts.columns(values),
        len(days) * charts.WIDTH,
        writing.price(Money(max(minor for place in values for minor in place), currency)),
    )


def _bars(parts: Sequence[tuple[str, str, MoneySums]]) -> tuple[MoneyBar, ...]:
    """Return the bars, the most money first. Amounts of several currencies have the length of the largest."""
    lengths = [max((amount.minor for amount in sums.received), default=0) for _, _, sums in parts]
    most = max(lengths, default=0)
    bars = [
        MoneyBar(name, link, sums, charts.share(length, most))
        for (name, link, sums), length in zip(parts, lengths, strict=True)
    ]
    order = sorted(range(len(bars)), key=lambda index: (-lengths[index], bars[index].name.casefold()))
    return tuple(bars[index] for index in order)


def _matches(line: EventLine, filters: Filters, zone: ZoneInfo) -> bool:
    if filters.state and _state(line)[0] != filters.state:
        return False
    if filters.category and line.category != filters.category:
        return False
    if filters.day and filters.day != _day(line, zone):
        return False
    if not filters.words:
        return True
    text = searchable(f"{line.title} {line.category} {line.slug}")
    return all(word in text for word in search_words(filters.words))


def _state(line: EventLine) -> tuple[str, str]:
    """Return the filter that leaves the event in, and its name."""
    kind, text = line.badge
    if line.state == "draft":
        return "draft", text
    return ("over", text) if text == gettext("Over") else (kind, text)


def _day(line: EventLine, zone: ZoneInfo) -> str:
    return local_day(line.starts_at, zone).isoformat() if line.starts_at else NO_TIME


def _days(lines: Sequence[EventLine], zone: ZoneInfo, writing: Writing) -> tuple[tuple[str, str], ...]:
    starts = {_day(line, zone): line.starts_at for line in lines}
    days = [(day, writing.day(starts[day])) for day in sorted(starts) if day != NO_TIME]
    return (*days, (NO_TIME, gettext("Not set"))) if NO_TIME in starts else tuple(days)
