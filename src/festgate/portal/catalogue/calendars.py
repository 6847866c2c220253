"""Events as iCalendar (RFC 5545): one for a visitor's calendar, or all of them for another program.

Fields without an iCalendar property are written as X-FESTGATE-... properties, which other programs ignore.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from festgate.kit.clock import Milliseconds, moment
from festgate.portal.catalogue.details import details_of, written
from festgate.portal.catalogue.queries import Event

Properties: TypeAlias = dict[str, str]
"""The properties of an event by name; the values are escaped."""

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
MAX_OCTETS: Final = 75
"""Octets of a line, without its line break (RFC 5545, section 3.1)."""
_CONTINUES: Final = range(0x80, 0xC0)
"""Octets of UTF-8 that continue a character."""
_ESCAPED: Final = re.compile(r"[\\;,\n]")
_ESCAPES: Final = {"\n": "\\n"}


def calendar(event: Event, base_url: str, name: str = "") -> str:
    """Return one event as iCalendar text, for a visitor's calendar. `name` is the fest's name.

    The UID is the event's for good and SEQUENCE rises, so importing the event again updates it.
    """
    named = {"X-WR-CALNAME": escaped(name)} if name else {}
    return calendar_of([properties_of(event, base_url)], named)


def write_calendar(events: Iterable[Event], base_url: str, zone: ZoneInfo) -> str:
    """Return the events, all of which have times, with everything that is needed to import them again."""
    listed = []
    for event in events:
        fields = {**written(details_of(event), zone), "slug": event.slug, "capacity": str(event.capacity)}
        listed.append(
            {
                **properties_of(event, base_url),
                "DESCRIPTION": escaped(event.description),
                "LOCATION": escaped(event.place),
                **{own: escaped(fields[field]) for own, field in OWN.items()},
            }
        )
    return calendar_of(listed)


def calendar_of(events: Iterable[Properties], more: Mapping[str, str] | None = None) -> str:
    """Return a calendar of events, with further properties of its own."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{PRODUCT}", *_lines(more or {})]
    for event in events:
        lines += ["BEGIN:VEVENT", *_lines(event), "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def properties_of(event: Event, base_url: str) -> Properties:
    """Return the event's properties."""
    address = f"{base_url}/events/{event.slug}"
    text = "\n\n".join(part for part in (event.summary, event.description, address) if part)
    return {
        "SUMMARY": escaped(event.title),
        "DTSTART": in_utc(event.starts_at),
        "DTEND": in_utc(event.ends_at),
        "DTSTAMP": in_utc(event.updated_at),
        "UID": escaped(event.uid),
        "SEQUENCE": str(event.sequence),
        **({"CATEGORIES": escaped(event.category)} if event.category else {}),
        "DESCRIPTION": escaped(text),
        "LAST-MODIFIED": in_utc(event.updated_at),
        "LOCATION": escaped(event.room.where if event.room else event.place),
        "STATUS": "CANCELLED" if event.state == "cancelled" else "CONFIRMED",
        "URL": address,
    }


def in_utc(at: Milliseconds) -> str:
    """Return the time as calendars have it, without fractions of a second."""
    return f"{moment(at, UTC):%Y%m%dT%H%M%SZ}"


def escaped(text: str) -> str:
    """Return a text as a value (RFC 5545, section 3.3.11)."""
    return _ESCAPED.sub(lambda match: _ESCAPES.get(match[0], f"\\{match[0]}"), text)


def folded(line: str) -> str:
    """Return the line in pieces of at most MAX_OCTETS octets that end between characters."""
    rest = line.encode()
    pieces = []
    space = MAX_OCTETS
    while len(rest) > space:
        end = space
        while rest[end] in _CONTINUES:
            end -= 1
        pieces.append(rest[:end].decode())
        rest = rest[end:]
        space = MAX_OCTETS - len(" ")
    return "\r\n ".join([*pieces, rest.decode()])


def _lines(properties: Mapping[str, str]) -> list[str]:
    return [folded(f"{name}:{value}") for name, value in properties.items()]
