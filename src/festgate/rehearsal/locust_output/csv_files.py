"""The files of `locust --csv PREFIX`: PREFIX_stats.csv, _stats_history.csv, _failures.csv and _exceptions.csv."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from festgate.rehearsal.locust_output.columns import (
    NotANumber,
    check_length,
    columns_of,
    has_requests,
    number_of,
    row_of,
)
from festgate.rehearsal.locust_output.lines import text_of
from festgate.rehearsal.locust_output.model import (
    TOTAL,
    Failure,
    LocustOutput,
    Moment,
    NotLocust,
    Row,
    Table,
    UnreadLine,
)

STATS: Final = "_stats.csv"
_PARTS: Final = re.compile(r"(.*)_(?:stats|stats_history|failures|exceptions)\.csv$", re.DOTALL)
_HISTORY: Final = ("Timestamp", "User Count", "Type", "Name", "Requests/s", "Total Request Count")
_FAILURES: Final = ("Method", "Name", "Error", "Occurrences")
_EXCEPTIONS: Final = ("Count", "Message", "Traceback")
_OTHERS: Final = (_HISTORY, _FAILURES, _EXCEPTIONS)
T = TypeVar("T")
Cells = tuple[int, Sequence[str]]


def is_csv(text: str) -> bool:
    """Return whether the text begins like one of these files."""
    head = next(_cells(text), (1, ()))[1]
    if len(head) == 1:
        return False
    return has_requests(columns_of("".join(head))) or any(_has(head, columns) for columns in _OTHERS)


def read_csv(path: Path, text: str, source: str) -> LocustOutput:
    """Return the figures of a run from one of its files and the siblings of that file. Raises NotLocust."""
    name = _PARTS.fullmatch(str(path))
    prefix = name[1] if name is not None else ""
    stats, stated = source, text
    if not has_requests(columns_of("".join(next(_cells(text))[1]))):
        figures = Path(f"{prefix}{STATS}")
        if not prefix or not figures.is_file():
            msg = f"{source}, line 1: this is not PREFIX{STATS}, and there is no PREFIX{STATS} in its folder."
            raise NotLocust(msg)
        stats, stated = str(figures), text_of(figures)
    table, problems = _stats(stats, stated)
    moments = _sibling(prefix, "_stats_history.csv", _HISTORY, _moment, problems)
    failures = _sibling(prefix, "_failures.csv", _FAILURES, _failure, problems)
    exceptions = _sibling(prefix, "_exceptions.csv", _EXCEPTIONS, _exception, problems)
    together = tuple(moment for moment in moments if moment is not None)
    table = replace(table, history=together, failures=tuple(failures), exceptions=sum(exceptions))
    return LocustOutput(source, (table,), tuple(problems))


def _stats(source: str, text: str) -> tuple[Table, list[UnreadLine]]:
    cells = _cells(text)
    _, head = next(cells)
    columns = columns_of("".join(head))
    if not has_requests(columns) or len(columns) != len(head):
        msg = f"{source}, line 1: these are not columns of Locust."
        raise NotLocust(msg)
    rows: list[Row] = []
    total = None
    problems: list[UnreadLine] = []
    for number, values in cells:
        try:
            row = row_of(columns, values, number)
        except NotANumber as error:
            problems.append(UnreadLine(source, number, f"{error}."))
            continue
        if row.key == ("", TOTAL):
            total = row
        else:
            rows.append(row)
    unread = max((problem.line for problem in problems), default=0)
    if total is None and rows and rows[-1].line > unread and not text.endswith(("\n", "\r")):
        # The last figure may lack digits, too.
        problems.append(UnreadLine(source, rows.pop().line, "the file ends within this row and is cut off."))
    if not rows and total is None:
        if problems:
            raise NotLocust(str(problems[0]))
        msg = f"{source}, line 2: there is no row below the heading."
        raise NotLocust(msg)
    if total is None:
        last = max([row.line for row in rows] + [problem.line for problem in problems])
        problems.append(UnreadLine(source, last, f"the row {TOTAL} is missing, so the file may be cut off."))
    return Table(source, 1, "csv", "run", tuple(rows), total), problems


def _sibling(
    prefix: str,
    ending: str,
    head: Sequence[str],
    read: Callable[[int, Mapping[str, str]], T],
    problems: list[UnreadLine],
) -> list[T]:
    """Return the lines of a sibling file, empty if there is none; invalid lines are added to `problems`."""
    path = Path(f"{prefix}{ending}")
    if not prefix or not path.is_file():
        return []
    try:
        cells = _cells(text_of(path))
    except NotLocust as error:
        problems.append(UnreadLine(str(path), 1, str(error)))
        return []
    _, names = next(cells)
    if not _has(names, head):
        problems.append(UnreadLine(str(path), 1, "these are not columns of Locust."))
        return []
    entries = []
    for number, values in cells:
        try:
            check_length(names, values)
            entries.append(read(number, dict(zip(names, values, strict=True))))
        except NotANumber as error:
            problems.append(UnreadLine(str(path), number, f"{error}."))
    return entries


def _moment(_number: int, cells: Mapping[str, str]) -> Moment | None:
    if cells["Name"] != TOTAL:
        # `--csv-full-history` adds lines for every step.
        return None
    at, users, rate, requests = (
        number_of(cells[name]) or 0.0
        for name in ("Timestamp", "User Count", "Requests/s", "Total Request Count")
    )
    return Moment(at, int(users), rate, int(requests))


def _failure(number: int, cells: Mapping[str, str]) -> Failure:
    times = number_of(cells["Occurrences"]) or 0.0
    return Failure(number, cells["Method"], cells["Name"], cells["Error"], int(times))


def _exception(_number: int, cells: Mapping[str, str]) -> int:
    return int(number_of(cells["Count"]) or 0)


def _has(head: Sequence[str], columns: Sequence[str]) -> bool:
    return set(columns) <= set(head)


def _cells(text: str) -> Iterator[Cells]:
    """Yield (first line, cells) of each row. Excel separates cells with semicolons in half of Europe."""
    first = text.lstrip().partition("\n")[0]
    rows = csv.reader(
        io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ","
    )
    before = 0
    while True:
        try:
            row = next(rows, None)
        except csv.Error:
            # A cell that is too long: not a file of Locust.
            return
        if row is None:
            return
        if row:
            yield before + 1, row
        before = rows.line_num
