"""A file as lines of text, without the decorations of terminals, email, word processors and Markdown."""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from festgate.rehearsal.locust_output.model import NotLocust

MAX_BYTES: Final = 64 * 2**20
"""Bytes of a file; an HTML report has 1 MB, and had 47 MB with a row for every visitor."""
MAX_LINE_LENGTH: Final = 4000
"""Characters of a line of a table; a longer line is code or data and is skipped."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # The encoding of `>` in Windows PowerShell.
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE: Final = 4096
"""Bytes at the beginning of a file in which the encoding is looked for."""
_MIN_ZEROS: Final = 0.8
"""Share of zeros among the first or the second bytes of each pair that shows UTF-16."""
_LIGATURES: Final = dict(
    zip(
        "\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06",
        ("ff", "fi", "fl", "ffi", "ffl", "ft", "st"),
        strict=True,
    )
)
"""Letters that typesetting joins; in PDFs the joined `ft` has the code of the old long `st`."""
_LIGATURE: Final = re.compile(f"[{''.join(_LIGATURES)}]")
_ESCAPE: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_NOTHING: Final = re.compile("[\u200b\u200c\u200d\u2060\ufeff\u00ad]")
_SPACE: Final = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000\x0b\x0c]")
_BAR: Final = re.compile("[\u2502\u2503\u2551\uff5c]")
_QUOTED: Final = re.compile(r"^\s*>\s?")
_LOGGED: Final = re.compile(r"^\s*\[\d{4}-\d\d-\d\d[ T][\d:,.]+\]\s+\S+/[A-Z]+/([\w.]+):\s?")
_STATS_LOGGER: Final = "locust.stats_logger"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a text."""

    number: int
    """From 1."""
    text: str
    logged: bool = False
    """Whether it is a message of Locust's log or something else that is not a table."""


def text_of(path: Path) -> str:
    """Return the text of the file. Raises NotLocust if it is empty, too large, binary, or unreadable."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            msg = f"{path} has {size / 2**20:,.0f} MB; the limit is {MAX_BYTES / 2**20:,.0f} MB."
            raise NotLocust(msg)
        octets = path.read_bytes()
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}."
        raise NotLocust(msg) from None
    if not octets.strip():
        msg = f"{path} is empty."
        raise NotLocust(msg)
    encoding = next((name for mark, name in _MARKS if octets.startswith(mark)), "") or _unmarked_encoding(
        octets
    )
    try:
        text = octets.decode(encoding)
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        if b"\0" in octets or encoding != "utf-8":
            msg = f"{path}, line {line}: this is not text."
            raise NotLocust(msg) from None
        # The encoding of Windows before UTF-8. Only names can have such letters, and Latin-1 decodes every byte.
        text = octets.decode("latin-1")
    if "\0" in text:
        msg = f"{path}, line {text.count(chr(10), 0, text.index(chr(0))) + 1}: this is not text."
        raise NotLocust(msg)
    return text


def _unmarked_encoding(octets: bytes) -> str:
    """Return UTF-16 if one byte of nearly every pair is 0, as in English text, otherwise UTF-8."""
    pairs = min(len(octets), _SAMPLE) // 2
    high, low = octets[0 : 2 * pairs : 2].count(0), octets[1 : 2 * pairs : 2].count(0)
    if pairs and max(high, low) > _MIN_ZEROS * pairs and not min(high, low):
        return "utf-16-be" if high else "utf-16-le"
    return "utf-8"


def lines_of(text: str) -> list[Line]:
    """Return the lines with plain spaces and bars, without colours, email quote marks and log prefixes."""
    return [_line(number, line) for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1)]


def _line(number: int, raw: str) -> Line:
    if len(raw) > MAX_LINE_LENGTH:
        return Line(number, "", logged=True)
    text = _LIGATURE.sub(lambda match: _LIGATURES[match[0]], _NOTHING.sub("", _ESCAPE.sub("", raw)))
    text = _QUOTED.sub("", _BAR.sub("|", _SPACE.sub(" ", text)))
    logged = _LOGGED.match(text)
    if logged is None:
        return Line(number, text.rstrip(" "))
    return Line(number, text[logged.end() :].rstrip(" "), logged=logged[1] != _STATS_LOGGER)
