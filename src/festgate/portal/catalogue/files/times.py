"""Times as people and spreadsheets write them (`14.03.2031 10:00`, `3/14/2031`, `9:00 pm`), and lengths (`90m`)."""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

from festgate.kit.clock import moment
from festgate.portal.catalogue.details import MAX_VALUE, TIMES, YEARS, read_time
from festgate.portal.catalogue.files.rows import Conventions, DateOrder

_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*", re.DOTALL)
_YEAR_FIRST: Final = re.compile(r"(?P<year>\d{4})(?P<sign>[-/.])(?P<month>\d\d?)(?P=sign)(?P<day>\d\d?)")
_YEAR_LAST: Final = re.compile(
    r"(?P<first>\d\d?)(?P<sign>[-/.])\s?(?P<second>\d\d?)(?P=sign)\s?(?P<year>\d{4})"
)
_CLOCK: Final = re.compile(
    r"(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d))?\s*(?P<half>[ap]\.?m\.?)?", re.IGNORECASE
)
_BETWEEN: Final = re.compile(r"(?:[Tt]|,?\s+)")
_DURATION: Final = re.compile(r"(?:(?P<hours>\d{1,3})h)?\s*(?:(?P<minutes>\d{1,4})m(?:in)?)?", re.IGNORECASE)
_LAST_MONTH: Final = 12
_NOON: Final = 12
_UNREADABLE: Final = "{text!r} is not a date and time; write it like 2026-03-14T10:00."


def read_duration(text: str) -> timedelta:
    """Read a length such as `2h`, `1h30m` or `90m`. Raises ValueError with a sentence."""
    match = _DURATION.fullmatch(text.strip()) if text.strip() else None
    length = timedelta(hours=int(match["hours"] or 0), minutes=int(match["minutes"] or 0)) if match else None
    if not length:
        msg = f"{text!r} is not a length of time; write it like 2h, 90m or 1h30m."
        raise ValueError(msg)
    return length


def plain_times(
    fields: dict[str, str],
    conventions: Conventions,
    note: Callable[[str], None],
    names: Sequence[str] = TIMES,
) -> list[str]:
    """Write those times of a row as `2026-03-14T10:00`, and return a sentence for each that cannot be read.

    `note` is called with a sentence for each guess: a date without a time, or a time without a date.
    """
    errors = []
    starts: datetime | None = None
    for name in names:
        text = fields.get(name, "").strip()
        if not text or len(text) > MAX_VALUE:
            continue
        try:
            fields[name] = _plain(name, text, starts, conventions, note)
        except ValueError as error:
            errors.append(f"{name}: {error}")
            continue
        if name == "starts_at":
            starts = _naive(fields[name])
    if not errors and "ends_at" in names:
        _set_end(fields, conventions, note)
    return errors


def _plain(
    name: str, text: str, starts: datetime | None, conventions: Conventions, note: Callable[[str], None]
) -> str:
    if not _ISO.fullmatch(text):
        text = _written(name, text, starts, conventions.date_order, note)
    if conventions.file_zone is None:
        return text
    zone = conventions.file_zone
    return moment(read_time(text, zone), zone).isoformat(timespec="seconds")


def _written(
    name: str, text: str, starts: datetime | None, order: DateOrder | None, note: Callable[[str], None]
) -> str:
    clock = _CLOCK.fullmatch(text)
    if clock:
        return _on_day_of_start(name, text, _time(clock, text), starts, note).isoformat(timespec="seconds")
    match = _YEAR_FIRST.match(text) or _YEAR_LAST.match(text)
    if match is None:
        raise ValueError(_UNREADABLE.format(text=text))
    day = _date(match, order, text)
    rest = text[match.end() :]
    if not rest:
        return _whole_day(name, text, day, note).isoformat(timespec="seconds")
    between = _BETWEEN.match(rest)
    clock = _CLOCK.fullmatch(rest, between.end()) if between else None
    if clock is None:
        raise ValueError(_UNREADABLE.format(text=text))
    return datetime.combine(day, _time(clock, text)).isoformat(timespec="seconds")


