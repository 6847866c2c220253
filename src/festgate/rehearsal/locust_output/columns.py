"""The columns of Locust's tables, recognised by the headings of all its versions, and their cells."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from festgate.rehearsal.locust_output.model import Row

Field = Literal[
    "method",
    "name",
    "requests",
    "failures",
    "average",
    "minimum",
    "maximum",
    "median",
    "percentile",
    "rate",
    "rate_now",
    "failure_rate",
    "size",
]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    field: Field
    share: float = 0.0
    """The share of a percentile, from 0 to 1."""
    console: bool = False
    """Whether only Locust's console writes this heading."""


class NotANumber(ValueError):
    """A row or cell that is not valid; the message gives the reason."""


_KNOWN: Final[Mapping[str, Column]] = {
    "type": Column("method"),
    "method": Column("method"),
    "name": Column("name"),
    "#requests": Column("requests"),
    "requestcount": Column("requests"),
    "#reqs": Column("requests", console=True),
    "#fails": Column("failures"),
    "#failures": Column("failures"),
    "failurecount": Column("failures"),
    "average(ms)": Column("average"),
    "averageresponsetime": Column("average"),
    "avg": Column("average", console=True),
    "min(ms)": Column("minimum"),
    "minresponsetime": Column("minimum"),
    "min": Column("minimum", console=True),
    "max(ms)": Column("maximum"),
    "maxresponsetime": Column("maximum"),
    "max": Column("maximum", console=True),
    "median(ms)": Column("median"),
    "medianresponsetime": Column("median"),
    "median": Column("median", console=True),
    "med": Column("median", console=True),
    "averagesize(bytes)": Column("size"),
    "averagecontentsize": Column("size"),
    "rps": Column("rate"),
    "requests/s": Column("rate"),
    "req/s": Column("rate", console=True),
    "currentrps": Column("rate_now"),
    "failures/s": Column("failure_rate"),
    "currentfailures/s": Column("failure_rate"),
}
WEB_COLUMNS: Final[Mapping[str, Callable[[Row], float | None]]] = {
    "# Requests": lambda row: row.requests,
    "# Fails": lambda row: row.failures,
    "Median (ms)": lambda row: row.percentile(0.5),
    "95%ile (ms)": lambda row: row.percentile(0.95),
    "99%ile (ms)": lambda row: row.percentile(0.99),
    "Average (ms)": lambda row: row.average,
    "Min (ms)": lambda row: row.minimum,
    "Max (ms)": lambda row: row.maximum,
    "Average size (bytes)": lambda row: row.size,
    "Current RPS": lambda row: row.rate,
    "Current Failures/s": lambda row: row.failure_rate,
}
"""The columns of numbers on Locust's web page, in its order, with their values."""
_LONG_NAMES_FIRST: Final = sorted(_KNOWN, key=len, reverse=True)
_PERCENTILE: Final = re.compile(r"(\d{1,3}(?:\.\d+)?)%(?:ile\(ms\))?")
_WHOLE: Final = r"\d{1,3}(?:,\d{3})+|\d+"
_NUMBER: Final = rf"(?:{_WHOLE})(?:\.\d+)?(?:[eE][-+]?\d+)?|N/A"
_FAILURES: Final = rf"(?:{_WHOLE})(?:\s*\(\s*\d+(?:\.\d+)?\s*%\s*\))?"
_TWO_DECIMALS: Final = rf"(?:{_WHOLE})\.\d\d"
_BETWEEN: Final = r"\s*(?:\|\s*|(?<=\s))"
_SHARE_ROUNDED: Final = 0.011
"""Rounding error, in per cent, of a share with two decimals."""
_PATTERNS: Final[Mapping[Field, str]] = {"requests": _WHOLE, "failures": _FAILURES}


def columns_of(text: str) -> tuple[Column, ...]:
    """Return the columns of a heading, whatever its spaces and bars; empty if the text is not a heading.

    All its words have to be known, as an unknown column could contain anything.
    """
    rest = re.sub(r"[\s|]", "", text).lower()
    columns = []
    while rest:
        percentile = _PERCENTILE.match(rest)
        if percentile is not None and float(percentile[1]) <= 100:  # noqa: PLR2004  (per cent)
            columns.append(Column("percentile", round(float(percentile[1]) / 100, 8)))
            rest = rest[percentile.end() :]
            continue
        word = next((known for known in _LONG_NAMES_FIRST if rest.startswith(known)), None)
        if word is None:
            return ()
        columns.append(_KNOWN[word])
        rest = rest[len(word) :]
    fields = [column.field for column in columns if column.field != "percentile"]
    return tuple(columns) if len(fields) == len(set(fields)) else ()


def has_requests(columns: Sequence[Column]) -> bool:
    """Return whether the columns are those of the table of requests."""
    fields = {column.field for column in columns}
    return {"name", "requests", "failures"} <= fields and bool({"average", "median"} & fields)


def has_percentiles(columns: Sequence[Column]) -> bool:
    """Return whether the columns are those of the table of percentiles."""
    fields = {column.field for column in columns}
    return fields <= {"method", "name", "percentile", "requests"} and {"name", "percentile"} <= fields


