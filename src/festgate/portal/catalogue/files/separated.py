"""Tables in text files: CSV with commas, semicolons or tabs."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Final

from festgate.portal.catalogue.files.encodings import as_utf_8, decode
from festgate.portal.catalogue.files.rows import Conventions, Notice, Sheet, Unreadable, check_size
from festgate.portal.catalogue.files.tables import EVENT_COLUMNS, Columns, read_table

_SEPARATORS: Final = (",", ";", "\t")
_DECLARED: Final = re.compile(r"(\s*)\"?sep=([,;\t|])\"?[,;\t]*(?:\r\n|\n|\r)", re.IGNORECASE)
"""A first line for Excel that names the separator."""
_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0"


def read_sheet(data: bytes, conventions: Conventions, columns: Columns = EVENT_COLUMNS) -> Sheet:
    """Read a CSV file with a header, separated by commas, semicolons or tabs. Raises Unreadable."""
    check_size(data)
    if data.startswith((_ZIP, _OLE)):
        msg = "This is a workbook and not a CSV file. Save it as .xlsx, and give it a name that ends so."
        raise Unreadable(msg)
    text, notices = decode(as_utf_8(data))
    declared = _DECLARED.match(text)
    separator = declared[2] if declared else _separator(text, columns.names)
    sheet = read_table(
        _rows(text, separator, declared.end() if declared else 0), conventions, "line", columns
    )
    return _with_notices(sheet, notices)


def _with_notices(sheet: Sheet, notices: list[Notice]) -> Sheet:
    return Sheet(sheet.rows, sheet.errors, notices=[*notices, *sheet.notices], unit=sheet.unit)


def _rows(text: str, separator: str, begin: int) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the number of its first line. Raises Unreadable."""
    reader = csv.reader(io.StringIO(text[begin:], newline=""), delimiter=separator, strict=True)
    above = len(text[:begin].splitlines())
    line = above + 1
    try:
        for cells in reader:
            yield line, cells
            line = above + reader.line_num + 1
    except csv.Error as error:
        msg = f"line {line}: this is not CSV as spreadsheets write it ({error})."
        raise Unreadable(msg) from None


def _separator(text: str, names: Sequence[str]) -> str:
    header = text.lstrip("\r\n").partition("\n")[0].casefold()
    return max(
        _SEPARATORS, key=lambda sign: len({name.strip(' "\r') for name in header.split(sign)} & {*names})
    )
