"""The programme: the categories, days and times of the fest as a whole.

They follow from the events' categories and times alone, so they are computed once for each version of the programme.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from festgate.kit.clock import DAY, HOUR, NEVER, Milliseconds, milliseconds, moment
from festgate.portal.catalogue.tables import EventState

REMEMBERED: Final = 31 * DAY
"""How long an ended event counts for the fest's dates and days; older days can still be asked for."""
SMALL_HOURS: Final = 6 * HOUR
"""A night that ends before six in the morning belongs to the day before."""


class EventTimes(NamedTuple):
    """The part of an event that the programme follows from."""

    category: str
    starts_at: Milliseconds
    ends_at: Milliseconds
    sales_open_at: Milliseconds
    sales_close_at: Milliseconds
    state: EventState


@dataclass(frozen=True, slots=True)
class Programme:
    """All published and cancelled events that have not ended more than REMEMBERED ago."""

    categories: tuple[str, ...]
    days: tuple[date, ...]
    """Days on which events start, in order."""
    first_day: date | None
    last_day: date | None
    """The last day of the events that take place; None without any."""
    moments: tuple[Milliseconds, ...]
    """The times at which the clock changes something that a page shows, in order."""
    ends: tuple[Milliseconds, ...]
    """The end of each event, in order."""
    first_starts: tuple[Milliseconds, ...]
    """For each of `ends`, the earliest start among the events that end then or later."""

    def until(self, now: Milliseconds) -> Milliseconds:
        """Return the next of the moments; NEVER if there is none."""
        place = bisect_right(self.moments, now)
        return self.moments[place] if place < len(self.moments) else NEVER

    def count_ahead(self, now: Milliseconds) -> int:
        """Return how many events have not ended."""
        return len(self.ends) - bisect_right(self.ends, now)

    def first_start(self, now: Milliseconds) -> Milliseconds:
        """Return the earliest start among the events that have not ended; NEVER if all have."""
        place = bisect_right(self.ends, now)
        return self.first_starts[place] if place < len(self.ends) else NEVER


def programme_of(rows: list[EventTimes], zone: ZoneInfo) -> Programme:
    """Return the programme of the events, which are in the order of their ends; days are those of the zone."""

    def day_of(at: Milliseconds) -> date:
        return moment(at, zone).date()

    held = [row for row in rows if row.state == "published"]
    moments = {
        at
        for row in rows
        for at in (row.ends_at, row.sales_open_at, row.sales_close_at, row.ends_at + REMEMBERED)
    }
    from_the_end = accumulate((row.starts_at for row in reversed(rows)), min)
    return Programme(
        categories=tuple(sorted({row.category for row in rows if row.category}, key=str.casefold)),
        days=tuple(sorted({day_of(row.starts_at) for row in rows})),
        first_day=min((day_of(row.starts_at) for row in held), default=None),
        last_day=max((day_of(max(row.starts_at, row.ends_at - SMALL_HOURS)) for row in held), default=None),
        moments=tuple(sorted(moments)),
        ends=tuple(row.ends_at for row in rows),
        first_starts=tuple(from_the_end)[::-1],
    )


def bounds_of(day: date, zone: ZoneInfo) -> tuple[Milliseconds, Milliseconds]:
    """Return when the day begins in the zone, and when the next one does."""
    begins = datetime(day.year, day.month, day.day, tzinfo=zone)
    after = day + timedelta(days=1)
    return milliseconds(begins), milliseconds(datetime(after.year, after.month, after.day, tzinfo=zone))
