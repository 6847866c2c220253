"""Charts for the organisers' pages: the sizes of their bars, which templates draw as SVG beside a table of the values.

The drawing has no text, so that it can be stretched to the width of any screen; titles and ends are text of the page.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from festgate.kit.clock import HOUR, Milliseconds, milliseconds, moment

HEIGHT = 100
"""Units of a chart's height; the tallest column has all of them."""
WIDTH = 10
"""Units of the width of a day's place."""
GAP = 2
LEAST = 1
"""Units of the smallest column that is not zero, so that it can be seen."""
MIN_HOURS, MAX_HOURS = 12, 72
"""Columns of a chart by hours: with fewer, one hour would be a block as wide as the page."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of a chart."""

    x: float
    y: float
    width: float
    height: float
    series: int
    """Its series: 0 for the first."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a chart's table: its name, and the written value of each series."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart and its table."""

    id: str
    title: str
    head: str
    """The heading of the rows' names, such as Day."""
    series: tuple[str, ...]
    """The names of the series, which are the columns of the table."""
    rows: tuple[Row, ...]
    bars: tuple[Bar, ...]
    width: int
    highest: str
    """The written value of the tallest column."""

    @property
    def is_empty(self) -> bool:
        """Return whether no value is above zero."""
        return not self.bars

    @property
    def summary(self) -> str:
        """A sentence in place of the drawing, for screen readers; the table has the values."""
        return f"{self.title}: {self.rows[0].name}, {self.rows[-1].name}" if self.rows else self.title


def columns(values: Sequence[Sequence[int]]) -> tuple[Bar, ...]:
    """Return the bars of columns: for each place, one value of each series, side by side."""
    top = max((value for place in values for value in place), default=0)
    if top <= 0:
        return ()
    bars = []
    for index, place in enumerate(values):
        width = (WIDTH - GAP) / len(place)
        for series, value in enumerate(place):
            if value > 0:
                height = max(LEAST, round(value * HEIGHT / top, 1))
                x = round(index * WIDTH + GAP / 2 + series * width, 2)
                bars.append(Bar(x, round(HEIGHT - height, 1), round(width, 2), height, series))
    return tuple(bars)


def share(value: int, most: int) -> int:
    """Return the length of a bar in a list, in hundredths of the longest."""
    return 0 if most <= 0 or value <= 0 else max(LEAST, value * 100 // most)


def days_until(last: date, count: int) -> list[date]:
    """Return that many days, of which `last` is the last."""
    return [last - timedelta(days=back) for back in range(count - 1, -1, -1)]


def by_day(
    counts: Iterable[tuple[Milliseconds, int]], days: Sequence[date], zone: ZoneInfo
) -> Mapping[date, int]:
    """Return the sum of each of the successive days in the zone that has any."""
    # Comparing with thirty midnights takes a tenth of the time of finding the day of three thousand moments.
    midnights = [milliseconds(datetime.combine(day, time.min, zone)) for day in days]
    sums: dict[date, int] = {}
    for at, count in counts:
        index = bisect_right(midnights, at) - 1
        if index >= 0:
            sums[days[index]] = sums.get(days[index], 0) + count
    return sums


def by_hour(
    counts: Iterable[tuple[Milliseconds, int]], zone: ZoneInfo, *, least: int = 1
) -> list[tuple[Milliseconds, int]]:
    """Return (beginning, sum) of each hour of the zone from the first to the last: `least` to MAX_HOURS of them.

    The hours that are added to reach `least` are empty ones before the first.
    """
    sums: dict[Milliseconds, int] = {}
    for at, count in counts:
        beginning = at - at_minute(at, zone)
        sums[beginning] = sums.get(beginning, 0) + count
    if not sums:
        return []
    last = max(sums)
    first = min(max(min(sums), last - (MAX_HOURS - 1) * HOUR), last - (least - 1) * HOUR)
    return [(hour, sums.get(hour, 0)) for hour in range(first, last + 1, HOUR)]


def at_minute(at: Milliseconds, zone: ZoneInfo) -> Milliseconds:
    """Return the time since the beginning of the zone's hour."""
    local = moment(at, zone)
    return (local.minute * 60 + local.second) * 1000 + local.microsecond // 1000
