"""Time zones of calendar files: names of the IANA database, of Windows and of programs, and zones of a file."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo, available_timezones

from babel.core import get_global

from festgate.portal.catalogue.files.components import Component
from festgate.portal.catalogue.files.recurrences import Rule, occurrences, read_rule

Zone: TypeAlias = Callable[[datetime], datetime]
"""A function that returns a local time as a time with an offset."""

_OFFSET: Final = re.compile(r"([+-])([01]\d|2[0-3])([0-5]\d)(?:[0-5]\d)?")
_LOCAL: Final = re.compile(r"\d{8}T\d{6}")
_NEVER: Final = datetime(9999, 12, 31)  # noqa: DTZ001  (local to the zone)
MAX_OBSERVANCES: Final = 100
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
    windows = {name.casefold(): key for name, key in get_global("windows_zone_mapping").items()}
    return {**windows, **{key.casefold(): key for key in available_timezones()}}


class _Observance:
    """Standard or daylight time of a zone, from each onset on."""

    def __init__(self, start: datetime, rule: Rule | None, offset: timedelta) -> None:
        self.start = start
        """The first onset, in the local time before it."""
        self.offset = offset
        self._rule = rule
        self._last = _day_of(rule.until) + timedelta(days=1) if rule and rule.until else _NEVER
        self._by_year: dict[int, datetime | None] = {}

    def onset(self, local: datetime) -> datetime | None:
        """Return the last onset at or before a local time."""
        if local < self.start:
            return None
        latest = min(local.year, self._last.year)
        for year in (latest, latest - 1):
            onset = self._in_year(year)
            if onset is not None and onset <= local:
                return onset
        return self.start

    def _in_year(self, year: int) -> datetime | None:
        if self._rule is None or year < self.start.year:
            return None
        if year not in self._by_year:
            first = max(self.start, self.start.replace(year=year, month=1, day=1))
            until = min(self._last, datetime(year, 12, 31))  # noqa: DTZ001  (local to the zone)
            self._by_year[year] = next(occurrences(self._rule, first, until), None)
        return self._by_year[year]


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
            observances.append(_Observance(start, _yearly(rule, start) if rule else None, length))
            for dates in part.properties.get("RDATE", []):
                times = dates.value.split(",")[:MAX_OBSERVANCES]
                observances += [_Observance(_local(at), None, length) for at in times]
    except (ValueError, OverflowError):
        return []
    return observances


def _yearly(text: str, start: datetime) -> Rule:
    """Read the rule of an onset, which names its day and month. Raises ValueError."""
    rule = read_rule(text)
    if rule.frequency != "YEARLY" or rule.interval != 1 or rule.count is not None:
        msg = "this rule of a zone is unusual"
        raise ValueError(msg)
    return replace(
        rule,
        months=rule.months or frozenset({start.month}),
        month_days=rule.month_days if rule.days else rule.month_days or frozenset({start.day}),
    )


def _day_of(text: str) -> datetime:
    """Return the day of a time that may be in UTC, at midnight."""
    return _local(f"{text[:8]}T000000")


def _local(text: str) -> datetime:
    if not _LOCAL.fullmatch(text):
        raise ValueError(text)
    return datetime.strptime(text, "%Y%m%dT%H%M%S")  # noqa: DTZ007  (local to the zone)
