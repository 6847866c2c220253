"""The content of a file of events before it reaches the database: rows of text, notices and errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from festgate.kit.clock import Milliseconds

MAX_FILE: Final = 16 * 1024 * 1024
"""Bytes of a file: room for several hundred of the longest events, or tens of thousands of usual ones."""

MAX_ROWS: Final = 20_000
"""Events of a file, wrong ones included; a fest has hundreds. All are written in one transaction, so registrations
wait meanwhile."""

DateOrder: TypeAlias = Literal["day-first", "month-first"]


@dataclass(frozen=True, slots=True)
class Conventions:
    """The meaning of times and amounts that a file does not state itself."""

    zone: ZoneInfo
    """The fest's time zone."""
    currency: str
    """The fest's currency."""
    file_zone: ZoneInfo | None = None
    """The time zone of times without one, or with an unknown one; None: the calendar's own, or the fest's."""
    date_order: DateOrder | None = None
    """The order in dates such as 03/04/2031; None: such dates are refused."""
    duration: timedelta | None = None
    """The length of events without an end, or of no length; None: an hour in a calendar, refused in a table."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The identity of an event in the calendar that it comes from (RFC 5545)."""

    uid: str = ""
    sequence: int = 0
    """The number of the event's revision."""
    recurrence: str = ""
    """The original start of one date of a repeating event, in UTC; empty for an event that does not repeat."""
    modified_at: Milliseconds = 0
    """The time of the last change (LAST-MODIFIED, or DTSTAMP without one); 0 if the calendar states none."""


@dataclass(frozen=True, slots=True)
class Row:
    """One event of a file, with only the fields that the file has."""

    line: int
    """The line on which it begins, counted from 1."""
    fields: Mapping[str, str]
    origin: Origin = Origin()
    name: str = ""
    """The event's title, for messages about a file in which people do not count lines."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A change that the reader made to the content of one line, such as a text that was cut."""

    line: int
    sentence: str


@dataclass(frozen=True, slots=True)
class LineError:
    """An error in one line."""

    line: int
    sentence: str
    name: str = ""
    """The title of the event, as in the row."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file that could be read, though some of its rows may be wrong."""

    rows: Sequence[Row]
    errors: Sequence[LineError] = ()
    needed: Mapping[str, str] = field(default_factory=dict)
    """Fields that a new event needs in this kind of file, each with the sentence for an event without it."""
    cancelled: Sequence[Row] = ()
    """The events that the calendar has cancelled; their rows have no details."""
    notices: Sequence[Notice] = ()
    unit: Literal["line", "row"] = "line"
    """The parts of the file that are counted: the lines of a text, or the rows of a worksheet."""


class Unreadable(Exception):
    """The file cannot be read; the sentence states why, and what to do."""


def check_size(data: bytes) -> None:
    """Raise Unreadable if a file is larger than one import allows."""
    if len(data) > MAX_FILE:
        msg = f"The file has more than {MAX_FILE // 1024**2} MB. Import it in parts."
        raise Unreadable(msg)


def check_rows(count: int) -> None:
    """Raise Unreadable if a file has more events than one import allows."""
    if count > MAX_ROWS:
        msg = f"The file has more than {MAX_ROWS:,} events. Import it in parts."
        raise Unreadable(msg)
