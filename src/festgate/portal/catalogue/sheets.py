"""Events as CSV, as spreadsheets read and write it."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Final
from zoneinfo import ZoneInfo

from festgate.kit.cells import guard, unguard
from festgate.kit.text import MAX_LINE
from festgate.portal.catalogue.entries import FIELDS, MAX_LENGTHS, details_of, written
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.rows import Row, Sheet, Unreadable, Wrong, check_rows, decode

COLUMNS: Final = (*FIELDS, "slug")
MAX_COLUMNS: Final = 100
"""Cells of the header: comparing each with every other takes the square of their number."""
_SEPARATORS: Final = (",", ";", "\t")


def write_sheet(events: Iterable[Event], zone: ZoneInfo) -> str:
    """A header and a line for each event, times in `zone`; lines end as RFC 4180 has it."""
    return write_rows({**written(details_of(event), zone), "slug": event.slug} for event in events)


def write_rows(rows: Iterable[Mapping[str, str]]) -> str:
    """Rows of text, each with every one of COLUMNS."""
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    writer.writerow(COLUMNS)
    for fields in rows:
        writer.writerow([guard(fields[name]) for name in COLUMNS])
    return target.getvalue()


def read_sheet(data: bytes) -> Sheet:
    """The rows of a CSV file in UTF-8 with a header; separated by commas, semicolons or tabs, as its header is.

    Raises Unreadable where that is not what it is.
    """
    text = decode(data)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    rows: list[Row] = []
    wrongs: list[Wrong] = []
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
                wrongs.append(Wrong(line, f"{len(cells)} cells, where the header has {len(names)}."))
            else:
                fields = {name: unguard(cell) for name, cell in zip(names, cells, strict=True)}
                rows.append(Row(line, fields))
            check_rows(len(rows) + len(wrongs))
    except csv.Error as error:
        msg = f"line {begins}: this is not CSV as spreadsheets write it ({error})."
        raise Unreadable(msg) from None
    if names is None:
        msg = f"The file is empty. Its first line names the columns: {', '.join(COLUMNS)}."
        raise Unreadable(msg)
    return Sheet(rows, wrongs)


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
        msg = (
            f"line {line}: {listed} {_is(unknown)} no column of ours. The columns are: {', '.join(COLUMNS)}."
        )
        raise Unreadable(msg)
    if twice:
        msg = f"line {line}: the column {twice[0]!r} is there twice."
        raise Unreadable(msg)
    if "title" not in names and "slug" not in names:
        msg = f"line {line}: there is no column 'title'."
        raise Unreadable(msg)
    return names


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
