"""Finds the source of a number in the prose: the table, the row and the column."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from festgate.lab.audit.claims import Claim
from festgate.lab.audit.quantities import Quantity
from festgate.lab.audit.routes import Group, by_route, figure_of
from festgate.lab.audit.words import COLUMNS, Metric, Side
from festgate.rehearsal.locust_output import Row

_TIMES: Final[tuple[Metric, ...]] = ("average", "median", "p95", "p99", "p90", "max", "min")


@dataclass(frozen=True, slots=True)
class Source:
    """A table row that contains the number."""

    group: Group
    row: Row
    columns: tuple[Metric, ...]
    """The columns that contain it; with one request all columns are equal."""

    @property
    def is_part(self) -> bool:
        """True if the row has less than half of the route's requests."""
        return self.row is not self.group.whole and 2 * self.row.requests < self.group.whole.requests

    @property
    def names(self) -> str:
        """The names of the columns: `Average`, or `Average, Min`; "the time" for a single request."""
        if self.row.requests == 1 and "rate" not in self.columns:
            return "the time"
        return ", ".join(COLUMNS[column] for column in self.columns)


@dataclass(frozen=True, slots=True)
class TracedClaim:
    """A claim with the sources of its figures."""

    claim: Claim
    route: str
    """The route of the tables that contain them, or else the one that the claim names."""
    figures: tuple[tuple[Side, Quantity, tuple[Source, ...]], ...]

    @property
    def columns(self) -> frozenset[Metric]:
        """The columns that contain all of its figures; empty if there are none."""
        sets = [{column for source in sources for column in source.columns} for _, _, sources in self.figures]
        return frozenset(set.intersection(*sets)) if sets else frozenset()


def trace(claim: Claim, groups: Sequence[Group]) -> TracedClaim:
    """Find the sources in the first route that has all figures, beginning with the route that the claim names."""
    groups_by_route = by_route(groups)
    candidates = [
        TracedClaim(
            claim,
            route,
            tuple(
                (side, figure, _sources(claim, side, figure, groups_by_route[route]))
                for side, figure in claim.figures
            ),
        )
        for route in sorted(groups_by_route, key=lambda route: route != claim.route)
    ]
    if claim.route and claim.route in groups_by_route:
        # If the report names a route, only that route counts; otherwise the best match does.
        named, others = candidates[0], candidates[1:]
        return named if any(sources for _, _, sources in named.figures) else _complete(others) or named
    return _complete(candidates) or TracedClaim(
        claim, claim.route, tuple((side, figure, ()) for side, figure in claim.figures)
    )


def _complete(candidates: Iterable[TracedClaim]) -> TracedClaim | None:
    """Return the first candidate that has a source for every figure."""
    return next(
        (
            candidate
            for candidate in candidates
            if candidate.figures and all(sources for _, _, sources in candidate.figures)
        ),
        None,
    )


def _sources(claim: Claim, side: Side, figure: Quantity, groups: Sequence[Group]) -> tuple[Source, ...]:
    columns: tuple[Metric, ...] = ("rate",) if figure.unit == "rate" else _TIMES
    matches = []
    for group in groups:
        if group.side not in (side, None):
            continue
        rows = [group.whole, *(group.rows if len(group.rows) > 1 else ())]
        for row in rows:
            inside = tuple(
                column
                for column in columns
                if (cell := figure_of(row, column)) is not None and figure.matches(cell)
            )
            if inside:
                matches.append(Source(group, row, inside))
    named = [source for source in matches if claim.metric in source.columns]
    # The named column of a single row is no better than another column of all requests.
    whole = [source for source in named or matches if not source.is_part]
    return tuple(whole or named or matches)
