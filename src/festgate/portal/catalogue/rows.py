"""What a file of events comes to before it touches the database: rows of text, and what is wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

MAX_FILE: Final = 16 * 1024 * 1024
"""Bytes of a file: several hundred of the longest events, tens of thousands of usual ones."""

MAX_ROWS: Final = 20_000
"""Events of a file, wrong ones included: a fest has hundreds. All of them are written in one transaction, which keeps
everybody else's registrations waiting meanwhile."""


@dataclass(frozen=True, slots=True)
class Row:
    """One event of a file. A field that the file does not have is not among `fields`."""

    line: int
    """Where it begins, counted from 1."""
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with one line."""

    line: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file that could be read, though some of its rows may be wrong."""

    rows: Sequence[Row]
    wrongs: Sequence[Wrong] = ()
    needed: Mapping[str, str] = field(default_factory=dict)
    """Fields that a new event has to have in this kind of file, each with what to say where it does not."""
    left_out: int = 0
    """Events of the file that are cancelled."""


class Unreadable(Exception):
    """The file as a whole cannot be read; the sentence says why, and what to do."""


def check_rows(count: int) -> None:
    """Raise Unreadable where a file has more events than an import takes in."""
    if count > MAX_ROWS:
        msg = f"The file has more than {MAX_ROWS:,} events. Import it in parts."
        raise Unreadable(msg)


def decode(data: bytes) -> str:
    """The text of a file in UTF-8, with or without a byte order mark. Raises Unreadable naming the line."""
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
