"""Locust's HTML report: since version 2.15 its data are JSON in a script; before, they were in its tables."""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from html.parser import HTMLParser
from typing import Any, Final

from festgate.rehearsal.locust_output.columns import (
    Column,
    NotANumber,
    columns_of,
    contradiction,
    has_percentiles,
    has_requests,
    percentiles_of,
    row_of,
)
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

_HTML: Final = re.compile(
    r"\s*(?:<!doctype html|<html|<head|<body|<table|<\?xml[^>]*>\s*<html)", re.IGNORECASE
)
_DATA: Final = re.compile(r"\btemplateArgs\s*=\s*(?=\{\s*\")")
_PERCENTILE: Final = re.compile(r"(?:response_time_percentile_)?([01](?:\.\d+)?)")
_FAILURE_HEAD: Final = ("method", "name", "error", "occurrences")
_HOST: Final = re.compile(r"Target Host:\s*(\S+)")


def is_html(text: str) -> bool:
    """Return whether the text begins like an HTML page."""
    return _HTML.match(text.lstrip("\ufeff")) is not None


def read_html(source: str, text: str) -> LocustOutput:
    """Return the figures of the run. Raises NotLocust."""
    places = list(_DATA.finditer(text))
    if not places:
        return _from_tables(source, text)
    line = text.count("\n", 0, places[-1].start()) + 1
    try:
        data, _ = json.JSONDecoder().raw_decode(text, places[-1].end())
    except (ValueError, RecursionError):
        msg = f"{source}, line {line}: Locust's data begin here but do not end: the file is cut off."
        raise NotLocust(msg) from None
    try:
        table, problems = _from_data(source, line, data)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        msg = f"{source}, line {line}: Locust's data are not in a known format ({error!r})."
        raise NotLocust(msg) from None
    return LocustOutput(source, (table,), tuple(problems))


def _from_data(source: str, line: int, data: Mapping[str, Any]) -> tuple[Table, list[UnreadLine]]:
    percentiles = {_key(row): row for row in data.get("response_time_statistics", ())}
    rows = []
    problems = []
    for fields in data["requests_statistics"]:
        row = _row(line, fields, percentiles.get(_key(fields), {}))
        wrong = contradiction(row)
        if wrong:
            problems.append(UnreadLine(source, line, f"{row.title}: {wrong}."))
        else:
            rows.append(row)
    total = next((row for row in rows if row.key == ("", TOTAL)), None)
    if total is None:
        problems.append(UnreadLine(source, line, f"the row {TOTAL} is missing."))
    host = str(data.get("host") or "")
    return (
        Table(
            source=source,
            line=line,
            kind="html",
            rates="run",
            rows=tuple(row for row in rows if row is not total),
            total=total,
            failures=tuple(
                Failure(
                    line,
                    str(failure.get("method") or ""),
                    str(failure["name"]),
                    str(failure["error"]),
                    int(failure["occurrences"]),
                )
                for failure in data.get("failures_statistics", ())
            ),
            exceptions=sum(int(exception["count"]) for exception in data.get("exceptions_statistics", ())),
            history=tuple(_moments(data.get("history") or ())),
            host="" if host == "None" else host,
        ),
        problems,
    )


def _key(fields: Mapping[str, Any]) -> tuple[str, str]:
    return str(fields.get("method") or ""), str(fields["name"])


def _row(line: int, fields: Mapping[str, Any], percentiles: Mapping[str, Any]) -> Row:
    shares = {}
    for name, value in (*fields.items(), *percentiles.items()):
        share = _PERCENTILE.fullmatch(name)
        if share is not None and _plain(value) is not None:
            shares[float(share[1])] = float(value)
    method, name = _key(fields)
    return Row(
        line=line,
        method=method,
        name=name,
        requests=int(fields["num_requests"]),
        failures=int(fields["num_failures"]),
        average=_number(fields, "avg_response_time"),
        minimum=_number(fields, "min_response_time"),
        maximum=_number(fields, "max_response_time"),
        median=_number(fields, "median_response_time"),
        percentiles=tuple(sorted(shares.items())),
        rate=_number(fields, "total_rps", "current_rps"),
        failure_rate=_number(fields, "total_fail_per_sec", "current_fail_per_sec"),
        size=_number(fields, "avg_content_length"),
    )


def _number(fields: Mapping[str, Any], *names: str) -> float | None:
    values = (float(fields[name]) for name in names if fields.get(name) is not None)
    return next((value for value in values if math.isfinite(value)), None)


