"""Rows of cells below a row of headings, from either kind of spreadsheet, as events."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from festgate.kit.amounts import plain_amount, plain_number
from festgate.kit.cells import unguard
from festgate.kit.text import MAX_LINE
from festgate.portal.catalogue.details import MAX_LENGTHS
from festgate.portal.catalogue.files.rows import (
    Conventions,
    LineError,
    Notice,
    Row,
    Sheet,
    Unreadable,
    check_rows,
)
from festgate.portal.catalogue.files.texts import TEXTS, clean
from festgate.portal.catalogue.files.times import plain_times
from festgate.portal.catalogue.sheets import COLUMNS

MAX_COLUMNS: Final = 100
"""Cells of the header: comparing each with every other one takes the square of their number."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one kind of sheet."""

    names: Sequence[str]
    identity: Sequence[str]
    """The columns of which a sheet needs one; the first is the usual one."""
    normalise: Callable[[dict[str, str], Conventions, list[str]], list[str]]
    """Writes the cells of a row as they are entered in a form; adds notices, and returns a sentence for each error."""


def read_table(
    table: Iterable[tuple[int, Sequence[str]]],
    conventions: Conventions,
    unit: Literal["line", "row"],
    columns: Columns,
) -> Sheet:
    """Read numbered rows of cells; the first row that is not empty has the headings. Raises Unreadable."""
    rows: list[Row] = []
    errors: list[LineError] = []
    notices: list[Notice] = []
    names: list[str] | None = None
    for line, cells in table:
        if not any(cell.strip() for cell in cells):
            continue
        if names is None:
            names = _header(cells, line, unit, columns)
            continue
        sentences = _errors_of_width(cells, names)
        if not sentences:
            notes: list[str] = []
            fields = _fields(cells, names)
            sentences = columns.normalise(fields, conventions, notes)
            notices += [Notice(line, sentence) for sentence in notes]
            if not sentences:
                rows.append(Row(line, fields))
        errors += [LineError(line, sentence) for sentence in sentences]
        check_rows(len(rows) + len(errors))
    if names is None:
        msg = f"The file is empty. Its first {unit} names the columns: {', '.join(columns.names)}."
        raise Unreadable(msg)
    return Sheet(rows, errors, notices=notices, unit=unit)


def _header(cells: Sequence[str], line: int, unit: str, columns: Columns) -> list[str]:
    """Return the names of the columns, empty for a column without a heading. Raises Unreadable."""
    width = max(number for number, cell in enumerate(cells, 1) if cell.strip())
    if width > MAX_COLUMNS:
        msg = f"{unit} {line}: {width:,} columns. The columns are: {', '.join(columns.names)}."
        raise Unreadable(msg)
    names = [cell[:MAX_LINE].strip(" \t\r\n\ufeff\u200b\xa0").casefold() for cell in cells[:width]]
    unknown = [name for name in names if name and name not in columns.names]
    twice = sorted({name for name in names if name in columns.names and names.count(name) > 1})
    if unknown:
        listed = ", ".join(repr(name[: MAX_LENGTHS["slug"]]) for name in unknown[:10])
        unknown_columns = "unknown column" if len(unknown) == 1 else "unknown columns"
        msg = f"{unit} {line}: {unknown_columns} {listed}. The columns are: {', '.join(columns.names)}."
        raise Unreadable(msg)
    if twice:
        msg = f"{unit} {line}: the column {twice[0]!r} appears twice."
        raise Unreadable(msg)
    if not {*columns.identity} & {*names}:
        msg = f"{unit} {line}: there is no column {columns.identity[0]!r}."
        raise Unreadable(msg)
    return names


def _errors_of_width(cells: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return a sentence if a cell has content, but no heading."""
    width = max(number for number, cell in enumerate(cells, 1) if cell.strip())
    if width > len(names):
        return [f"{width} cells, but the header has {len(names)}."]
    return [
        f"column {number} has content, but no heading: write the heading, or delete the column."
        for number, (name, cell) in enumerate(zip(names, cells, strict=False), 1)
        if not name and cell.strip()
    ]


def _fields(cells: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Return the cells by heading; cells that are missing at the end of a row are empty."""
    padded = [*cells, *[""] * (len(names) - len(cells))]
    return {name: unguard(cell) for name, cell in zip(names, padded, strict=False) if name}


def _normalise(fields: dict[str, str], conventions: Conventions, notes: list[str]) -> list[str]:
    """Write texts, amounts and times as the details of an event are entered; return a sentence for each error."""
    for name in TEXTS:
        if name in fields:
            fields[name] = clean(name, fields[name], notes.append)
    errors = []
    numbers: dict[str, Callable[[str], str]] = {
        "fee": partial(plain_amount, currency=conventions.currency),
        "capacity": plain_number,
    }
    for name in sorted(fields.keys() & numbers):
        try:
            fields[name] = numbers[name](fields[name])
        except ValueError as error:
            errors.append(f"{name}: {error}")
    return errors + plain_times(fields, conventions, notes.append)


EVENT_COLUMNS: Final = Columns(COLUMNS, ("title", "slug"), _normalise)
"""The columns of a sheet of events."""
