"""The child process that writes an Excel workbook from lines of JSON, so that a worker's memory stays small.

`python -m festgate.portal.backoffice.workbook_process FILE` reads standard input: the title and the columns, then one
line for each row. It imports nothing of the portal but this file.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

NICE: Final = 10
"""The process gives way to the workers that serve visitors."""
MAX_TITLE: Final = 31
"""Characters of a worksheet's name in Excel."""
_NOT_IN_TITLES: Final = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))
_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r")


def write_workbook(lines: Iterable[str | bytes], path: Path) -> None:
    """Write the workbook. Text is text, also where it begins like a formula."""
    from openpyxl import Workbook  # noqa: PLC0415  (a worker imports this module and needs no openpyxl)
    from openpyxl.styles import Font  # noqa: PLC0415
    from openpyxl.utils import get_column_letter  # noqa: PLC0415

    rows = iter(lines)
    heading = json.loads(next(rows))
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet(_title(heading["title"]))
    sheet.freeze_panes = "A2"
    for number, (_, width) in enumerate(heading["columns"], 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    titles = [_text_cell(sheet, title) for title, _ in heading["columns"]]
    for cell in titles:
        cell.font = Font(bold=True)
    sheet.append(titles)
    for line in rows:
        sheet.append([_cell(sheet, value) for value in json.loads(line)])
    workbook.save(path)


def _title(text: str) -> str:
    title = "".join(sign for sign in text.translate(_NOT_IN_TITLES) if sign.isprintable())
    return " ".join(title[:MAX_TITLE].split()) or "Guests"


def _cell(sheet: Any, value: Any) -> Any:  # noqa: ANN401  (openpyxl has no types)
    """Return a cell, or a plain value that openpyxl writes as it is."""
    if isinstance(value, str):
        return _text(sheet, value)
    if isinstance(value, dict):
        ((kind, text),) = value.items()
        if kind == "number":
            number = Decimal(text)
            return _formatted(sheet, number, "0.00" if number.as_tuple().exponent == -2 else "General")  # noqa: PLR2004
        if kind == "time":
            return _formatted(sheet, datetime.fromisoformat(text), "yyyy-mm-dd hh:mm")
        return _formatted(sheet, date.fromisoformat(text), "yyyy-mm-dd")
    return value


def _formatted(sheet: Any, value: object, pattern: str) -> Any:  # noqa: ANN401
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415

    cell = WriteOnlyCell(sheet, value)
    cell.number_format = pattern
    return cell


def _text(sheet: Any, text: str) -> Any:  # noqa: ANN401
    """Return a cell of text: openpyxl by itself takes `=1+1` for a formula, and `#N/A` for an error."""
    if text[:1].isalnum() and text.isprintable():
        return text  # nothing to escape; openpyxl writes it in two thirds of the time
    return _text_cell(sheet, text)


def _text_cell(sheet: Any, text: str) -> Any:  # noqa: ANN401
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE  # noqa: PLC0415

    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub(" ", text))
    cell.data_type = "s"
    if text.startswith(_SIGNS):
        # It stays text when somebody edits the cell, too.
        cell.quotePrefix = True
    return cell


def _main() -> None:
    if sys.platform != "win32":
        os.nice(NICE)
    write_workbook(_input(), Path(sys.argv[1]))


def _input() -> Iterator[bytes]:
    yield from sys.stdin.buffer


if __name__ == "__main__":
    _main()