def _moments(history: Iterable[Mapping[str, Any]]) -> Iterable[Moment]:
    for entry in history:
        users, rate = (_plain(entry.get(name)) for name in ("user_count", "current_rps"))
        at = entry.get("time")
        if users is not None and isinstance(at, str):
            try:
                yield Moment(datetime.fromisoformat(at).timestamp(), int(users), rate or 0.0, 0)
            except ValueError:
                # Some versions have only the time of day; the date is unknown.
                yield Moment(0.0, int(users), rate or 0.0, 0)


def _plain(value: Any) -> float | None:  # noqa: ANN401  (of JSON)
    """Return the number; newer versions write a pair of time and number."""
    inner = value[1] if isinstance(value, list) and len(value) > 1 else value
    return float(inner) if isinstance(inner, int | float) and math.isfinite(inner) else None


@dataclass
class _Sheet:
    line: int
    rows: list[tuple[int, list[str]]] = field(default_factory=list)


class _PageTables(HTMLParser):
    """The tables of a page, as (line, cells) of their rows, and its text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sheets: list[_Sheet] = []
        self.text: list[str] = []
        self._cell: list[str] | None = None
        self._in_table = 0

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        if tag == "table":
            self._in_table += 1
            self.sheets.append(_Sheet(self.getpos()[0]))
        elif tag == "tr" and self._in_table:
            self.sheets[-1].rows.append((self.getpos()[0], []))
        elif tag in ("td", "th") and self._in_table and self.sheets[-1].rows:
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self._in_table = max(self._in_table - 1, 0)
        elif tag in ("td", "th") and self._cell is not None:
            self.sheets[-1].rows[-1][1].append(" ".join("".join(self._cell).split()))
            self._cell = None

    def handle_data(self, data: str) -> None:
        (self.text if self._cell is None else self._cell).append(data)


def _from_tables(source: str, text: str) -> LocustOutput:
    page = _PageTables()
    try:
        page.feed(text)
        page.close()
    except AssertionError:
        # Python's parser raises this for an unknown declaration.
        msg = f"{source}, line {page.getpos()[0]}: this is not HTML."
        raise NotLocust(msg) from None
    tables: list[Table] = []
    problems: list[UnreadLine] = []
    for sheet in page.sheets:
        if not sheet.rows:
            continue
        head = sheet.rows[0][1]
        columns = columns_of("".join(head))
        if has_requests(columns) and len(columns) == len(head):
            tables.append(_requests(source, sheet, columns, problems))
        elif not tables:
            continue
        elif tuple(word.lower() for word in head[:4]) == _FAILURE_HEAD:
            tables[-1] = replace(tables[-1], failures=tuple(_failures(sheet)))
        elif has_percentiles(columns):
            tables[-1] = _with_percentiles(tables[-1], sheet, columns, problems)
    if not any(table.rows or table.total for table in tables):
        line = text.count("\n") + 1
        msg = f"{source}, line {line}: the page ends without Locust's data or its table of requests."
        raise NotLocust(msg)
    host = _HOST.search(" ".join("".join(page.text).split()))
    complete = tuple(replace(table, host=host[1]) if host is not None else table for table in tables)
    return LocustOutput(source, complete, tuple(problems))


def _requests(source: str, sheet: _Sheet, columns: Sequence[Column], problems: list[UnreadLine]) -> Table:
    rows = []
    for line, cells in sheet.rows[1:]:
        try:
            rows.append(row_of(columns, cells, line))
        except NotANumber as error:
            problems.append(UnreadLine(source, line, f"{error}."))
    total = next((row for row in rows if row.key == ("", TOTAL)), None)
    if total is None:
        problems.append(UnreadLine(source, sheet.line, f"this table has no row {TOTAL}."))
    return Table(source, sheet.line, "html", "run", tuple(row for row in rows if row is not total), total)


def _failures(sheet: _Sheet) -> Iterable[Failure]:
    for line, cells in sheet.rows[1:]:
        if len(cells) >= len(_FAILURE_HEAD) and cells[3].isdigit():
            yield Failure(line, cells[0], cells[1], cells[2], int(cells[3]))


def _with_percentiles(
    table: Table, sheet: _Sheet, columns: Sequence[Column], problems: list[UnreadLine]
) -> Table:
    """Add the percentiles in the sheet to the rows with the same method and name."""
    fields = [column.field for column in columns]
    by_key = {}
    for line, cells in sheet.rows[1:]:
        try:
            values = percentiles_of(columns, cells)
        except NotANumber as error:
            problems.append(UnreadLine(table.source, line, f"{error}."))
            continue
        method = cells[fields.index("method")] if "method" in fields else ""
        by_key[method, cells[fields.index("name")]] = values
    total = table.total
    return replace(
        table,
        rows=tuple(replace(row, percentiles=by_key.get(row.key, ())) for row in table.rows),
        total=total and replace(total, percentiles=by_key.get(total.key, ())),
    )