def _on_day_of_start(
    name: str, text: str, at: time, starts: datetime | None, note: Callable[[str], None]
) -> datetime:
    """Return a time without a date: on the day of the start, or after midnight for the end of a night."""
    if starts is None or name == "sales_open_at":
        msg = f"{text!r} has no date; write it like 2026-03-14T10:00."
        raise ValueError(msg)
    on_day = datetime.combine(starts.date(), at)
    if name == "ends_at" and on_day < starts:
        on_day += timedelta(days=1)
    note(f"{name}: {text} has no date; it was read as {on_day:%Y-%m-%d %H:%M}.")
    return on_day


def _whole_day(name: str, text: str, day: date, note: Callable[[str], None]) -> datetime:
    at = datetime.combine(day, time())
    if name in {"ends_at", "sales_close_at", "team_changes_until"}:
        at += timedelta(days=1)
        note(f"{name}: {text} has no time; it was read as the end of that day.")
    else:
        note(f"{name}: {text} has no time; it was read as the beginning of that day.")
    return at


def _date(match: re.Match[str], order: DateOrder | None, text: str) -> date:
    groups = match.groupdict()
    if "month" in groups:
        return _valid_date(int(groups["year"]), int(groups["month"]), int(groups["day"]), text)
    first, second, year = int(match["first"]), int(match["second"]), int(match["year"])
    if order is None and match["sign"] == ".":
        order = "day-first"  # dots stand only in such dates
    if order is None:
        if first <= _LAST_MONTH and second <= _LAST_MONTH and first != second:
            one = _valid_date(year, second, first, text)
            other = _valid_date(year, first, second, text)
            msg = (
                f"{text!r} can be {one.day} {one:%B} or {other.day} {other:%B}: "
                "give --date-order day-first or month-first."
            )
            raise ValueError(msg)
        order = "day-first" if second <= _LAST_MONTH else "month-first"
    day, month = (first, second) if order == "day-first" else (second, first)
    return _valid_date(year, month, day, text)


def _valid_date(year: int, month: int, day: int, text: str) -> date:
    if year in YEARS:
        try:
            return date(year, month, day)
        except ValueError:
            pass
    msg = f"{text!r} is not a day between {YEARS[0]} and {YEARS[-1]}."
    raise ValueError(msg)


def _time(match: re.Match[str], text: str) -> time:
    hour = int(match["hour"])
    if match["half"]:
        if not 1 <= hour <= _NOON:
            raise ValueError(_UNREADABLE.format(text=text))
        hour = hour % _NOON + (_NOON if match["half"][0] in "pP" else 0)
    try:
        return time(hour, int(match["minute"]), int(match["second"] or 0))
    except ValueError:
        raise ValueError(_UNREADABLE.format(text=text)) from None


def _naive(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None
    return at if at.year in YEARS else None


def _set_end(fields: dict[str, str], conventions: Conventions, note: Callable[[str], None]) -> None:
    """Set the end of an event without one, or of no length, if a default length was given."""
    if conventions.duration is None or not fields.get("starts_at", "").strip():
        return
    zone = conventions.file_zone or conventions.zone
    try:
        starts = read_time(fields["starts_at"].strip(), zone)
        end = fields.get("ends_at", "").strip()
        if end and read_time(end, zone) != starts:
            return
    except ValueError:  # refused later, with its reason
        return
    ends = moment(starts + conventions.duration // timedelta(milliseconds=1), zone)
    fields["ends_at"] = ends.isoformat(timespec="seconds")
    note(
        f"ends_at: it {'is the start' if end else 'is missing'}, so the event lasts {length(conventions.duration)}."
    )


def length(duration: timedelta) -> str:
    """Return a length of time in words, such as `1 hour 30 minutes`."""
    hours, minutes = divmod(int(duration.total_seconds()) // 60, 60)
    parts = [(hours, "hour"), (minutes, "minute")]
    return " ".join(f"{number} {unit}{'' if number == 1 else 's'}" for number, unit in parts if number)
