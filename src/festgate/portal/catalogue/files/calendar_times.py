"""Times of a calendar, in the zones that its properties name or the file defines."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from festgate.portal.catalogue.details import YEARS
from festgate.portal.catalogue.files.components import Component, Property
from festgate.portal.catalogue.files.rows import Conventions
from festgate.portal.catalogue.files.zones import Zone, defined_zones, in_zone, zone_of_name

_TIME: Final = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class When:
    """A time of a calendar: local, and in the zone that the property or the file names."""

    local: datetime
    zone: Zone
    is_day: bool = False
    """Whether it is a whole day, which begins at midnight."""

    @property
    def at(self) -> datetime:
        """The time with its offset."""
        return self.zone(self.local)

    @property
    def key(self) -> datetime:
        """The time in UTC, by which times in different zones are compared."""
        return self.at.astimezone(UTC)


class Calendar:
    """The time zones of one calendar, and the conventions of the import, which all of its events share."""

    def __init__(self, calendar: Component, conventions: Conventions) -> None:
        """Take the calendar's component."""
        self.duration = conventions.duration
        self._given = conventions.file_zone
        self._defined = defined_zones(part for part in calendar.parts if part.name == "VTIMEZONE")
        self._known: dict[str, Zone] = {}
        self._own = calendar.text("X-WR-TIMEZONE").strip()
        names_zone = bool(self._own) and conventions.file_zone is None
        self.zone = self._in_own_zone if names_zone else in_zone(conventions.file_zone or conventions.zone)
        """The zone of times that name none."""

    def whens(self, prop: Property, name: str) -> list[When]:
        """Return the times of a property. Raises ValueError with a sentence."""
        zone = self._zone(prop, name)
        return [self._when(text, zone, name) for text in prop.value.split(",")]

    def when(self, event: Component, name: str) -> When | None:
        """Return a time of an event. Raises ValueError with a sentence."""
        prop = event.first(name)
        return self._when(prop.value, self._zone(prop, name), name) if prop else None

    def _when(self, text: str, zone: Zone, name: str) -> When:
        match = _TIME.fullmatch(text.strip())
        local = _local(match[1] + (match[2] or "000000")) if match else None
        if match is None or local is None:
            msg = f"{name}: {text[:40]!r} is not a date and time."
            raise ValueError(msg)
        if local.year not in YEARS:
            msg = f"{name}: {text[:40]!r} is not in the years from {YEARS[0]} to {YEARS[-1]}."
            raise ValueError(msg)
        if match[2] is None:
            return When(local, self.zone, is_day=True)
        return When(local, in_utc if match[3] else zone)

    def _in_own_zone(self, local: datetime) -> datetime:
        return self._named(self._own, "X-WR-TIMEZONE")(local)

    def _zone(self, prop: Property, name: str) -> Zone:
        tzid = prop.parameter("TZID")
        if not tzid:
            return self.zone
        zone = self._known.get(tzid)
        if zone is None:
            zone = self._known[tzid] = self._named(tzid, name)
        return zone

    def _named(self, tzid: str, name: str) -> Zone:
        known = zone_of_name(tzid)
        if tzid in self._defined and (known is None or known.key.casefold() != tzid.casefold()):
            return self._defined[tzid]
        if known is not None:
            return in_zone(known)
        if self._given is not None:
            return in_zone(self._given)
        msg = (
            f"{name}: the time zone {tzid[:60]} is unknown, and the file does not define it: give --time-zone, such as "
            "Europe/Berlin."
        )
        raise ValueError(msg)


def _local(digits: str) -> datetime | None:
    try:
        return datetime.strptime(digits, "%Y%m%d%H%M%S")  # noqa: DTZ007  (its zone is added later)
    except ValueError:
        return None


def in_utc(local: datetime) -> datetime:
    """Return the local time of UTC with its offset, as a zone does."""
    return local.replace(tzinfo=UTC)
