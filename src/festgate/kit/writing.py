"""Money, days and times in the fest's locale and time zone, by the locale's own patterns (Unicode CLDR)."""

import re
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_interval, format_skeleton, format_time

from festgate.kit.clock import MINUTE, Clock, Milliseconds, milliseconds, moment, system_clock
from festgate.kit.money import Money
from festgate.settings import Settings

MAX_DATED = 62
"""Days of the longest fest whose dates are written with days; a longer one is dated by its months."""

_INNER_SPACE = re.compile("(?<![\N{EN DASH}\N{EM DASH}-])\\s(?![0-9]{4})")


class Writing:
    """Money and moments in the formats of the fest's locale and time zone.

    A day of another year is written with its year. So a text with a day may only be kept together with `year()`.
    """

    def __init__(self, settings: Settings, clock: Clock = system_clock) -> None:
        """Cache every result: Babel takes 50 to 100 us, and a fest has few different moments."""
        self._locale = settings.locale
        self._zone = settings.zone
        self._clock = clock
        self._year, self._year_begins, self._year_ends = 0, 0, 0
        # As Babel's format_datetime uses it: quotes protect letters that are not fields.
        self._joining = str(Locale.parse(self._locale).datetime_formats["medium"]).replace("'", "")
        self._day_of_minute = lru_cache(4096)(self._day)
        self._day_time_of_minute = lru_cache(4096)(self._day_time)
        self._time_of_minute = lru_cache(4096)(self._time)
        self._when_of_minute = lru_cache(4096)(self._when)
        self.date = lru_cache(4096)(self._date)
        self.iso = lru_cache(4096)(self._iso)
        self.end = lru_cache(4096)(self._end)

    def money(self, amount: Money) -> str:
        """Return `₹500.00`."""
        return amount.shown(self._locale)

    def price(self, amount: Money) -> str:
        """Return `₹500`, or `₹500.50`, for lists."""
        return amount.short(self._locale)

    def now(self) -> Milliseconds:
        """Return the present time."""
        return self._clock()

    def year(self) -> int:
        """Return the present year in the fest's time zone."""
        now = self._clock()
        if not self._year_begins <= now < self._year_ends:
            self._year = local_day(now, self._zone).year
            self._year_begins, self._year_ends = (
                milliseconds(datetime(year, 1, 1, tzinfo=self._zone)) for year in (self._year, self._year + 1)
            )
        return self._year

    def day(self, at: Milliseconds | date) -> str:
        """Return `Sun, 22 Nov`, and the year if it is another one; cached by the minute."""
        return self._day_of_minute(at if isinstance(at, date) else at // MINUTE * MINUTE, self.year())

    def time(self, at: Milliseconds) -> str:
        """Return `18:00`, or the locale's form, cached by the minute."""
        return self._time_of_minute(at // MINUTE * MINUTE)

    def day_time(self, at: Milliseconds) -> str:
        """Return `Sun, 22 Nov, 18:00`, and the year if it is another one; cached by the minute."""
        return self._day_time_of_minute(at // MINUTE * MINUTE, self.year())

    def when(self, at: Milliseconds) -> str:
        """Return `Sun, 22 Nov 2026, 18:00`, always with the year; cached by the minute."""
        return self._when_of_minute(at // MINUTE * MINUTE)

    def dates(self, first: date, last: date) -> str:
        """Return `29 Nov - 1 Dec 2026` (with a dash), or the months of more days than MAX_DATED."""
        skeleton = "yMMMd" if (last - first).days <= MAX_DATED else "yMMM"
        return format_interval(first, last, skeleton, locale=self._locale)

    def other_year(self, at: Milliseconds) -> str:
        """Return `2027` for a moment of another year than the present one; else an empty text."""
        return "" if local_day(at, self._zone).year == self.year() else self.date(at, "y")

    def _end(self, at: Milliseconds, start: Milliseconds) -> str:
        """Return `21:00`, or `Thu, 26 Nov, 09:00` on another day than the start; with the year if that is another."""
        first, last = local_day(start, self._zone), local_day(at, self._zone)
        return self.time(at) if first == last else self._day_time(at, first.year)

    def _iso(self, at: Milliseconds) -> str:
        """Return `2026-11-22T18:00:00+05:30`, for `datetime` attributes."""
        return moment(at, self._zone).isoformat(timespec="seconds")

    def _day(self, at: Milliseconds | date, year: int) -> str:
        day = at if isinstance(at, date) else local_day(at, self._zone)
        return format_skeleton("MMMEd" if day.year == year else "yMMMEd", day, locale=self._locale)

    def _day_time(self, at: Milliseconds, year: int) -> str:
        return self._joining.format(self.time(at), self._day(at, year))

    def _date(self, at: Milliseconds, skeleton: str) -> str:
        """Format by a skeleton of Unicode's date fields: `E` for `Sun`, `MMM` for `Nov`, `y` for `2026`."""
        return format_skeleton(skeleton, local_day(at, self._zone), locale=self._locale)

    def _time(self, at: Milliseconds) -> str:
        return format_time(moment(at, self._zone), "short", locale=self._locale, tzinfo=self._zone)

    def _when(self, at: Milliseconds) -> str:
        day = format_skeleton("yMMMEd", local_day(at, self._zone), locale=self._locale)
        return self._joining.format(self.time(at), day)


def unbroken(dates: str) -> str:
    """Return dates that a narrow place breaks only after a dash and before a year."""
    return _INNER_SPACE.sub("\N{NO-BREAK SPACE}", dates)


def local_day(at: Milliseconds, zone: ZoneInfo) -> date:
    """Return the calendar day of a moment in the fest's time zone."""
    return moment(at, zone).date()
