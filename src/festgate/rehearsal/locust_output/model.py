"""The data of Locust's own outputs. Times are in milliseconds and rates are per second, as Locust writes them."""

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["csv", "json", "html", "console", "web"]
"""`console`: the table that Locust prints in a terminal; `web`: the table of its web page, copied as text."""
Rates = Literal["run", "moment", "unknown"]
"""The period of a table's mean rates: the whole run, its last ten seconds (`moment`), or one of the two."""
TOTAL = "Aggregated"


class NotLocust(Exception):
    """The file has no table of Locust; the message names the file and, if possible, the line."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table of requests; None if the source does not have the value."""

    line: int
    """The first line of the row in the file, from 1."""
    method: str
    """`GET`, for example; may be empty."""
    name: str
    requests: int
    failures: int
    average: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    median: float | None = None
    percentiles: tuple[tuple[float, float], ...] = ()
    """(share from 0 to 1, milliseconds), in ascending order."""
    rate: float | None = None
    failure_rate: float | None = None
    size: float | None = None
    """Mean bytes of a body."""

    @property
    def key(self) -> tuple[str, str]:
        """The method and name, which identify a row."""
        return self.method, self.name

    @property
    def title(self) -> str:
        """The method and name in one text: `GET /events`."""
        return f"{self.method} {self.name}".strip()

    def percentile(self, share: float) -> float | None:
        """Return the percentile of that share (0.95) in milliseconds, if the row has it."""
        values = (value for known, value in self.percentiles if math.isclose(known, share))
        return next(values, self.median if math.isclose(share, 0.5) else None)


@dataclass(frozen=True, slots=True)
class Failure:
    """A line of the error report."""

    line: int
    method: str
    name: str
    error: str
    occurrences: int


@dataclass(frozen=True, slots=True)
class Moment:
    """A line of the statistics history."""

    at: float
    """Seconds since 1970."""
    users: int
    rate: float
    requests: int
    """Since the start of the run."""


@dataclass(frozen=True, slots=True)
class Table:
    """The figures of one run, from one table."""

    source: str
    """The name of the file."""
    line: int
    """The line of its heading."""
    kind: Kind
    rates: Rates
    rows: tuple[Row, ...]
    """All rows except the total."""
    total: Row | None
    """The row of all requests; None if the table is cut off before it."""
    heading: str = ""
    """The last title or `before` or `after` above the table in a text."""
    interim: tuple[int, ...] = ()
    """The lines of earlier tables of the same run, which this one replaces."""
    failures: tuple[Failure, ...] = ()
    exceptions: int = 0
    history: tuple[Moment, ...] = ()
    host: str = ""
    """The address of the target, if known."""

    @property
    def title(self) -> str:
        """The source, line and heading: `report.md, line 12 (Before)`."""
        return f"{self.source}, line {self.line}" + (f" ({self.heading})" if self.heading else "")

    @property
    def requests(self) -> int:
        """The number of all requests."""
        return self.total.requests if self.total is not None else sum(row.requests for row in self.rows)

    @property
    def users(self) -> int | None:
        """The highest number of concurrent users; None if unknown."""
        return max((moment.users for moment in self.history), default=None)


@dataclass(frozen=True, slots=True)
class UnreadLine:
    """A line that looks like part of a table but could not be read."""

    source: str
    line: int
    sentence: str

    def __str__(self) -> str:
        """Return the sentence with its file and line."""
        return f"{self.source}, line {self.line}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class LocustOutput:
    """The tables of one file, or of the files of one `--csv` prefix."""

    source: str
    tables: tuple[Table, ...]
    problems: tuple[UnreadLine, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()
    """First and last line of each part of a text that is Locust's; the rest is prose."""
