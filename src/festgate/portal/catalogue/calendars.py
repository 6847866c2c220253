"""Events as iCalendar (RFC 5545): one for a visitor's calendar, all of them for another program.

What iCalendar has no property for goes into X-FESTGATE-... ones, which other programs pass over.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import icalendar

from festgate.kit.clock import Milliseconds, moment
from festgate.portal.catalogue.entries import details_of, written
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.rows import Row, Sheet, Unreadable, Wrong, check_rows, decode

PRODUCT: Final = "-//Festgate//Festgate//EN"
OWN: Final = {
    "X-FESTGATE-SLUG": "slug",
    "X-FESTGATE-SUMMARY": "summary",
    "X-FESTGATE-SALES-OPEN": "sales_open_at",
    "X-FESTGATE-SALES-CLOSE": "sales_close_at",
    "X-FESTGATE-FEE": "fee",
    "X-FESTGATE-CAPACITY": "capacity",
}
"""Our own properties and the fields that they stand for."""
NEEDED: Final = {
    "capacity": "X-FESTGATE-CAPACITY is missing: add it, or give --capacity for all events that lack it.",
    "fee": "X-FESTGATE-FEE is missing: add it, or give --fee for all events that lack it (0: free).",
}
"""What no other program's calendar has, and every event needs."""

_ESCAPED = re.compile(r"\\([\\;,nN])")


@lru_cache(maxsize=512)
def calendar(event: Event, base_url: str, name: str = "") -> str:
    """One event as an iCalendar text with CRLF line ends, for a visitor's calendar. `name` is the fest's.

    The UID stays the same as long as the event and the portal's address do, so importing it again updates it.
    """
    made = _calendar(name)
    made.add_component(_component(event, base_url))
    return _text(made)


def write_calendar(events: Iterable[Event], base_url: str, zone: ZoneInfo) -> str:
    """All `events` (each of which has its times) with everything that importing them again needs."""
    made = _calendar("")
    for event in events:
        component = _component(event, base_url)
        fields = {**written(details_of(event), zone), "slug": event.slug, "capacity": str(event.capacity)}
        component["DESCRIPTION"] = icalendar.vText(event.description)
        for own, field in OWN.items():
            component.add(own, icalendar.vText(fields[field]))
        made.add_component(component)
    return _text(made)


def _calendar(name: str) -> icalendar.Calendar:
    made = icalendar.Calendar()
    made.add("prodid", PRODUCT)
    made.add("version", "2.0")
    if name:
        made.add("x-wr-calname", name)
    return made


def _component(event: Event, base_url: str) -> icalendar.Event:
    address = f"{base_url}/events/{event.slug}"
    made = icalendar.Event()
    made.add("uid", f"event-{event.id}@{urlsplit(base_url).hostname}")
    changed = _utc(event.updated_at)
    made.add("dtstamp", changed)
    made.add("last-modified", changed)
    made.add("dtstart", _utc(event.starts_at))
    made.add("dtend", _utc(event.ends_at))
    made.add("summary", event.title)
    made.add("location", event.place)
    text = "\n\n".join(part for part in (event.summary, event.description, address) if part)
    made.add("description", text)
    if event.category:
        made.add("categories", [event.category])
    made.add("url", address)
    made.add("status", "CANCELLED" if event.state == "cancelled" else "CONFIRMED")
    return made


def _utc(at: Milliseconds) -> datetime:
    return moment(at, UTC).replace(microsecond=0)


def _text(made: icalendar.Calendar) -> str:
    text: str = made.to_ical().decode()
    return text


def read_calendar(data: bytes) -> Sheet:
    """The events of an iCalendar file as rows. Times without a zone are the fest's.

    Raises Unreadable where it is no iCalendar, or ends in the middle.
    """
    text = decode(data)
    lines = [
        number for number, line in enumerate(text.splitlines(), 1) if line.strip().upper() == "BEGIN:VEVENT"
    ]
    check_rows(len(lines))  # before each becomes a dozen objects
    try:
        found = [
            event
            for made in icalendar.Calendar.from_ical(text, multiple=True)
            for event in made.walk("VEVENT")
        ]
    except ValueError as error:
        msg = f"This is not an iCalendar file: {error}"
        raise Unreadable(msg) from None
    if len(lines) != len(found) or "BEGIN:VCALENDAR" not in text.upper():
        msg = "This is not a whole iCalendar file: it has to begin with BEGIN:VCALENDAR and close all that it opens."
        raise Unreadable(msg)
    rows: list[Row] = []
    wrongs: list[Wrong] = []
    left_out = 0
    for line, event in zip(lines, found, strict=True):
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            left_out += 1
            continue
        sentences = [f"{name or 'a line'}: {error}." for name, error in event.errors]
        sentences += [
            f"{name}: repeating events are not taken in; write each time as an event of its own."
            for name in ("RRULE", "RDATE", "RECURRENCE-ID")
            if name in event
        ]
        try:
            fields = _fields(event)
        except ValueError as error:
            sentences.append(str(error))
        else:
            rows.append(Row(line, fields))
        wrongs += [Wrong(line, sentence) for sentence in sentences]
    return Sheet(rows, wrongs, NEEDED, left_out)


def _fields(event: icalendar.Component) -> dict[str, str]:
    fields = {
        "title": _plain(event, "SUMMARY"),
        "description": _plain(event, "DESCRIPTION"),
        "place": _plain(event, "LOCATION"),
        "category": _category(event),
    }
    starts = _when(event, "DTSTART")
    fields["starts_at"] = _iso(starts)
    fields["ends_at"] = _iso(_end(event, starts))
    for own, field in OWN.items():
        if own in event:
            fields[field] = _plain(event, own)
    return fields


def _plain(event: icalendar.Component, name: str) -> str:
    """The text of a property, the first where there are several."""
    value = event.get(name)
    if isinstance(value, list):
        value = value[0]
    if not value:
        return ""
    # What icalendar knows as text it has unescaped, what it does not know it has not (and releases differ in which it
    # knows); written again, the two are alike.
    raw = getattr(value, "to_ical", str(value).encode)().decode()
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], raw)


def _category(event: icalendar.Component) -> str:
    value = event.get("CATEGORIES")
    if isinstance(value, list):
        value = value[0]
    return str(value.cats[0]) if value is not None and value.cats else ""


def _when(event: icalendar.Component, name: str) -> datetime | None:
    """A moment of the event, without a zone where the file has none; all of a day begins at midnight."""
    value = event.get(name)
    if value is None:
        return None
    at = getattr(value, "dt", None)
    if isinstance(at, datetime):
        zone = value.params.get("TZID")
        if at.tzinfo is None and zone is not None:
            msg = f"{name}: {zone} is no time zone that is known here; write it like Europe/Berlin, or the time in UTC."
            raise ValueError(msg)
        return at
    if isinstance(at, date):
        return datetime(at.year, at.month, at.day)  # noqa: DTZ001  (local to the fest, whose zone is put in later)
    msg = f"{name}: this is not a date and time."
    raise ValueError(msg)


def _end(event: icalendar.Component, starts: datetime | None) -> datetime | None:
    ends = _when(event, "DTEND")
    if ends is not None or starts is None:
        return ends
    duration = getattr(event.get("DURATION"), "dt", None)
    if isinstance(duration, timedelta):
        # Exact time, as RFC 5545 has durations in hours: the clocks may be put back in between.
        return starts + duration if starts.tzinfo is None else starts.astimezone(UTC) + duration
    whole_day = not isinstance(getattr(event.get("DTSTART"), "dt", None), datetime)
    return starts + timedelta(days=1) if whole_day else None


def _iso(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(timespec="seconds")
