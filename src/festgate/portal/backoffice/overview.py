"""The overview of one event, and its check-ins by hour."""

from dataclasses import dataclass

from festgate.kit.clock import DAY, Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.roles import PERMISSIONS
from festgate.kit.translation import gettext, ngettext
from festgate.kit.visitors import Visitor
from festgate.kit.writing import Writing, local_day
from festgate.portal.backoffice import attention, charts
from festgate.portal.backoffice.attention import Notice
from festgate.portal.backoffice.badges import Badge
from festgate.portal.backoffice.charts import Chart, Row
from festgate.portal.backoffice.dashboard import SHOWN_DAYS, Numbers, numbers_of, sales_chart
from festgate.portal.backoffice.queries import Organised, find_organised
from festgate.portal.backoffice.room_warnings import RoomWarnings, room_warnings
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import Event
from festgate.portal.checkout import facade as checkout
from festgate.portal.checkout.facade import MoneySums
from festgate.portal.door import facade as door
from festgate.portal.door.facade import Attendance
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.facade import SeatTotals
from festgate.settings import Settings


@dataclass(frozen=True, slots=True)
class Overview:
    """The view model of /organise/events/{slug}."""

    event: Event
    badge: Badge
    numbers: Numbers
    waiting: int
    """Tickets for which somebody is on the waiting list."""
    notices: tuple[Notice, ...]
    sales: Chart
    money: MoneySums | None
    """None for visitors without `money.view`, and for free events without an order."""
    warnings: RoomWarnings


@dataclass(frozen=True, slots=True)
class CheckIns:
    """The view model of /organise/events/{slug}/check-in."""

    event: Event
    attendance: Attendance
    hours: Chart

    @property
    def missing(self) -> int:
        """Return the number of valid tickets without a check-in."""
        return self.attendance.expected - self.attendance.inside


def read_overview(
    connection: Connection, slug: str, visitor: Visitor, settings: Settings, writing: Writing
) -> Overview:
    """Return the overview of one event in any state. Raises NotFound. It is for `Database.report`."""
    organised = find_organised(connection, slug)
    event, now, zone = organised.event, connection.now, settings.zone
    seats = registrations.count_all_seats(connection, event.id).get(event.id, SeatTotals())
    attendance = door.attendance_of(connection, event.id)
    money = None
    if "money.view" in PERMISSIONS[visitor.role]:
        money = checkout.sum_of_event(connection, event.id) or None
    taken = registrations.count_taken(connection, now - SHOWN_DAYS * DAY, event.id)
    notices = [*_of_draft(organised), *attention.of_events([organised], now, zone, writing)]
    return Overview(
        event,
        organised.badge,
        numbers_of(organised, seats, attendance),
        event.waiting,
        tuple(notices),
        sales_chart(taken, now, zone, writing),
        money,
        room_warnings(catalogue.all_events(connection), now, event),
    )


def read_check_ins(connection: Connection, slug: str, settings: Settings, writing: Writing) -> CheckIns:
    """Return the check-ins of one event. Raises NotFound."""
    event = catalogue.any_event_by_slug(connection, slug)
    arrivals = door.arrivals_over_time(connection, event.id)
    hours = charts.by_hour(arrivals, settings.zone, least=charts.MIN_HOURS)
    days = {local_day(at, settings.zone) for at, _ in hours}

    def name(at: Milliseconds) -> str:
        return writing.time(at) if len(days) == 1 else writing.day_time(at)

    values = [(count,) for _, count in hours]
    chart = Chart(
        "hours",
        gettext("Check-ins by hour"),
        gettext("From"),
        (gettext("Checked in"),),
        tuple(Row(name(at), (str(count),)) for at, count in hours),
        charts.columns(values),
        max(1, len(hours)) * charts.WIDTH,
        str(max((count for (count,) in values), default=0)),
    )
    return CheckIns(event, door.attendance_of(connection, event.id), chart)


def _of_draft(organised: Organised) -> list[Notice]:
    """Return the notice about what a draft lacks before it can be published."""
    event = organised.event
    if event.state != "draft":
        return []
    gaps = catalogue.find_gaps(event)
    if gaps:
        text = ngettext(
            "{count} detail is missing before the event can be published.",
            "{count} details are missing before the event can be published.",
            len(gaps),
        )
        link = f"/organise/events/{event.slug}/edit"
        return [Notice("warn", text.format(count=len(gaps)), link, gettext("Fill it in"))]
    link = f"/organise/events/{event.slug}/publish"
    return [Notice("info", gettext("This is a draft. Nobody sees it yet."), link, gettext("Publish it"))]
