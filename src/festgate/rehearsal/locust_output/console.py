"""Locust's tables in a text: printed in a terminal, or copied from its web page into a log, an email or a report."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from festgate.rehearsal.locust_output.columns import has_requests
from festgate.rehearsal.locust_output.grid import Grid, grid_at, is_rule, is_title
from festgate.rehearsal.locust_output.lines import Line, lines_of
from festgate.rehearsal.locust_output.model import (
    TOTAL,
    Failure,
    Kind,
    LocustOutput,
    NotLocust,
    Rates,
    Row,
    Table,
    UnreadLine,
)

_ERRORS: Final = re.compile(r"\s*#\s*occurrences\s+Error\s*$", re.IGNORECASE)
_ERROR: Final = re.compile(r"\s*(\d+)\s+(\S.*)$")
_CAPTION: Final = re.compile(r"\W*((?:before|after|baseline|old|new)\b.{0,60})$", re.IGNORECASE)
_STARTED: Final = re.compile(r"Starting Locust|Starting web interface|^\s*\S*[$#>]\s*locust\b")


@dataclass
class _Run:
    """The tables of one run so far; the last one counts."""

    grid: Grid
    heading: str
    interim: tuple[int, ...] = ()
    percentiles: Grid | None = None
    failures: list[Failure] = field(default_factory=list)


def read_text(source: str, text: str) -> LocustOutput:
    """Return the table of every run in the text, in order. Raises NotLocust if there is none."""
    lines = lines_of(text)
    runs: list[_Run] = []
    problems: list[tuple[int, str]] = []
    spans: list[tuple[int, int]] = []
    heading = ""
    divided = True
    place = 0
    while place < len(lines):
        line = lines[place]
        grid = None if is_rule(line.text) else grid_at(lines, place)
        if grid is None:
            if _ERRORS.match(line.text):
                place = _read_errors(lines, place + 1, runs)
                spans.append((line.number, lines[place - 1].number))
                continue
            title = _title(line)
            heading = title or heading
            divided = divided or bool(title) or is_title(line.text) or _STARTED.search(line.text) is not None
            place += 1
            continue
        problems += grid.problems
        place = max(grid.end, place + 1)
        spans.append((grid.line, lines[place - 1].number))
        if not has_requests(grid.columns):
            if not runs or runs[-1].percentiles is not None:
                problems.append((grid.line, "there is no table of requests above these percentiles."))
            else:
                runs[-1].percentiles = grid
            continue
        if grid.total is None and not grid.rows:
            continue
        if runs and not divided and runs[-1].percentiles is None and _is_continued_by(runs[-1].grid, grid):
            runs[-1] = replace(runs[-1], grid=grid, interim=(*runs[-1].interim, runs[-1].grid.line))
        else:
            runs.append(_Run(grid, heading))
        divided = False
    if not runs:
        raise NotLocust(_no_table(source, lines, problems))
    unread = [UnreadLine(source, number, sentence) for number, sentence in sorted(problems)]
    return LocustOutput(source, tuple(_table(source, run) for run in runs), tuple(unread), tuple(spans))


def _no_table(source: str, lines: Sequence[Line], problems: list[tuple[int, str]]) -> str:
    if problems:
        number, sentence = problems[0]
        return f"{source}, line {number}: {sentence}"
    return (
        f"{source}, line {lines[-1].number}: the file ends without a table of Locust. Such a table begins with Type,"
        " Name, # reqs, # fails, Avg and so on."
    )


def _title(line: Line) -> str:
    """Return the title or caption in the line; empty if there is none."""
    if line.logged:
        return ""
    if is_title(line.text):
        return line.text.strip().strip("#`~ ")
    caption = _CAPTION.match(line.text)
    return caption[1].strip(" :*_") if caption is not None else ""


def _is_continued_by(old: Grid, new: Grid) -> bool:
    """Return whether the new table can be a later one of the same run: Locust prints one every two seconds."""
    if not any(column.console for column in new.columns) or old.columns != new.columns:
        return False
    later = {row.key: row for row in _all_rows(new)}
    return all(
        row.key in later and _can_become(row, later[row.key]) for row in _all_rows(old) if row.requests
    ) and any(row.requests for row in _all_rows(new)) >= any(row.requests for row in _all_rows(old))


def _can_become(row: Row, later: Row) -> bool:
    """Return whether no count or maximum decreases and no minimum increases. The console truncates means."""
    if later.requests < row.requests or later.failures < row.failures:
        return False
    if row.maximum is not None and later.maximum is not None and later.maximum < row.maximum:
        return False
    if row.minimum and later.minimum is not None and later.minimum > row.minimum:
        return False
    if row.average is None or later.average is None:
        return True
    return (later.average + 1) * later.requests >= row.average * row.requests


def _all_rows(grid: Grid) -> list[Row]:
    return [*grid.rows, *([grid.total] if grid.total is not None else [])]


def _read_errors(lines: Sequence[Line], place: int, runs: list[_Run]) -> int:
    """Add the lines of the error report to the last run, and return the place after it."""
    errors: list[tuple[int, int, str]] = []
    ruled = False
    while place < len(lines):
        line = lines[place]
        error = _ERROR.match(line.text)
        following = lines[place + 1].text if place + 1 < len(lines) else ""
        continues = _ERROR.match(following) or (is_rule(following) and following.strip())
        # Locust pads a line of errors with spaces, which makes an empty line in a narrow window.
        if is_title(line.text) or (not line.text.strip() and errors and not continues):
            break
        if is_rule(line.text) and line.text.strip():
            if ruled and errors:
                place += 1
                break
            ruled = True
        elif error is not None:
            errors.append((line.number, int(error[1]), error[2].strip()))
        elif errors and line.text.strip() and not line.logged:
            number, times, text = errors[-1]
            errors[-1] = (number, times, f"{text} {line.text.strip()}")
        place += 1
    if runs:
        runs[-1].failures += [_failure(runs[-1].grid, *error) for error in errors]
    return place


def _failure(grid: Grid, line: int, times: int, text: str) -> Failure:
    # `GET /events: message`: a name may contain a colon, so only the rows show where it ends.
    names = [row for row in grid.rows if text.startswith(f"{row.title}: ")]
    if not names:
        return Failure(line, "", "", text, times)
    row = max(names, key=lambda named: len(named.title))
    return Failure(line, row.method, row.name, text[len(row.title) + 2 :].strip(), times)


def _table(source: str, run: _Run) -> Table:
    grid = run.grid
    fields = {column.field for column in grid.columns}
    console = any(column.console for column in grid.columns)
    kind: Kind = "console" if console else "web"
    rates: Rates = "run"
    if "rate_now" in fields:
        rates = "moment"
    elif console and run.percentiles is None:
        # During a run Locust prints this table with rates of the last ten seconds, at its end with those of the run.
        rates = "unknown"
    percentiles = (
        {_key_without_spaces(row): row.percentiles for row in _all_rows(run.percentiles)}
        if run.percentiles
        else {}
    )
    rows = [
        replace(row, percentiles=percentiles.get(_key_without_spaces(row), row.percentiles))
        for row in _all_rows(grid)
    ]
    total = next((row for row in rows if row.key == ("", TOTAL)), None)
    return Table(
        source=source,
        line=grid.line,
        kind=kind,
        rates=rates,
        rows=tuple(row for row in rows if row is not total),
        total=total,
        heading=run.heading,
        interim=run.interim,
        failures=tuple(run.failures),
    )


def _key_without_spaces(row: Row) -> tuple[str, str]:
    """Return the key of a row in the table of percentiles, where its name may be wrapped differently."""
    return row.method, "".join(row.name.split())
