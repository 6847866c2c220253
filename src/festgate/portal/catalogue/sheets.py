"""Events as CSV files that spreadsheets read and write."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Final
from zoneinfo import ZoneInfo

from festgate.kit.cells import guard, unguard
from festgate.kit.text import MAX_LINE
from festgate.portal.catalogue.details import FIELDS, MAX_LENGTHS, details_of, written
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.rows import LineError, Row, Sheet, Unreadable, check_rows, decode

COLUMNS: Final = (*FIELDS, "slug")
MAX_COLUMNS: Final = 100
"""Cells of the header: comparing each with every other one takes the square of their number."""
_SEPARATORS: Final = (",", ";", "\t")


def write_sheet(events: Iterable[Event], zone: ZoneInfo) -> str:
    """Return a header and a line for each event, with times in `zone` and line ends as in RFC 4180."""
    return write_rows({**written(details_of(event), zone), "slug": event.slug} for event in events)


def write_rows(rows: Iterable[Mapping[str, str]]) -> str:
    """Return the rows as CSV; each has all of COLUMNS."""
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    writer.writerow(COLUMNS)
    for fields in rows:
        writer.writerow([guard(fields[name]) for name in COLUMNS])
    return target.getvalue()


def read_sheet(data: bytes) -> Sheet:
    """Read a UTF-8 CSV file with a header, separated by commas, semicolons or tabs. Raises Unreadable."""
    text = decode(data)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    rows: list[Row] = []
    errors: list[LineError] = []
    names: list[str] | None = None
    begins = 1
    try:
        for cells in reader:
            line, begins = begins, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if names is None:
                names = _header(cells, line)
            elif len(cells) != len(names):
                errors.append(LineError(line, f"{len(cells)} cells, but the header has {len(names)}."))
            else:
                fields = {name: unguard(cell) for name, cell in zip(names, cells, strict=True)}
                rows.append(Row(line, fields))
            check_rows(len(rows) + len(errors))
    except csv.Error as error:
        msg = f"line {begins}: this is not CSV as spreadsheets write it ({error})."
        raise Unreadable(msg) from None
    if names is None:
        msg = f"The file is empty. Its first line names the columns: {', '.join(COLUMNS)}."
        raise Unreadable(msg)
    return Sheet(rows, errors)


def _separator(text: str) -> str:
    header = text.lstrip("\r\n").partition("\n")[0].casefold()
    return max(
        _SEPARATORS, key=lambda sign: len({name.strip(' "\r') for name in header.split(sign)} & {*COLUMNS})
    )


def _header(cells: list[str], line: int) -> list[str]:
    if len(cells) > MAX_COLUMNS:
        msg = f"line {line}: {len(cells):,} columns. The columns are: {', '.join(COLUMNS)}."
        raise Unreadable(msg)
    names = [cell[:MAX_LINE].strip().casefold() for cell in cells]
    unknown = [name for name in names if name not in COLUMNS]
    twice = sorted({name for name in names if names.count(name) > 1 and name not in unknown})
    if unknown:
        listed = ", ".join(repr(name[: MAX_LENGTHS["slug"]]) for name in unknown[:10])
        unknown_columns = "unknown column" if len(unknown) == 1 else "unknown columns"
        msg = f"line {line}: {unknown_columns} {listed}. The columns are: {', '.join(COLUMNS)}."
        raise Unreadable(msg)
    if twice:
        msg = f"line {line}: the column {twice[0]!r} appears twice."
        raise Unreadable(msg)
    if "title" not in names and "slug" not in names:
        msg = f"line {line}: there is no column 'title'."
        raise Unreadable(msg)
    return names
