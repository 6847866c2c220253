"""Small files of events on which other systems fail; `trouble/` has them as text.

They are stored as UTF-8 with Unix line ends, so that they can be read and compared. Here they get the line ends, the
encoding and the folds of the program that writes such files.
"""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "trouble"
ENCODINGS: Final = {"b14_latin1.ics": "latin-1", "c05_cp1252.csv": "cp1252", "c06_utf16.csv": "utf-16"}
UNIX: Final = {"b12_lf_only.ics"}
FOLDED_BY_OCTETS: Final = {"a07_bad_fold.ics"}
"""Files whose lines are folded after 75 octets, also within a character."""


def read_trouble(name: str) -> bytes:
    """Return the bytes of a file as another program writes it."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    if name not in UNIX:
        text = text.replace("\n", "\r\n")
    data = text.encode(ENCODINGS.get(name, "utf-8"))
    return b"\r\n".join(map(fold, data.split(b"\r\n"))) if name in FOLDED_BY_OCTETS else data


def fold(line: bytes, width: int = 75) -> bytes:
    """Return a line with a break after each so many octets."""
    starts = range(width, len(line), width - 1)
    return b"\r\n ".join([line[:width], *(line[at : at + width - 1] for at in starts)])
