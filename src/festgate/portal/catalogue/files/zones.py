"""Time zones of calendar files: names of the IANA database, of Windows and of programs, and zones of a file."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo, available_timezones

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from festgate.portal.catalogue.files.components import Component
from festgate.portal.catalogue.files.recurrences import Rule, occurrences, read_rule

Zone: TypeAlias = Callable[[datetime], datetime]
"""A function that returns a local time as a time with an offset."""

_OFFSET: Final = re.compile(r"([+-])([01]\d|2[0-3])([0-5]\d)(?:[0-5]\d)?")
_LOCAL: Final = re.compile(r"\d{8}T\d{6}")
MAX_OBSERVANCES: Final = 200
"""Parts of a zone that a file defines; a zone with all its history has fewer."""


def in_zone(zone: ZoneInfo) -> Zone:
    """Return the function for a zone of the IANA database."""
    return lambda local: local.replace(tzinfo=zone)


def zone_of_name(name: str) -> ZoneInfo | None:
    """Return the zone with a name of the IANA database, of Windows, or of either after a program's prefix."""
    known = _names()
    parts = name.strip(" /").split("/")
    # /freeassociation.sourceforge.net/Europe/Berlin and /mozilla.org/20050126_1/America/Argentina/Ushuaia
    for count in (len(parts), 3, 2, 1):
        if count <= len(parts):
            key = known.get("/".join(parts[-count:]).casefold())
            if key and (count == len(parts) or count > 1):
                return ZoneInfo(key)
    return None


@lru_cache(maxsize=1)
def _names() -> Mapping[str, str]:
    """Return the keys of all zones by their names in small letters."""
    windows = {name.casefold(): key for name, key in WINDOWS_TO_OLSON.items()}
    return {**windows, **{key.casefold(): key for key in available_timezones()}}


@dataclass(frozen=True, slots=True)
class _Observance:
    """Standard or daylight time of a zone, from each onset on."""

    start: datetime
    """The first onset, in the local time before it."""
    rule: Rule | None
    offset: timedelta

    def onset(self, local: datetime) -> datetime | None:
        """Return the last onset at or before a local time."""
        if self.rule is None or local < self.start:
            return self.start if self.start <= local else None
        last = None
        for year in (local.year - 1, local.year):
            if year >= self.start.year:
                first = max(self.start, self.start.replace(year=year, month=1, day=1))
                for at in occurrences(self.rule, first, until=datetime(year, 12, 31, 23, 59, 59)):  # noqa: DTZ001
                    last = at if at <= local else last
        return last or self.start


def defined_zones(components: Iterable[Component]) -> dict[str, Zone]:
    """Return the zones that the VTIMEZONE components of a file define, by name, if they can be read."""
    zones = {}
    for component in components:
        observances = _observances(component)
        if observances:
            zones[component.text("TZID").strip()] = _zone(observances)
    return zones


def _zone(observances: list[_Observance]) -> Zone:
    def localised(local: datetime) -> datetime:
        onsets = [(onset, entry.offset) for entry in observances if (onset := entry.onset(local))]
        offset = max(onsets)[1] if onsets else min(observances, key=lambda entry: entry.start).offset
        return local.replace(tzinfo=timezone(offset) if offset else UTC)

    return localised


def _observances(component: Component) -> list[_Observance]:
    observances = []
    try:
        for part in component.parts[:MAX_OBSERVANCES]:
            offset = _OFFSET.fullmatch(part.text("TZOFFSETTO"))
            start = _local(part.text("DTSTART"))
            if offset is None:
                return []
            minutes = int(offset[2]) * 60 + int(offset[3])
            length = timedelta(minutes=-minutes if offset[1] == "-" else minutes)
            rule = part.text("RRULE")
            observances.append(_Observance(start, _yearly(rule) if rule else None, length))
            for dates in part.properties.get("RDATE", []):
                times = dates.value.split(",")[:MAX_OBSERVANCES]
                observances += [_Observance(_local(at), None, length) for at in times]
    except ValueError:
        return []
    return observances


def _yearly(text: str) -> Rule:
    rule = read_rule(text)
    if rule.frequency != "YEARLY" or rule.interval != 1 or rule.count is not None:
        msg = "this rule of a zone is unusual"
        raise ValueError(msg)
    return rule


def _local(text: str) -> datetime:
    if not _LOCAL.fullmatch(text):
        raise ValueError(text)
    return datetime.strptime(text, "%Y%m%dT%H%M%S")  # noqa: DTZ007  (local to the zone)
