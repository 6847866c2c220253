"""Versions of one event in a calendar file: the latest is imported, and a notice lists the others.

Files that were joined from several, and mailboxes of invitations, hold an event and its later versions.
"""

import re
from collections import defaultdict
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from typing import Final, TypeAlias

from festgate.kit.clock import Milliseconds, milliseconds
from festgate.portal.catalogue.files.calendar_times import Calendar
from festgate.portal.catalogue.files.components import Component
from festgate.portal.catalogue.files.rows import Notice

MAX_UID: Final = 255
"""Characters of a UID that are stored as they are, as RFC 7986 recommends; a longer one is stored as its hash."""
MAX_NAMED: Final = 20
"""Lines that a notice names."""
_SEQUENCE: Final = re.compile(r"\d{1,9}", re.ASCII)

Entry: TypeAlias = tuple[Component, Calendar]
"""An event with the calendar that it belongs to."""


def uid_of(event: Component) -> str:
    """Return the UID of an event, or an empty text."""
    uid = event.text("UID").strip()
    return uid if len(uid) <= MAX_UID else f"sha256:{sha256(uid.encode()).hexdigest()}"


def version_of(event: Component, calendar: Calendar) -> tuple[int, Milliseconds]:
    """Return the number of an event's revision and the time of its last change, each 0 without a readable one."""
    sequence = event.text("SEQUENCE").strip()
    return int(sequence) if _SEQUENCE.fullmatch(sequence) else 0, _modified_at(event, calendar)


def latest_versions(entries: list[Entry]) -> tuple[list[Entry], list[Notice]]:
    """Return the latest version of each event in the order of the file, and a notice for each that has others."""
    kept: list[Entry] = []
    notices = []
    for versions in _by_event(entries):
        if len(versions) == 1:
            kept += versions
            continue
        best = max(version_of(event, calendar) for event, calendar in versions)
        latest = [(event, calendar) for event, calendar in versions if version_of(event, calendar) == best]
        chosen = _by_start(latest) or latest[-1:]
        kept += chosen
        read = {event.line for event, _ in chosen}
        lines = [event.line for event, _ in versions if event.line not in read]
        if lines:
            notices.append(Notice(chosen[-1][0].line, _sentence(lines)))
    return sorted(kept, key=lambda entry: entry[0].line), notices


def _modified_at(event: Component, calendar: Calendar) -> Milliseconds:
    """Return the time of the last change. Programs that state it may write the time of the export into DTSTAMP."""
    when = _time(event, calendar, "LAST-MODIFIED") or _time(event, calendar, "DTSTAMP")
    return milliseconds(when) if when else 0


def _time(event: Component, calendar: Calendar, name: str) -> datetime | None:
    """Return a time of an event in UTC; None without a readable one."""
    with suppress(ValueError):
        when = calendar.when(event, name)
        if when is not None:
            return when.key
    return None


def _by_event(entries: list[Entry]) -> list[list[Entry]]:
    """Return the versions of each event, in the order of the file."""
    events: defaultdict[object, list[Entry]] = defaultdict(list)
    for event, calendar in entries:
        uid, date = uid_of(event), _time(event, calendar, "RECURRENCE-ID")
        # Events without a UID are different ones, and the reader reports a date that is none.
        is_named = uid and (date is not None or "RECURRENCE-ID" not in event.properties)
        key: object = (uid, date) if is_named else event.line
        events[key].append((event, calendar))
    return list(events.values())


def _by_start(latest: list[Entry]) -> list[Entry]:
    """Return events of one UID and version by their starts, if they are different; else an empty list.

    Some programs write the dates of a repeating event so, without RECURRENCE-ID; the start takes its place.
    """
    if any({"RRULE", "RDATE", "RECURRENCE-ID"} & event.properties.keys() for event, _ in latest):
        return []
    dates = {_time(event, calendar, "DTSTART"): (event, calendar) for event, calendar in latest}
    if len(dates) == 1 or None in dates:
        return []
    for event, _ in dates.values():
        event.properties["RECURRENCE-ID"] = event.properties["DTSTART"]
    return list(dates.values())


def _sentence(lines: list[int]) -> str:
    numbers = ", ".join(map(str, lines[:MAX_NAMED])) + (" and more" if len(lines) > MAX_NAMED else "")
    if len(lines) == 1:
        return f"line {numbers} has another version of this event, which was left out."
    return f"lines {numbers} have other versions of this event, which were left out."
