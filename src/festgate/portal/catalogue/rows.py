"""The content of a file of events before it reaches the database: rows of text, and errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

MAX_FILE: Final = 16 * 1024 * 1024
"""Bytes of a file: room for several hundred of the longest events, or tens of thousands of usual ones."""

MAX_ROWS: Final = 20_000
"""Events of a file, wrong ones included; a fest has hundreds. All are written in one transaction, so registrations
wait meanwhile."""


@dataclass(frozen=True, slots=True)
class Row:
    """One event of a file, with only the fields that the file has."""

    line: int
    """The line on which it begins, counted from 1."""
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LineError:
    """An error in one line."""

    line: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file that could be read, though some of its rows may be wrong."""

    rows: Sequence[Row]
    errors: Sequence[LineError] = ()
    needed: Mapping[str, str] = field(default_factory=dict)
    """Fields that a new event needs in this kind of file, each with the sentence for an event without it."""
    left_out: int = 0
    """The number of cancelled events in the file, which are not imported."""


class Unreadable(Exception):
    """The file cannot be read; the sentence states why, and what to do."""


def check_rows(count: int) -> None:
    """Raise Unreadable if a file has more events than one import allows."""
    if count > MAX_ROWS:
        msg = f"The file has more than {MAX_ROWS:,} events. Import it in parts."
        raise Unreadable(msg)


def decode(data: bytes) -> str:
    """Return the text of a UTF-8 file, with or without a byte order mark. Raises Unreadable with the line."""
    if len(data) > MAX_FILE:
        msg = f"The file has more than {MAX_FILE // 1024**2} MB. Import it in parts."
        raise Unreadable(msg)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        msg = "The file is in UTF-16. Save it as UTF-8 (spreadsheets call it “CSV UTF-8”)."
        raise Unreadable(msg)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        msg = (
            f"line {line}: byte 0x{data[error.start]:02x} is not UTF-8 text. "
            "Save the file as UTF-8 (spreadsheets call it “CSV UTF-8”)."
        )
        raise Unreadable(msg) from None
