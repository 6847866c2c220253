"""The columns of Locust's tables by their headings, in all the ways its versions write them, and their cells."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from festgate.rehearsal.locust_output.model import Row

Field = Literal[
    "method",
    "name",
    "requests",
    "failures",
    "average",
    "least",
    "most",
    "median",
    "percentile",
    "rate",
    "rate_now",
    "failure_rate",
    "size",
]


@dataclass(frozen=True, slots=True)
class Column:
    """What stands below a heading."""

    field: Field
    share: float = 0.0
    """Of a percentile, from 0 to 1."""
    console: bool = False
    """Only Locust's console writes this heading."""


class NotANumber(ValueError):
    """The cell holds something else; the sentence says what."""


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
    "min(ms)": Column("least"),
    "minresponsetime": Column("least"),
    "min": Column("least", console=True),
    "max(ms)": Column("most"),
    "maxresponsetime": Column("most"),
    "max": Column("most", console=True),
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
_LONG_NAMES_FIRST: Final = sorted(_KNOWN, key=len, reverse=True)
_PERCENTILE: Final = re.compile(r"(\d{1,3}(?:\.\d+)?)%(?:ile\(ms\))?")
_WHOLE: Final = r"\d{1,3}(?:,\d{3})+|\d+"
_NUMBER: Final = rf"(?:{_WHOLE})(?:\.\d+)?(?:[eE][-+]?\d+)?|N/A"
_FAILURES: Final = rf"(?:{_WHOLE})(?:\s*\(\s*\d+(?:\.\d+)?\s*%\s*\))?"
_TWO_DECIMALS: Final = rf"(?:{_WHOLE})\.\d\d"
_BETWEEN: Final = r"\s*(?:\|\s*|(?<=\s))"
_SHARE_ROUNDED: Final = 0.011
"""Per cent by which a share may be off that is written with two decimals."""
_PATTERNS: Final[Mapping[Field, str]] = {"requests": _WHOLE, "failures": _FAILURES}


def columns_of(text: str) -> tuple[Column, ...]:
    """The columns of a heading, whatever spaces and bars it is written with; empty where it is no heading.

    Every word of it has to be known: a table with a column more could have any figure in it.
    """
    rest = re.sub(r"[\s|]", "", text).lower()
    found = []
    while rest:
        percentile = _PERCENTILE.match(rest)
        if percentile is not None and float(percentile[1]) <= 100:  # noqa: PLR2004  (per cent)
            found.append(Column("percentile", round(float(percentile[1]) / 100, 8)))
            rest = rest[percentile.end() :]
            continue
        word = next((known for known in _LONG_NAMES_FIRST if rest.startswith(known)), None)
        if word is None:
            return ()
        found.append(_KNOWN[word])
        rest = rest[len(word) :]
    fields = [column.field for column in found if column.field != "percentile"]
    return tuple(found) if len(fields) == len(set(fields)) else ()


def has_requests(columns: Sequence[Column]) -> bool:
    """Whether they are those of the table of requests."""
    fields = {column.field for column in columns}
    return {"name", "requests", "failures"} <= fields and bool({"average", "median"} & fields)


def has_percentiles(columns: Sequence[Column]) -> bool:
    """Whether they are those of the table of percentiles alone."""
    fields = {column.field for column in columns}
    return fields <= {"method", "name", "percentile", "requests"} and {"name", "percentile"} <= fields


def row_pattern(columns: Sequence[Column]) -> re.Pattern[str]:
    """Of a row whose cells stand behind spaces: its first group is method and name, then a group for each number.

    It is read from its right end, because a name may have spaces, bars and digits in it.
    """
    numbers = [column.field for column in columns if column.field not in ("method", "name")]
    console = any(column.console for column in columns)
    # Two decimals, always: a rate with fewer was broken off.
    patterns = dict(_PATTERNS)
    if console:
        patterns |= {"rate": _TWO_DECIMALS, "failure_rate": _TWO_DECIMALS}
    cells = _BETWEEN.join(f"({patterns.get(field, _NUMBER)})" for field in numbers)
    return re.compile(rf"^(.*\S)\s+{cells}\s*\|?\s*$")


