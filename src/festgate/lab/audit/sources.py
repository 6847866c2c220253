"""Where a number of the prose was taken from: the table, the row and the column."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from festgate.lab.audit.claims import Claim
from festgate.lab.audit.quantities import Quantity
from festgate.lab.audit.routes import Group, by_route, figure_of
from festgate.lab.audit.words import COLUMNS, Metric, Side
from festgate.rehearsal.locust_output import Row

_TIMES: Final[tuple[Metric, ...]] = ("average", "median", "p95", "p99", "p90", "most", "least")


@dataclass(frozen=True, slots=True)
class Source:
    """A row with the number in it."""

    group: Group
    row: Row
    columns: tuple[Metric, ...]
    """Those in which it stands; of one request all are alike."""

    @property
    def is_part(self) -> bool:
        """Whether the row has less than half of the route's requests."""
        return self.row is not self.group.whole and 2 * self.row.requests < self.group.whole.requests

    @property
    def names(self) -> str:
        """`Average`, or `Average, Min`; of one request all are its own time."""
        if self.row.requests == 1 and "rate" not in self.columns:
            return "the time"
        return ", ".join(COLUMNS[column] for column in self.columns)


@dataclass(frozen=True, slots=True)
class Traced:
    """A claim with the sources of its figures."""

    claim: Claim
    route: str
    """Of the tables in which they were found, else the one that the claim names."""
    found: tuple[tuple[Side, Quantity, tuple[Source, ...]], ...]

    @property
    def columns(self) -> frozenset[Metric]:
        """In which all of its figures can stand; empty where there are none."""
        sets = [{column for source in sources for column in source.columns} for _, _, sources in self.found]
        return frozenset(set.intersection(*sets)) if sets else frozenset()


def trace(claim: Claim, groups: Sequence[Group]) -> Traced:
    """The sources in the first route in which all figures stand, beginning with the one that the claim names."""
    every = by_route(groups)
    tried = [
        Traced(
            claim,
            route,
            tuple((side, each, _sources(claim, side, each, every[route])) for side, each in claim.figures),
        )
        for route in sorted(every, key=lambda route: route != claim.route)
    ]
    if not tried:
        return Traced(claim, claim.route, tuple((side, each, ()) for side, each in claim.figures))
    if claim.route and claim.route in every:
        # A report that names a route means it; without a name the best place is looked for.
        near, others = tried[:1], tried[1:]
        return near[0] if any(sources for _, _, sources in near[0].found) else _best(others) or near[0]
    return _best(tried) or Traced(claim, claim.route, tuple((side, each, ()) for side, each in claim.figures))


def _best(tried: Iterable[Traced]) -> Traced | None:
    ranked = [(all(sources for _, _, sources in one.found), one) for one in tried]
    return next((one for whole, one in ranked if whole and one.found), None)


def _sources(claim: Claim, side: Side, figure: Quantity, groups: Sequence[Group]) -> tuple[Source, ...]:
    columns: tuple[Metric, ...] = ("rate",) if figure.unit == "rate" else _TIMES
    found = []
    for group in groups:
        if group.side not in (side, None):
            continue
        rows = [group.whole, *(group.rows if len(group.rows) > 1 else ())]
        for row in rows:
            inside = tuple(
                column
                for column in columns
                if (cell := figure_of(row, column)) is not None and figure.is_written(cell)
            )
            if inside:
                found.append(Source(group, row, inside))
    named = [source for source in found if claim.metric in source.columns]
    # The named column of one row is no better than another column of all: both are told of.
    whole = [source for source in named or found if not source.is_part]
    return tuple(whole or named or found)
