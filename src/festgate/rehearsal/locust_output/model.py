"""What is read out of Locust's own outputs. Times are milliseconds and rates are a second, as Locust writes them."""

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["csv", "html", "console", "web"]
"""`console`: what Locust prints at a terminal; `web`: the table of its web page, copied as text."""
Rates = Literal["run", "moment", "unknown"]
"""What the rates of a table are means of: the whole run, its last ten seconds, or one of both that cannot be told."""
TOTAL = "Aggregated"


class NotLocust(Exception):
    """The file holds no table of Locust; the sentence names the file and, where there is one, the line."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table of requests. None is what its source does not tell."""

    line: int
    """Of the file, from 1; where a row takes several lines, the first."""
    method: str
    """`GET`; empty where there is none."""
    name: str
    requests: int
    failures: int
    average: float | None = None
    least: float | None = None
    most: float | None = None
    median: float | None = None
    percentiles: tuple[tuple[float, float], ...] = ()
    """(share from 0 to 1, milliseconds), the shares ascending."""
    rate: float | None = None
    failure_rate: float | None = None
    size: float | None = None
    """Mean bytes of a body."""

    @property
    def key(self) -> tuple[str, str]:
        """What Locust tells rows apart by."""
        return self.method, self.name

    @property
    def title(self) -> str:
        """`GET /events`, as Locust writes it."""
        return f"{self.method} {self.name}".strip()

    def percentile(self, share: float) -> float | None:
        """The one of that share (0.95), in milliseconds, if it was written."""
        found = (value for each, value in self.percentiles if math.isclose(each, share))
        return next(found, self.median if math.isclose(share, 0.5) else None)


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
    """A line of the history."""

    at: float
    """Seconds since 1970."""
    users: int
    rate: float
    requests: int
    """Since the run began."""


@dataclass(frozen=True, slots=True)
class Table:
    """The figures of one run, as one table tells them."""

    source: str
    """The file as it was named."""
    line: int
    """Of its heading."""
    kind: Kind
    rates: Rates
    rows: tuple[Row, ...]
    """Without that of all requests together."""
    total: Row | None
    """All requests together; None where the table was cut off before it."""
    heading: str = ""
    """The last title or `before`, `after` that stands above it in a text."""
    interim: tuple[int, ...] = ()
    """The lines of earlier tables of the same run, which this one replaces."""
    failures: tuple[Failure, ...] = ()
    exceptions: int = 0
    history: tuple[Moment, ...] = ()
    host: str = ""
    """The address that was asked, where it is told."""

    @property
    def title(self) -> str:
        """`report.md, line 12 (Before)`."""
        return f"{self.source}, line {self.line}" + (f" ({self.heading})" if self.heading else "")

    @property
    def requests(self) -> int:
        """All of them."""
        return self.total.requests if self.total is not None else sum(row.requests for row in self.rows)

    @property
    def users(self) -> int | None:
        """The most at once; None where it is not told."""
        return max((moment.users for moment in self.history), default=None)


@dataclass(frozen=True, slots=True)
class UnreadLine:
    """A line that looks as if it mattered, and was not understood."""

    source: str
    line: int
    sentence: str

    def __str__(self) -> str:
        """The sentence with where."""
        return f"{self.source}, line {self.line}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class LocustOutput:
    """All that one file told, or the files of one `--csv`."""

    source: str
    tables: tuple[Table, ...]
    problems: tuple[UnreadLine, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()
    """First and last line of each piece of a text that was read as Locust's; the rest is somebody's prose."""