def must_fit(head: Sequence[object], cells: Sequence[str]) -> None:
    """Raise NotANumber where there are not as many cells as the heading has."""
    if len(cells) != len(head):
        shown = " ".join(" ".join(cells).split())[:60]
        msg = f"{shown!r} has {len(cells)} cells where the heading has {len(head)}, and may be cut off"
        raise NotANumber(msg)


def row_of(columns: Sequence[Column], cells: Sequence[str], line: int) -> Row:
    """The row of cells that stand below the columns. Raises NotANumber, with what is wrong in a sentence."""
    must_fit(columns, cells)
    told: dict[str, float | None] = {}
    words = {"method": "", "name": ""}
    for column, cell in zip(columns, cells, strict=True):
        if column.field in words:
            words[column.field] = cell.strip()
        elif column.field != "percentile":
            told[column.field] = number_of(cell.partition("(")[0] if column.field == "failures" else cell)
    requests, failures = told.get("requests"), told.get("failures", 0.0)
    if not words["name"] or requests is None or failures is None:
        msg = "it has no name or no number of requests"
        raise NotANumber(msg)
    if requests != int(requests) or failures != int(failures):
        msg = f"{requests:g} requests with {failures:g} failures are no counts"
        raise NotANumber(msg)
    row = Row(
        line=line,
        method="" if words["method"] == "None" else words["method"],
        name=words["name"],
        requests=int(requests),
        failures=int(failures),
        average=told.get("average"),
        least=told.get("least"),
        most=told.get("most"),
        median=told.get("median"),
        percentiles=percentiles_of(columns, cells),
        rate=told.get("rate", told.get("rate_now")),
        failure_rate=told.get("failure_rate"),
        size=told.get("size"),
    )
    wrong = contradiction(row) or _wrong_share(row, columns, cells)
    if wrong:
        raise NotANumber(wrong)
    return row


def _wrong_share(row: Row, columns: Sequence[Column], cells: Sequence[str]) -> str:
    """Locust's console writes `2(4.55%)`: that the share fits tells that the two counts were read rightly."""
    for column, cell in zip(columns, cells, strict=True):
        written = re.search(r"\(\s*([\d.]+)\s*%", cell) if column.field == "failures" else None
        if written is not None and row.requests:
            share = 100 * row.failures / row.requests
            if abs(float(written[1]) - share) > _SHARE_ROUNDED:
                return f"{row.failures} of {row.requests} requests are not {written[1]} %"
    return ""


def percentiles_of(columns: Sequence[Column], cells: Sequence[str]) -> tuple[tuple[float, float], ...]:
    """(share, milliseconds) of the cells that are percentiles. Raises NotANumber."""
    must_fit(columns, cells)
    read = [
        (column.share, number_of(cell))
        for column, cell in zip(columns, cells, strict=True)
        if column.field == "percentile"
    ]
    return tuple(sorted((share, value) for share, value in read if value is not None))


def number_of(cell: str) -> float | None:
    """`12`, `1,234.5`; None for `N/A` and for nothing. Raises NotANumber."""
    text = cell.strip()
    if text in ("", "N/A", "-"):
        return None
    if re.fullmatch(_NUMBER, text) is None:
        msg = f"{text!r} is no number as Locust writes it"
        raise NotANumber(msg)
    value = float(text.replace(",", ""))
    if not math.isfinite(value):
        msg = f"{text[:20]!r}... is beyond every number of a run"
        raise NotANumber(msg)
    return value


def contradiction(row: Row) -> str:
    """What in the row cannot be so, whatever was measured; empty where nothing."""
    told = (row.average, row.least, row.most, row.median, row.rate, *(value for _, value in row.percentiles))
    if min(row.requests, row.failures, *(value for value in told if value is not None)) < 0:
        return "a figure cannot be below nothing"
    if row.failures > row.requests:
        return f"{row.failures} of {row.requests} requests cannot have failed"
    if row.requests and row.least is not None and row.most is not None:
        # The console cuts a mean down to whole milliseconds; the HTML report rounds least and most.
        if row.least > row.most:
            return f"a least time of {row.least:g} ms cannot be above a most of {row.most:g} ms"
        if row.average is not None and not row.least - 1 <= row.average <= row.most + 1:
            return f"a mean of {row.average:g} ms cannot lie outside {row.least:g} to {row.most:g} ms"
    return ""