def row_pattern(columns: Sequence[Column]) -> re.Pattern[str]:
    """Return the pattern of a row with cells separated by spaces: a group of method and name, then one per number.

    The numbers are matched at the end of the row, as a name may contain spaces, bars and digits.
    """
    numbers = [column.field for column in columns if column.field not in ("method", "name")]
    console = any(column.console for column in columns)
    # A rate always has two decimals; one with fewer is cut off. A spreadsheet turns 0.00 into 0.
    patterns = dict(_PATTERNS)
    if console:
        patterns |= {"rate": _TWO_DECIMALS, "failure_rate": rf"{_TWO_DECIMALS}|0"}
    cells = _BETWEEN.join(f"({patterns.get(field, _NUMBER)})" for field in numbers)
    return re.compile(rf"^(.*\S)\s+{cells}\s*\|?\s*$")


def check_length(head: Sequence[object], cells: Sequence[str]) -> None:
    """Raise NotANumber if the row does not have as many cells as the heading."""
    if len(cells) != len(head):
        shown = " ".join(" ".join(cells).split())[:60]
        msg = f"{shown!r} has {len(cells)} cells instead of {len(head)} and may be cut off"
        raise NotANumber(msg)


def row_of(columns: Sequence[Column], cells: Sequence[str], line: int) -> Row:
    """Return the row with these cells. Raises NotANumber with the reason if it is not valid."""
    check_length(columns, cells)
    figures: dict[str, float | None] = {}
    words = {"method": "", "name": ""}
    for column, cell in zip(columns, cells, strict=True):
        if column.field in words:
            words[column.field] = cell.strip()
        elif column.field != "percentile":
            figures[column.field] = number_of(cell.partition("(")[0] if column.field == "failures" else cell)
    requests, failures = figures.get("requests"), figures.get("failures", 0.0)
    if not words["name"] or requests is None or failures is None:
        msg = "the row has no name or no number of requests"
        raise NotANumber(msg)
    if requests != int(requests) or failures != int(failures):
        msg = f"{requests:g} requests with {failures:g} failures are not whole numbers"
        raise NotANumber(msg)
    row = Row(
        line=line,
        method="" if words["method"] == "None" else words["method"],
        name=words["name"],
        requests=int(requests),
        failures=int(failures),
        average=figures.get("average"),
        minimum=figures.get("minimum"),
        maximum=figures.get("maximum"),
        median=figures.get("median"),
        percentiles=percentiles_of(columns, cells),
        rate=figures.get("rate", figures.get("rate_now")),
        failure_rate=figures.get("failure_rate"),
        size=figures.get("size"),
    )
    wrong = contradiction(row) or _wrong_share(row, columns, cells)
    if wrong:
        raise NotANumber(wrong)
    return row


def _wrong_share(row: Row, columns: Sequence[Column], cells: Sequence[str]) -> str:
    """Check the share in `2(4.55%)` on Locust's console: it confirms that both counts were read correctly."""
    for column, cell in zip(columns, cells, strict=True):
        written = re.search(r"\(\s*([\d.]+)\s*%", cell) if column.field == "failures" else None
        if written is not None and row.requests:
            share = 100 * row.failures / row.requests
            if abs(float(written[1]) - share) > _SHARE_ROUNDED:
                return f"{row.failures} of {row.requests} requests are not {written[1]} %"
    return ""


def percentiles_of(columns: Sequence[Column], cells: Sequence[str]) -> tuple[tuple[float, float], ...]:
    """Return (share, milliseconds) of the cells with percentiles. Raises NotANumber."""
    check_length(columns, cells)
    read = [
        (column.share, number_of(cell))
        for column, cell in zip(columns, cells, strict=True)
        if column.field == "percentile"
    ]
    return tuple(sorted((share, value) for share, value in read if value is not None))


def number_of(cell: str) -> float | None:
    """Parse `12` or `1,234.5`; None for `N/A` and an empty cell. Raises NotANumber."""
    text = cell.strip()
    if text in ("", "N/A", "-"):
        return None
    if re.fullmatch(_NUMBER, text) is None:
        msg = f"{text!r} is not a number in Locust's format"
        raise NotANumber(msg)
    value = float(text.replace(",", ""))
    if not math.isfinite(value):
        msg = f"{text[:20]!r}... is too large for a figure of a run"
        raise NotANumber(msg)
    return value


def contradiction(row: Row) -> str:
    """Return a reason why the row's figures contradict each other; empty if they do not."""
    figures = (
        row.average,
        row.minimum,
        row.maximum,
        row.median,
        row.rate,
        *(value for _, value in row.percentiles),
    )
    if min(row.requests, row.failures, *(value for value in figures if value is not None)) < 0:
        return "a figure is negative"
    if row.failures > row.requests:
        return f"{row.failures} failures are more than the {row.requests} requests"
    if row.requests and row.minimum is not None and row.maximum is not None:
        # The console truncates a mean to whole milliseconds; the HTML report rounds minimum and maximum.
        if row.minimum > row.maximum:
            return f"the minimum of {row.minimum:g} ms is above the maximum of {row.maximum:g} ms"
        if row.average is not None and not row.minimum - 1 <= row.average <= row.maximum + 1:
            return f"the mean of {row.average:g} ms lies outside {row.minimum:g} to {row.maximum:g} ms"
    return ""
