"""Compares each claim with the tables: the source of its numbers, and the row of all requests."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from festgate.lab.audit.claims import Claim
from festgate.lab.audit.directions import Direction
from festgate.lab.audit.findings import Spot
from festgate.lab.audit.parsed_report import ParsedReport
from festgate.lab.audit.quantities import Quantity
from festgate.lab.audit.routes import Group, Pair, figure_of
from festgate.lab.audit.sources import Source, TracedClaim
from festgate.lab.audit.words import COLUMNS, Metric, Side
from festgate.rehearsal.locust_output.limits import WAITING, milliseconds

_TOLERANCE: Final = 1.5
"""Percentage points by which a rounded share may be off."""
_ROUNDED: Final = 0.05
"""Relative error that a large share or a factor may have from rounding."""
_MIN_MOVE: Final = 0.02
"""Share of a figure by which it has to move, so that rounding does not decide the direction."""
_MAX_FIGURES: Final = 4
"""Figures shown for one claim; a report with many routes has dozens."""
_SHOWN: Final[tuple[Metric, ...]] = ("average", "median", "p95", "rate")


def claim_spots(report: ParsedReport) -> Iterator[Spot]:
    """Yield the errors in the claims."""
    for traced in report.claims:
        if traced.claim.negated:
            continue
        yield from _picked(traced, report)
        yield from _columns(traced)
        yield from _share(traced, report)
        yield from _direction(traced, report)
        yield from _rate(traced, report)


def claims_without_source(report: ParsedReport) -> Iterator[Spot]:
    """Yield the claims whose figures no table contains."""
    for traced in report.claims:
        claim = traced.claim
        for side, figure, sources in traced.figures:
            if not sources:
                there = _all_requests(traced, side, report)
                yield Spot(
                    claim.line, f"{format_quantity(figure)} is in no table {_of(claim.route)}{side}.{there}"
                )
        if claim.kind == "share" and not claim.negated and not _figures(traced, report):
            yield Spot(
                claim.line,
                f"There are no figures for this percentage, and no table {_of(claim.route)}before and after.",
            )


def format_quantity(figure: Quantity) -> str:
    """Format a quantity: `451 ms`, `0.54/s`, `50 %`, `2 times`."""
    if figure.unit == "rate":
        return f"{figure.value:g}/s"
    if figure.unit in ("percent", "times"):
        return f"{figure.value:g} {'%' if figure.unit == 'percent' else 'times'}"
    return f"{figure.value:,.10g} ms"


def describe_source(source: Source, report: ParsedReport) -> str:
    """Describe the source of a number: `Average of GET /events?user=a, line 12, 1 of 12 requests`."""
    row, whole = source.row, source.group.whole
    count = f"{row.requests} of {whole.requests} requests" if row is not whole else f"{row.requests} requests"
    return f"{source.names} of {row.title}, {report.document.place(row.line)}, {count}"


def describe_change(pair: Pair, metric: Metric) -> str:
    """Return the change in the rows of all requests: `Average 451 ms before, 542 ms after (20 % more)`, or nothing."""
    before, after = (figure_of(side[0].whole, metric) for side in (pair.before, pair.after))
    if before is None or after is None:
        return ""
    shown = [f"{value:.2f}/s" if metric == "rate" else milliseconds(value) for value in (before, after)]
    share = abs(after - before) / before if before else 0.0
    words = "unchanged" if share < 0.005 else f"{100 * share:.0f} % {'more' if after > before else 'less'}"  # noqa: PLR2004  (below 1 %)
    return f"{COLUMNS[metric]} {shown[0]} before, {shown[1]} after ({words})"


def _of(route: str) -> str:
    return f"of {route} " if route else ""


def _all_requests(traced: TracedClaim, side: Side, report: ParsedReport) -> str:
    """Return the figures in the row of all requests, if there is one."""
    groups = [
        group for group in report.groups if group.route == traced.claim.route and group.side in (side, None)
    ]
    if not groups:
        return ""
    cells = _cells(groups[0], [traced.claim.metric] if traced.claim.metric else _SHOWN)
    return f" All {groups[0].whole.requests} requests there: {cells}." if cells else ""


def _cells(group: Group, metrics: Sequence[Metric]) -> str:
    figures = [(metric, figure_of(group.whole, metric)) for metric in metrics]
    return ", ".join(
        f"{COLUMNS[metric]} {f'{value:.2f}/s' if metric == 'rate' else milliseconds(value)}"
        for metric, value in figures
        if value is not None
    )


def _picked(traced: TracedClaim, report: ParsedReport) -> Iterator[Spot]:
    for _, figure, sources in traced.figures:
        if not sources or not all(source.is_part for source in sources):
            continue
        first = sources[0]
        column: Metric = traced.claim.metric or first.columns[0]
        pair = next((pair for pair in report.pairs if pair.route == first.group.route), None)
        shown = describe_change(pair, column) if pair is not None else _cells(first.group, [column])
        place = first.group.rows.index(first.row) + 1
        more = f" (and {len(sources) - 1} rows more)" if len(sources) > 1 else ""
        yield Spot(
            traced.claim.line,
            f"{format_quantity(figure)} is row {place} of {len(first.group.rows)} of {first.group.title}{more}:"
            f" {describe_source(first, report)}. All requests: {shown or 'not given'}",
            "one-row-of-many",
        )


def _columns(traced: TracedClaim) -> Iterator[Spot]:
    if not traced.figures or not all(sources for _, _, sources in traced.figures):
        return
    origins = "; ".join(
        f"{format_quantity(figure)} is {' or '.join(dict.fromkeys(source.names for source in sources))} of"
        f" {sources[0].group.title}"
        for _, figure, sources in traced.figures
    )
    named = traced.claim.metric
    if (named is not None and named not in traced.columns) or not traced.columns:
        name = f"claimed as {COLUMNS[named]}: " if named is not None else ""
        yield Spot(traced.claim.line, f"{name}{origins}", "columns-mixed")


@dataclass(frozen=True, slots=True)
class _Change:
    """Two figures from which a share can be computed."""

    before: float
    after: float
    is_rate: bool
    words: str

    def is_against(self, direction: Direction) -> bool:
        """Return whether the figure clearly moved against the direction."""
        return direction * (self.after - self.before) < -_MIN_MOVE * self.before

    def fits(self, claim: Claim) -> bool:
        """Return whether the share follows from them; an improvement follows only from figures that became better."""
        share = claim.share
        if share is None or not self.before or not self.after:
            return True
        better = self.after > self.before if self.is_rate else self.after < self.before
        if claim.better and not better:
            return False
        there, back = self.after / self.before, self.before / self.after
        if share.unit == "times":
            return any(
                abs(share.value - ratio) <= max(_ROUNDED * ratio, share.step / 2) for ratio in (there, back)
            )
        slack = max(_TOLERANCE, share.value * _ROUNDED)
        return any(abs(share.value - 100 * abs(ratio - 1)) <= slack for ratio in (there, back))


def _share(traced: TracedClaim, report: ParsedReport) -> Iterator[Spot]:
    claim = traced.claim
    if claim.kind != "share" or claim.share is None:
        return
    figures = _figures(traced, report)
    if figures and not any(figure.fits(claim) for figure in figures):
        shown = "; ".join(figure.words for figure in figures[-_MAX_FIGURES:])
        yield Spot(claim.line, f"{format_quantity(claim.share)}: {shown}", "share-off")


def _figures(traced: TracedClaim, report: ParsedReport) -> list[_Change]:
    """Return the changes that a share can mean: pairs in the report, the nearest last, or the rows of all requests."""
    claim = traced.claim
    near = [
        other.claim
        for other in report.claims
        if other.claim.kind == "pair"
        and (not claim.route or not other.claim.route or claim.route == other.claim.route)
        and (claim.metric is None or claim.metric == other.claim.metric)
    ]
    near.sort(key=lambda other: -abs(other.line - claim.line))
    if near:
        return [
            _Change(
                other.before.value,
                other.after.value,
                other.metric == "rate",
                _in_words(other.before, other.after),
            )
            for other in near
            if other.before is not None and other.after is not None
        ]
    metrics: Sequence[Metric] = [claim.metric] if claim.metric is not None else _SHOWN
    return _in_tables(claim.route, metrics, report)


def _in_tables(route: str, metrics: Sequence[Metric], report: ParsedReport) -> list[_Change]:
    """Return the changes in the rows of all requests; `route` is empty for all routes."""
    changes = []
    for pair in report.pairs:
        if route not in ("", pair.route):
            continue
        for metric in metrics:
            before, after = (figure_of(side[0].whole, metric) for side in (pair.before, pair.after))
            if before and after:
                changes.append(
                    _Change(before, after, metric == "rate", f"{pair.route} {describe_change(pair, metric)}")
                )
    return changes


def _direction(traced: TracedClaim, report: ParsedReport) -> Iterator[Spot]:
    """Find a change that the figures of the claim, or the rows of all requests, show in the other direction."""
    claim = traced.claim
    if not claim.direction:
        return
    if claim.before is not None and claim.after is not None:
        words = _in_words(claim.before, claim.after)
        changes = [_Change(claim.before.value, claim.after.value, claim.metric == "rate", words)]
    else:
        changes = _in_tables(traced.route or claim.route, [claim.metric or "average"], report)
    if changes and all(change.is_against(claim.direction) for change in changes):
        shown = "; ".join(change.words for change in changes[:_MAX_FIGURES])
        yield Spot(claim.line, f"{'lower' if claim.direction < 0 else 'higher'}: {shown}", "direction-denied")


def _in_words(before: Quantity, after: Quantity) -> str:
    shown = f"{format_quantity(before)} to {format_quantity(after)}"
    if not before.value or not after.value:
        return shown
    less, times = (before.value - after.value) / before.value, before.value / after.value
    share = f"{100 * abs(less):.0f} % {'less' if less > 0 else 'more'}"
    return f"{shown} is {share}" + ("" if after.unit == "rate" else f" time, {times:.2g} times the speed")


def _rate(traced: TracedClaim, report: ParsedReport) -> Iterator[Spot]:
    """Find rates that could not change. By Little's law, rate times mean is the number of waiting users."""
    if traced.claim.metric != "rate":
        return
    reasons = []
    users = report.users or 1
    for group in report.groups:
        if traced.claim.route and group.route != traced.claim.route:
            continue
        total = group.table.total or group.whole
        if not total.rate or total.average is None:
            continue
        waiting = total.rate * total.average / 1000
        share = waiting / users
        if share < WAITING:
            limit = total.rate / (1 - share)
            moment = ", of its last ten seconds" if group.table.rates == "moment" else ""
            reasons.append(
                f"{group.title}: {total.rate:.2f}/s{moment}, {milliseconds(total.average)} each: users wait for answers"
                f" {100 * share:.0f} % of the time, so at most {limit:.2f}/s were possible, however fast the server is"
            )
    if reasons:
        shown = "; ".join(list(dict.fromkeys(reasons))[:_MAX_FIGURES])
        yield Spot(traced.claim.line, shown, "rate-cannot-move")
