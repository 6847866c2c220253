"""Rules by which an event of a calendar repeats (RFC 5545, section 3.3.10).

python-dateutil has such rules too, but cannot be stopped: for 30 February of every year it searches until the year
9999, 7 s for one event. Here a rule is followed for ten years at most. The tests compare both.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, date, datetime, timedelta
from typing import Final

MAX_OCCURRENCES: Final = 200
"""Dates of one event: every week of a year, three times."""
MAX_DAYS: Final = 3_660
"""Days from the first date to the last: ten years."""
MAX_SERIES: Final = 500
"""Repeating events of a file: following a rule that names no day takes some milliseconds."""
_MAX_INTERVAL: Final = 1_000
_DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_BY_DAY: Final = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_LIMITS: Final = {"BYMONTH": (1, 12), "BYMONTHDAY": (-31, 31), "BYSETPOS": (-366, 366)}
_FREQUENCIES: Final = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_TIME_PARTS: Final = {"BYHOUR": "%H", "BYMINUTE": "%M", "BYSECOND": "%S"}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that names days; the time of day is that of the first date."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: str = ""
    """The last possible date or time, as it is written."""
    months: frozenset[int] = frozenset()
    month_days: frozenset[int] = frozenset()
    days: frozenset[tuple[int, int]] = frozenset()
    """Days of the week as (which one of the month or year, or 0 for all; weekday)."""
    positions: frozenset[int] = frozenset()
    week_start: int = 0
    times: tuple[tuple[str, int], ...] = ()
    """Parts of the time of day that the rule names."""

    @property
    def is_endless(self) -> bool:
        """Return whether the rule has neither a count nor a last date."""
        return self.count is None and not self.until


def read_rule(text: str) -> Rule:
    """Read a rule. Raises ValueError with a sentence about what is not supported or wrong."""
    parts = dict(part.partition("=")[::2] for part in text.strip().upper().split(";") if part)
    frequency = parts.pop("FREQ", "")
    if frequency not in _FREQUENCIES:
        msg = f"the frequency {frequency[:20]!r} is not supported"
        raise ValueError(msg)
    count, until = parts.pop("COUNT", ""), parts.pop("UNTIL", "")
    week_start = parts.pop("WKST", "MO")
    return Rule(
        frequency,
        _number("INTERVAL", parts.pop("INTERVAL", "1"), 1, _MAX_INTERVAL),
        _number("COUNT", count, 1, 10**6) if count else None,
        until,
        _numbers(parts, "BYMONTH"),
        _numbers(parts, "BYMONTHDAY"),
        frozenset(_by_day(part) for part in parts.pop("BYDAY", "").split(",") if part),
        _numbers(parts, "BYSETPOS"),
        _DAYS.index(week_start) if week_start in _DAYS else 0,
        _times(parts),
    )


def _numbers(parts: dict[str, str], name: str) -> frozenset[int]:
    least, most = _LIMITS[name]
    return frozenset(_number(name, part, least, most) for part in parts.pop(name, "").split(",") if part)


def _number(name: str, text: str, least: int, most: int) -> int:
    if re.fullmatch(r"[+-]?\d{1,7}", text.strip(), re.ASCII) and least <= int(text) <= most and int(text):
        return int(text)
    msg = f"{name}={text[:20]} is not valid"
    raise ValueError(msg)


def _by_day(text: str) -> tuple[int, int]:
    match = _BY_DAY.fullmatch(text.strip())
    if match is None:
        msg = f"BYDAY={text[:20]} is not valid"
        raise ValueError(msg)
    return int(match[1] or 0), _DAYS.index(match[2])


def _times(parts: dict[str, str]) -> tuple[tuple[str, int], ...]:
    times = tuple((form, _time(name, parts.pop(name))) for name, form in _TIME_PARTS.items() if name in parts)
    if parts:
        msg = f"{next(iter(parts))[:20]} is not supported"
        raise ValueError(msg)
    return times


def _time(name: str, text: str) -> int:
    if not re.fullmatch(r"\d{1,2}", text, re.ASCII):
        msg = f"{name} with several times a day is not supported"
        raise ValueError(msg)
    return int(text)


def occurrences(rule: Rule, start: datetime, until: datetime | None = None) -> Iterator[datetime]:
    """Yield the dates of a rule in order, with the time of day of `start`, for at most ten years.

    COUNT and UNTIL of the rule are the caller's business: they depend on the time zone and on the first date.
    """
    last = start.date() + timedelta(days=min(MAX_DAYS, (date.max - start.date()).days))
    if until is not None:
        last = min(last, until.date())
    for first, end in _periods(rule, start.date(), last):
        days = [day for day in _days(rule, first, end) if _matches(rule, day, start.date())]
        if rule.positions:
            chosen = {position - 1 if position > 0 else position + len(days) for position in rule.positions}
            days = [day for number, day in enumerate(days) if number in chosen]
        for day in days:
            if start.date() <= day <= last:
                yield datetime.combine(day, start.time())


def _periods(rule: Rule, start: date, last: date) -> Iterator[tuple[date, date]]:
    """Yield the first and the last day of each day, week, month or year that the rule looks at."""
    number = 0
    while True:
        step = number * rule.interval
        if rule.frequency in {"DAILY", "WEEKLY"}:
            length = 1 if rule.frequency == "DAILY" else 7
            begin = start.toordinal() + step * length
            if length > 1:
                begin -= (start.weekday() - rule.week_start) % 7
            if begin > last.toordinal() or begin + length > date.max.toordinal() or begin < 1:
                return
            first, end = date.fromordinal(begin), date.fromordinal(begin + length - 1)
        else:
            months = step if rule.frequency == "MONTHLY" else 12 * step
            base = start.month - 1 if rule.frequency == "MONTHLY" else 0
            year, month = start.year + (base + months) // 12, (base + months) % 12 + 1
            if year > min(last.year, MAXYEAR):
                return
            end_month = month if rule.frequency == "MONTHLY" else 12
            first, end = date(year, month, 1), date(year, end_month, monthrange(year, end_month)[1])
            if first > last:
                return
        yield first, end
        number += 1


def _days(rule: Rule, first: date, end: date) -> Iterator[date]:
    """Yield the days of a period that are in a month of the rule."""
    number = first.toordinal()
    while number <= end.toordinal():
        day = date.fromordinal(number)
        if rule.months and day.month not in rule.months:
            number += monthrange(day.year, day.month)[1] - day.day + 1
        else:
            yield day
            number += 1


def _matches(rule: Rule, day: date, start: date) -> bool:
    """Return whether a day of a period is one of the rule."""
    months, month_days, weekdays = rule.months, rule.month_days, rule.days
    if not (month_days or weekdays):  # then the first date gives what the rule does not
        if rule.frequency == "YEARLY":
            months = months or frozenset({start.month})
        if rule.frequency in {"YEARLY", "MONTHLY"}:
            month_days = frozenset({start.day})
        if rule.frequency == "WEEKLY":
            weekdays = frozenset({(0, start.weekday())})
    if months and day.month not in months:
        return False
    length = monthrange(day.year, day.month)[1]
    if month_days and not {day.day, day.day - length - 1} & month_days:
        return False
    return not weekdays or any(
        day.weekday() == weekday and (not which or _is_nth(rule, day, which)) for which, weekday in weekdays
    )


def _is_nth(rule: Rule, day: date, which: int) -> bool:
    """Return whether a day is the first, the last and so on of its weekday in its month or year."""
    if rule.frequency in {"DAILY", "WEEKLY"}:
        return True
    if rule.frequency == "YEARLY" and not rule.months:
        number, length = day.timetuple().tm_yday, date(day.year, 12, 31).timetuple().tm_yday
    else:
        number, length = day.day, monthrange(day.year, day.month)[1]
    return which in {(number - 1) // 7 + 1, -((length - number) // 7 + 1)}
