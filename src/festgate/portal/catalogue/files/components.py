"""Lines of an iCalendar file (RFC 5545, section 3.1) as components with the properties that are used.

The lines are unfolded as bytes, because programs fold within a character. Lines of properties that are not used are
not read any further, whatever they contain.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from festgate.portal.catalogue.calendars import OWN
from festgate.portal.catalogue.files.encodings import decode
from festgate.portal.catalogue.files.rows import Notice, Unreadable

_TIMES: Final = frozenset({"DTSTART", "DTEND", "DURATION", "EXDATE", "RDATE", "RECURRENCE-ID", "RRULE"})
_TEXTS: Final = frozenset({"SUMMARY", "DESCRIPTION", "LOCATION", "CATEGORIES", *OWN})
_USED: Final = {
    "VCALENDAR": frozenset({"METHOD", "X-WR-TIMEZONE"}),
    "VEVENT": _TEXTS | _TIMES | {"UID", "SEQUENCE", "STATUS", "LAST-MODIFIED", "DTSTAMP"},
    "VTIMEZONE": frozenset({"TZID"}),
    "STANDARD": frozenset({"DTSTART", "RRULE", "RDATE", "TZOFFSETTO"}),
    "DAYLIGHT": frozenset({"DTSTART", "RRULE", "RDATE", "TZOFFSETTO"}),
}
_UNUSED: Final = frozenset(
    [
        "ACKNOWLEDGED",
        "ACTION",
        "ATTACH",
        "ATTENDEE",
        "BUSYTYPE",
        "CALENDAR-ADDRESS",
        "CALSCALE",
        "CLASS",
        "COLOR",
        "COMMENT",
        "COMPLETED",
        "CONCEPT",
        "CONFERENCE",
        "CONTACT",
        "CREATED",
        "DUE",
        "EXRULE",
        "FREEBUSY",
        "GEO",
        "IMAGE",
        "LINK",
        "LOCATION-TYPE",
        "NAME",
        "ORGANIZER",
        "PARTICIPANT-TYPE",
        "PERCENT-COMPLETE",
        "PRIORITY",
        "PRODID",
        "PROXIMITY",
        "REFID",
        "REFRESH-INTERVAL",
        "RELATED-TO",
        "REPEAT",
        "REQUEST-STATUS",
        "RESOURCES",
        "SOURCE",
        "STRUCTURED-DATA",
        "STYLED-DESCRIPTION",
        "TRANSP",
        "TRIGGER",
        "TZNAME",
        "TZOFFSETFROM",
        "TZURL",
        "URL",
        "VERSION",
    ]
)
"""Other properties of RFC 5545, 7986, 9073 and 9253."""
_PROPERTIES: Final = _UNUSED.union(*_USED.values())
_NAME: Final = re.compile(r"([A-Za-z0-9-]+)[ \t]*(?=[;:])")
_PARAMETERS: Final = re.compile(r"((?:[^\":]|\"[^\"]*\")*):")
_PARAMETER: Final = re.compile(r";\s*([A-Za-z0-9-]+)\s*=\s*(?:\"([^\"]*)\"|([^;]*))")
_ESCAPED: Final = re.compile(r"\\([\\;,nN])")
_NOT_WHOLE: Final = (
    "This is not a whole iCalendar file: it has to begin with BEGIN:VCALENDAR and close all that it opens."
)


@dataclass(slots=True)
class Property:
    """A property with its parameters and its value as they are written."""

    line: int
    parameters: str
    value: str

    def parameter(self, name: str) -> str:
        """Return the value of a parameter, or an empty text."""
        for match in _PARAMETER.finditer(self.parameters):
            if match[1].upper() == name:
                return (match[2] if match[2] is not None else match[3]).strip()
        return ""


@dataclass(slots=True)
class Component:
    """A component with its used properties and its inner components."""

    name: str
    line: int
    properties: dict[str, list[Property]] = field(default_factory=dict)
    parts: list["Component"] = field(default_factory=list)

    def first(self, name: str) -> Property | None:
        """Return the first property with that name."""
        properties = self.properties.get(name)
        return properties[0] if properties else None

    def text(self, name: str) -> str:
        """Return the text of the first property with that name, or an empty text."""
        prop = self.first(name)
        return unescaped(prop.value) if prop else ""


def unescaped(value: str) -> str:
    """Return the text of a value (RFC 5545, section 3.3.11)."""
    return _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], value)


def split_texts(value: str) -> list[str]:
    """Return the texts of a value that is a list of them, without empty ones."""
    texts = (unescaped(text).strip() for text in re.findall(r"(?:\\.|[^\\,]|\\$)+", value, re.DOTALL))
    return [text for text in texts if text]


def unfold(data: bytes) -> tuple[list[int], bytes]:
    """Return the unfolded lines, each ended by a line feed, and the number of the line on which each begins."""
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    numbers: list[int] = []
    parts: list[bytes] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if line[:1] in {b" ", b"\t"} and numbers:
            parts.append(line[1:].removesuffix(b"\r"))
        else:
            if numbers:
                parts.append(b"\n")
            numbers.append(number)
            parts.append(line.removesuffix(b"\r"))
    return numbers, b"".join(parts)


def read_components(data: bytes) -> tuple[list[Component], list[Notice]]:
    """Return the calendars of a file, and what was corrected. Raises Unreadable."""
    numbers, unfolded = unfold(data)
    text, notices = decode(unfolded, numbers)
    reader = _Reader(lambda line, sentence: notices.append(Notice(line, sentence)))
    for number, line in zip(numbers, text.split("\n"), strict=True):
        reader.take(number, line)
    if reader.open or not any(component.name == "VCALENDAR" for component in reader.closed):
        raise Unreadable(_NOT_WHOLE)
    return [component for component in reader.closed if component.name == "VCALENDAR"], notices


class _Reader:
    """The components that are open after a line."""

    def __init__(self, note: Callable[[int, str], None]) -> None:
        self.open: list[Component] = []
        self.closed: list[Component] = []
        self._note = note
        self._text: tuple[str, Property] | None = None
        """The last property if it is a text that is used, which lines without a name continue."""
        self._more: list[str] = []
        """The lines that continue it."""

    def take(self, number: int, line: str) -> None:
        """Read one unfolded line."""
        name = _NAME.match(line)
        if name is None or not self._is_property(name[1]):
            self._more.append(line)
            return
        self._end_text()
        key = name[1].upper()
        if key == "BEGIN":
            self._begin(number, line[name.end() + 1 :].strip().upper())
        elif key == "END":
            self._end(line[name.end() + 1 :].strip().upper())
        elif self.open:
            self._add(number, key, line[name.end() :])

    def _is_property(self, name: str) -> bool:
        upper = name.upper()
        if self._text is None or upper in {"BEGIN", "END"}:
            return True
        # "Note: bring a pen" after a raw line break is text, and so is "Location: Hall 3": programs write capitals.
        return (upper in _PROPERTIES or upper.startswith("X-")) and (name.isupper() or name.islower())

    def _begin(self, number: int, name: str) -> None:
        component = Component(name, number)
        if self.open:
            self.open[-1].parts.append(component)
        self.open.append(component)

    def _end(self, name: str) -> None:
        if not self.open or self.open[-1].name != name:
            raise Unreadable(_NOT_WHOLE)
        component = self.open.pop()
        if not self.open:
            self.closed.append(component)

    def _add(self, number: int, name: str, rest: str) -> None:
        component = self.open[-1]
        if name not in _USED.get(component.name, ()):
            return
        match = _PARAMETERS.match(rest)
        # Times have no colons, but the name of a zone without quotes may.
        end = rest.rfind(":") if name in _TIMES else match.end() - 1 if match else rest.find(":")
        if end < 0:
            return
        prop = Property(number, rest[:end], rest[end + 1 :])
        component.properties.setdefault(name, []).append(prop)
        if name in _TEXTS:
            self._text = name, prop

    def _end_text(self) -> None:
        """Add the lines that continue a text: the program that wrote it did not escape its line breaks."""
        more = "\n".join(self._more).rstrip()
        if self._text is not None and more.strip():
            name, prop = self._text
            prop.value = f"{prop.value}\n{more}"
            self._note(
                prop.line, f"{name}: a line break in the text was not escaped; the lines after it were kept."
            )
        self._text = None
        self._more = []
