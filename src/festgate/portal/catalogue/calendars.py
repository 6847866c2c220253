"""Events as iCalendar (RFC 5545): one for a visitor's calendar, or all of them for another program.

Fields without an iCalendar property are written as X-FESTGATE-... properties, which other programs ignore.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import icalendar

from festgate.kit.clock import Milliseconds, moment
from festgate.portal.catalogue.details import details_of, written
from festgate.portal.catalogue.queries import Event

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
_ESCAPED: Final = re.compile(r"[\\;,\n]")
_ESCAPES: Final = {"\n": "\\n"}


class _Text(icalendar.vText):
    r"""A text whose backslashes are kept: icalendar 7 writes `\N`, as in `C:\New`, as a line break."""

    def to_ical(self) -> bytes:
        """Return the text with the escapes of RFC 5545, section 3.3.11."""
        return _ESCAPED.sub(lambda match: _ESCAPES.get(match[0], f"\\{match[0]}"), self).encode()


@lru_cache(maxsize=512)
def calendar(event: Event, base_url: str, name: str = "") -> str:
    """Return one event as iCalendar text, for a visitor's calendar. `name` is the fest's name.

    The UID is the event's for good and SEQUENCE rises, so importing the event again updates it.
    """
    collection = collection_of(name)
    collection.add_component(component_of(event, base_url))
    return text_of(collection)


def write_calendar(events: Iterable[Event], base_url: str, zone: ZoneInfo) -> str:
    """Return the events, all of which have times, with everything that is needed to import them again."""
    collection = collection_of("")
    for event in events:
        component = component_of(event, base_url)
        fields = {**written(details_of(event), zone), "slug": event.slug, "capacity": str(event.capacity)}
        component["DESCRIPTION"] = _Text(event.description)
        component["LOCATION"] = _Text(event.place)
        for own, field in OWN.items():
            component.add(own, _Text(fields[field]))
        collection.add_component(component)
    return text_of(collection)


def collection_of(name: str) -> icalendar.Calendar:
    """Return a calendar without events."""
    collection = icalendar.Calendar()
    collection.add("prodid", PRODUCT)
    collection.add("version", "2.0")
    if name:
        collection.add("x-wr-calname", name)
    return collection


def component_of(event: Event, base_url: str) -> icalendar.Event:
    """Return the event as a part of a calendar."""
    address = f"{base_url}/events/{event.slug}"
    component = icalendar.Event()
    component.add("uid", event.uid)
    component.add("sequence", event.sequence)
    changed = in_utc(event.updated_at)
    component.add("dtstamp", changed)
    component.add("last-modified", changed)
    component.add("dtstart", in_utc(event.starts_at))
    component.add("dtend", in_utc(event.ends_at))
    component.add("summary", _Text(event.title))
    component.add("location", _Text(event.room.where if event.room else event.place))
    text = "\n\n".join(part for part in (event.summary, event.description, address) if part)
    component.add("description", _Text(text))
    if event.category:
        component.add("categories", [event.category])
    component.add("url", address)
    component.add("status", "CANCELLED" if event.state == "cancelled" else "CONFIRMED")
    return component


def in_utc(at: Milliseconds) -> datetime:
    """Return the time as calendars have it, without fractions of a second."""
    return moment(at, UTC).replace(microsecond=0)


def text_of(collection: icalendar.Calendar) -> str:
    """Return the calendar as text."""
    text: str = collection.to_ical().decode()
    return text
