"""A file as lines of text, freed from what terminals, mail, word processors and Markdown put around them."""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from festgate.rehearsal.locust_output.model import NotLocust

MAX_BYTES: Final = 64 * 2**20
"""Bytes of a file that is read: an HTML report is 1 MB, and was 47 MB where every visitor had a row."""
MAX_LINE_LENGTH: Final = 4000
"""Signs of a line that may be of a table; a longer one is of a program or of data, and is passed over."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # What `>` writes in Windows PowerShell.
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ESCAPE: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_NOTHING: Final = re.compile("[\u200b\u200c\u200d\u2060\ufeff\u00ad]")
_SPACE: Final = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000\x0b\x0c]")
_BAR: Final = re.compile("[\u2502\u2503\u2551\uff5c]")
_QUOTED: Final = re.compile(r"^\s*>\s?")
_LOGGED: Final = re.compile(r"^\s*\[\d{4}-\d\d-\d\d[ T][\d:,.]+\]\s+\S+/[A-Z]+/([\w.]+):\s?")
_STATS_LOGGER: Final = "locust.stats_logger"


@dataclass(frozen=True, slots=True)
class Line:
    """One line."""

    number: int
    """From 1."""
    text: str
    logged: bool = False
    """It is of Locust's log or of something else that is no table."""


def text_of(path: Path) -> str:
    """The file's text. Raises NotLocust where it is empty, too large, no text, or cannot be read."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            msg = f"{path} has {size / 2**20:,.0f} MB; files of up to {MAX_BYTES / 2**20:,.0f} MB are read."
            raise NotLocust(msg)
        octets = path.read_bytes()
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}."
        raise NotLocust(msg) from None
    if not octets.strip():
        msg = f"{path} is empty."
        raise NotLocust(msg)
    encoding = next((name for mark, name in _MARKS if octets.startswith(mark)), "utf-8")
    try:
        text = octets.decode(encoding)
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        if b"\0" in octets or encoding != "utf-8":
            msg = f"{path}, line {line}: this is no text."
            raise NotLocust(msg) from None
        # What Windows wrote before UTF-8: only names can have such letters, and every byte is one in Latin-1.
        text = octets.decode("latin-1")
    if "\0" in text:
        msg = f"{path}, line {text.count(chr(10), 0, text.index(chr(0))) + 1}: this is no text."
        raise NotLocust(msg)
    return text


def lines_of(text: str) -> list[Line]:
    """Its lines, with plain spaces and bars, without colours, quotation marks of mail and the log's prefixes."""
    return [_line(number, line) for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1)]


def _line(number: int, raw: str) -> Line:
    if len(raw) > MAX_LINE_LENGTH:
        return Line(number, "", logged=True)
    text = _NOTHING.sub("", _ESCAPE.sub("", raw))
    text = _QUOTED.sub("", _BAR.sub("|", _SPACE.sub(" ", text)))
    logged = _LOGGED.match(text)
    if logged is None:
        return Line(number, text.rstrip(" "))
    return Line(number, text[logged.end() :].rstrip(" "), logged=logged[1] != _STATS_LOGGER)
