"""Bytes of a file as text: UTF-8, UTF-16 with a byte order mark, or Windows-1252."""

import codecs
import re
from collections.abc import Sequence
from typing import Final

from festgate.portal.catalogue.files.rows import Notice, Unreadable

_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SAVE: Final = "Save the file as UTF-8 (spreadsheets call it “CSV UTF-8”)."
_VALID_UTF_8: Final = re.compile("[^\x00-\x7f\ufffd]")


def as_utf_8(data: bytes) -> bytes:
    """Return the bytes without a byte order mark, converted if they are UTF-16. Raises Unreadable."""
    if data.startswith(_UTF_16):
        try:
            return data.decode("utf-16").encode()
        except UnicodeError:
            msg = f"The file begins like UTF-16, but is not. {_SAVE}"
            raise Unreadable(msg) from None
    return data.removeprefix(codecs.BOM_UTF8)


def decode_text(data: bytes) -> str:
    """Return the text of a file in UTF-8, UTF-16 or Windows-1252. Raises Unreadable."""
    return decode(as_utf_8(data))[0]


def decode(data: bytes, numbers: Sequence[int] = ()) -> tuple[str, list[Notice]]:
    """Return the text of UTF-8, or else of Windows-1252 with a notice. Raises Unreadable with the line.

    `numbers` has the number of each line in the file, if some were joined.
    """
    binary = data.find(b"\0")
    if binary >= 0:
        msg = f"line {_line(data, binary, numbers)}: this is not text. {_SAVE}"
        raise Unreadable(msg)
    try:
        return data.decode(), []
    except UnicodeDecodeError as error:
        start = error.start
    # Other characters that are valid UTF-8 show that the file is damaged, and not in another encoding.
    if not _VALID_UTF_8.search(data.decode(errors="replace")):
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError as error:
            start = error.start
        else:
            line = _line(data, start, numbers)
            sentence = "the file is not UTF-8; it was read as Windows-1252. Check the accented characters."
            return text, [Notice(line, sentence)]
    msg = f"line {_line(data, start, numbers)}: byte 0x{data[start]:02x} is not UTF-8 text. {_SAVE}"
    raise Unreadable(msg)


def _line(data: bytes, position: int, numbers: Sequence[int]) -> int:
    index = data.count(b"\n", 0, position)
    return numbers[index] if numbers else index + 1
