"""Tables in Excel workbooks (.xlsx)."""

import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from xml.etree.ElementTree import iterparse

from festgate.portal.catalogue.files.rows import Conventions, LineError, Notice, Sheet, Unreadable, check_size
from festgate.portal.catalogue.files.tables import EVENT_COLUMNS, MAX_COLUMNS, Columns, read_table

MAX_UNZIPPED: Final = 64 * 1024 * 1024
"""Bytes of the parts of a workbook after unzipping: four times the largest file."""
MAX_PARTS: Final = 1_000
"""Files in a workbook: sheets, styles and pictures."""
MAX_SHEET_ROWS: Final = 1_048_576
"""Rows of a worksheet of Excel, empty ones included."""
_CHUNK: Final = 64 * 1024
_ERRORS: Final = frozenset(
    {"#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#SPILL!", "#CALC!"}
)
_DAMAGED: Final = (
    "This is not an Excel workbook, or it is damaged. Open it in a spreadsheet, and save it as .xlsx or CSV."
)
_NO_VALUE: Final = "the formula has no stored value: open the file in a spreadsheet, and save it again."
_ROW: Final = re.compile(r"[A-Z]{1,3}([0-9]{1,7})")


def read_workbook(data: bytes, conventions: Conventions, columns: Columns = EVENT_COLUMNS) -> Sheet:
    """Read the first visible worksheet of a workbook, which has a row of headings. Raises Unreadable."""
    check_size(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about drawings and validations, which are not read
            return _read(_unzipped(data), conventions, columns)
    except (Unreadable, MemoryError):
        raise
    except Exception:  # noqa: BLE001  (a parser of others' files raises almost any error for a damaged one)
        raise Unreadable(_DAMAGED) from None


def _unzipped(data: bytes) -> dict[str, bytes]:
    """Return the parts of a workbook that are XML. Raises Unreadable before they take too much memory."""
    parts: dict[str, bytes] = {}
    left = MAX_UNZIPPED
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if len(archive.infolist()) > MAX_PARTS:
            msg = f"The workbook has more than {MAX_PARTS:,} parts. Save its first worksheet as CSV."
            raise Unreadable(msg)
        for part in archive.infolist():
            if not part.filename.casefold().endswith((".xml", ".rels")):
                continue
            # The sizes in an archive may be wrong, and other kinds of compression cannot be read in pieces.
            if part.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise Unreadable(_DAMAGED)
            with archive.open(part) as stream:
                content = bytearray()
                while chunk := stream.read(_CHUNK):
                    content += chunk
                    left -= len(chunk)
                    if left < 0:
                        msg = f"The workbook has more than {MAX_UNZIPPED // 1024**2} MB of content. Import it in parts."
                        raise Unreadable(msg)
            # Entities, which can expand to gigabytes, need a document type; workbooks have none.
            if b"<!DOCTYPE" in content.replace(b"\0", b""):
                raise Unreadable(_DAMAGED)
            parts[part.filename] = bytes(content)
    return parts


def _read(parts: dict[str, bytes], conventions: Conventions, columns: Columns) -> Sheet:
    import openpyxl  # noqa: PLC0415  (loaded on demand: it takes a fifth of a second)

    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w") as copy:
        for name, content in parts.items():
            copy.writestr(name, content)
    workbook = openpyxl.load_workbook(plain, read_only=True, data_only=True, keep_links=False)
    visible = [sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible"]
    if not visible:
        msg = "The workbook has no visible worksheet."
        raise Unreadable(msg)
    worksheet = visible[0]
    errors: dict[int, str] = {}
    sheet = read_table(_rows(worksheet, errors), conventions, "row", columns)
    path = worksheet._worksheet_path.removeprefix("/")  # noqa: SLF001  (openpyxl does not have it in public)
    errors |= _formulas_without_value(parts[path])
    notices = list(sheet.notices)
    if len(visible) > 1:
        others = ", ".join(f"“{other.title}”" for other in visible[1:10])
        notices.insert(
            0, Notice(1, f"only the first worksheet, “{worksheet.title}”, was read, and not {others}.")
        )
    rows = [row for row in sheet.rows if row.line not in errors]
    kept = [error for error in sheet.errors if error.line not in errors]
    own = [LineError(line, sentence) for line, sentence in errors.items()]
    return Sheet(rows, sorted([*own, *kept], key=lambda error: error.line), notices=notices, unit="row")


def _formulas_without_value(worksheet: bytes) -> dict[int, str]:
    """Return a sentence for each row with a formula whose value is not stored, as programs that cannot calculate do."""
    errors = {}
    parents = []
    for event, element in iterparse(io.BytesIO(worksheet), ("start", "end")):  # noqa: S314  (no document type)
        if event == "start":
            parents.append(element)
            continue
        parents.pop()
        tag = element.tag.rpartition("}")[2]
        if tag == "row" and parents:
            parents[-1].clear()  # a worksheet may have a million rows, each of which would be kept
        if tag != "c":
            continue
        inner = {child.tag.rpartition("}")[2]: child.text for child in element}
        place = _ROW.fullmatch(element.get("r", ""))
        if place and "f" in inner and not inner.get("v") and element.get("t") != "str":
            errors[int(place[1])] = f"cell {place[0]}: {_NO_VALUE}"
        element.clear()
    return errors


def _rows(worksheet: Any, errors: dict[int, str]) -> Iterator[tuple[int, list[str]]]:  # noqa: ANN401
    """Yield each row as text; add the rows in which a formula failed to `errors`."""
    worksheet.reset_dimensions()  # many programs write wrong ones
    for number, row in enumerate(worksheet.iter_rows(), 1):
        if number > MAX_SHEET_ROWS:
            msg = f"The worksheet has more than {MAX_SHEET_ROWS:,} rows."
            raise Unreadable(msg)
        if any(cell.value is not None for cell in row[MAX_COLUMNS:]):
            msg = f"row {number}: more than {MAX_COLUMNS} columns have content."
            raise Unreadable(msg)
        _find_failure(number, row, errors)
        yield number, [_text(cell) for cell in row[:MAX_COLUMNS]]


def _find_failure(number: int, row: Sequence[Any], errors: dict[int, str]) -> None:
    for cell in row[:MAX_COLUMNS]:
        if cell.data_type == "e" or (isinstance(cell.value, str) and cell.value in _ERRORS):
            errors[number] = f"cell {cell.coordinate}: its value is the error {cell.value}."


def _text(cell: Any) -> str:  # noqa: ANN401
    """Return the value of a cell as the text that stands for it in a CSV file."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, datetime):
        # Excel stores a time as a fraction of a day, so that it is some microseconds off.
        at = (value + timedelta(milliseconds=500)).replace(microsecond=0, tzinfo=None)
        return at.date().isoformat() if "h" not in cell.number_format.casefold() else at.isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        minutes = round(value.total_seconds() / 60)
        return f"{minutes // 60:02}:{minutes % 60:02}"
    if isinstance(value, float):
        # A spreadsheet calculates with about 15 digits: 450.1 may be stored as 450.09999999999997.
        return str(int(value)) if value.is_integer() else repr(round(value, 6))
    return str(value)
