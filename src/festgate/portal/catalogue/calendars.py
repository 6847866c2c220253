"""Events as iCalendar (RFC 5545): one for a visitor's calendar, or all of them for another program.

Fields without an iCalendar property are written as X-FESTGATE-... properties, which other programs ignore.
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
from festgate.portal.catalogue.details import details_of, written
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.rows import LineError, Row, Sheet, Unreadable, check_rows, decode

PRODUCT: Final = "-//Festgate//Festgate//EN"
OWN: Final = {
    "X-FESTGATE-SLUG": "slug",
    "X-FESTGATE-SUMMARY": "summary",
    "X-FESTGATE-SALES-OPEN": "sales_open_at",
    "X-FESTGATE-SALES-CLOSE": "sales_close_at",
    "X-FESTGATE-FEE": "fee",
    "X-FESTGATE-CAPACITY": "capacity",
}
"""Festgate's own properties, and the fields that they hold."""
NEEDED: Final = {
    "capacity": "X-FESTGATE-CAPACITY is missing: add it, or give --capacity for all events that lack it.",
    "fee": "X-FESTGATE-FEE is missing: add it, or give --fee for all events that lack it (0: free).",
}
"""Fields that every event needs and other programs' calendars lack, with the sentence for an event without it."""

_ESCAPED = re.compile(r"\\([\\;,nN])")


@lru_cache(maxsize=512)
def calendar(event: Event, base_url: str, name: str = "") -> str:
    """Return one event as iCalendar text, for a visitor's calendar. `name` is the fest's name.

    The UID depends on the event and the portal's address only, so importing the event again updates it.
    """
    collection = _calendar(name)
    collection.add_component(_component(event, base_url))
    return _text(collection)


def write_calendar(events: Iterable[Event], base_url: str, zone: ZoneInfo) -> str:
    """Return the events, all of which have times, with everything that is needed to import them again."""
    collection = _calendar("")
    for event in events:
        component = _component(event, base_url)
        fields = {**written(details_of(event), zone), "slug": event.slug, "capacity": str(event.capacity)}
        component["DESCRIPTION"] = icalendar.vText(event.description)
        for own, field in OWN.items():
            component.add(own, icalendar.vText(fields[field]))
        collection.add_component(component)
    return _text(collection)


def _calendar(name: str) -> icalendar.Calendar:
    collection = icalendar.Calendar()
    collection.add("prodid", PRODUCT)
    collection.add("version", "2.0")
    if name:
        collection.add("x-wr-calname", name)
    return collection


def _component(event: Event, base_url: str) -> icalendar.Event:
    address = f"{base_url}/events/{event.slug}"
    component = icalendar.Event()
    component.add("uid", f"event-{event.id}@{urlsplit(base_url).hostname}")
    changed = _utc(event.updated_at)
    component.add("dtstamp", changed)
    component.add("last-modified", changed)
    component.add("dtstart", _utc(event.starts_at))
    component.add("dtend", _utc(event.ends_at))
    component.add("summary", event.title)
    component.add("location", event.place)
    text = "\n\n".join(part for part in (event.summary, event.description, address) if part)
    component.add("description", text)
    if event.category:
        component.add("categories", [event.category])
    component.add("url", address)
    component.add("status", "CANCELLED" if event.state == "cancelled" else "CONFIRMED")
    return component


def _utc(at: Milliseconds) -> datetime:
    return moment(at, UTC).replace(microsecond=0)


def _text(collection: icalendar.Calendar) -> str:
    text: str = collection.to_ical().decode()
    return text


def read_calendar(data: bytes) -> Sheet:
    """Read the events of an iCalendar file as rows. Times without a zone are the fest's. Raises Unreadable."""
    text = decode(data)
    lines = [
        number for number, line in enumerate(text.splitlines(), 1) if line.strip().upper() == "BEGIN:VEVENT"
    ]
    check_rows(len(lines))  # before each event becomes a dozen objects
    try:
        events = [
            event
            for collection in icalendar.Calendar.from_ical(text, multiple=True)
            for event in collection.walk("VEVENT")
        ]
    except ValueError as error:
        msg = f"This is not an iCalendar file: {error}"
        raise Unreadable(msg) from None
    if len(lines) != len(events) or "BEGIN:VCALENDAR" not in text.upper():
        msg = "This is not a whole iCalendar file: it has to begin with BEGIN:VCALENDAR and close all that it opens."
        raise Unreadable(msg)
    rows: list[Row] = []
    errors: list[LineError] = []
    left_out = 0
    for line, event in zip(lines, events, strict=True):
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            left_out += 1
            continue
        sentences = [f"{name or 'a line'}: {error}." for name, error in event.errors]
        sentences += [
            f"{name}: repeating events cannot be imported; write each date as a separate event."
            for name in ("RRULE", "RDATE", "RECURRENCE-ID")
            if name in event
        ]
        try:
            fields = _fields(event)
        except ValueError as error:
            sentences.append(str(error))
        else:
            rows.append(Row(line, fields))
        errors += [LineError(line, sentence) for sentence in sentences]
    return Sheet(rows, errors, NEEDED, left_out)


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
    """Return the text of a property; the first if there are several."""
    value = event.get(name)
    if isinstance(value, list):
        value = value[0]
    if not value:
        return ""
    # icalendar unescapes only the properties that it knows as text, and its releases know different ones. Written
    # again, both kinds are escaped alike.
    raw = getattr(value, "to_ical", str(value).encode)().decode()
    return _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], raw)


def _category(event: icalendar.Component) -> str:
    value = event.get("CATEGORIES")
    if isinstance(value, list):
        value = value[0]
    return str(value.cats[0]) if value is not None and value.cats else ""


def _when(event: icalendar.Component, name: str) -> datetime | None:
    """Return a time of the event, without a zone if the file has none; a whole day begins at midnight."""
    value = event.get(name)
    if value is None:
        return None
    at = getattr(value, "dt", None)
    if isinstance(at, datetime):
        zone = value.params.get("TZID")
        if at.tzinfo is None and zone is not None:
            msg = f"{name}: the time zone {zone} is unknown; write it like Europe/Berlin, or write the time in UTC."
            raise ValueError(msg)
        return at
    if isinstance(at, date):
        return datetime(at.year, at.month, at.day)  # noqa: DTZ001  (local to the fest, whose zone is added later)
    msg = f"{name}: this is not a date and time."
    raise ValueError(msg)


def _end(event: icalendar.Component, starts: datetime | None) -> datetime | None:
    ends = _when(event, "DTEND")
    if ends is not None or starts is None:
        return ends
    duration = getattr(event.get("DURATION"), "dt", None)
    if isinstance(duration, timedelta):
        # Exact time, because durations of RFC 5545 are in hours: the clocks may go back in between.
        return starts + duration if starts.tzinfo is None else starts.astimezone(UTC) + duration
    whole_day = not isinstance(getattr(event.get("DTSTART"), "dt", None), datetime)
    return starts + timedelta(days=1) if whole_day else None


def _iso(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(timespec="seconds")
