"""Each claim of the prose beside the tables: where its numbers are from, and what the row of all requests says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from festgate.lab.audit.claims import Claim
from festgate.lab.audit.findings import Spot
from festgate.lab.audit.parsed_report import ParsedReport
from festgate.lab.audit.quantities import Quantity
from festgate.lab.audit.routes import Group, Pair, figure_of
from festgate.lab.audit.sources import Source, Traced
from festgate.lab.audit.words import COLUMNS, Metric, Side
from festgate.rehearsal.locust_output.limits import WAITING, milliseconds

Found = Iterator[tuple[str, Spot]]
"""(code, where)."""
_TOLERANCE: Final = 1.5
"""Percentage points by which a share may be off that somebody rounded."""
_ROUNDED: Final = 0.05
"""Share of itself by which a large one, or a factor, may be off."""
_MAX_FIGURES: Final = 4
"""Figures that are shown beside one claim; a report of many routes has dozens."""
_SHOWN: Final[tuple[Metric, ...]] = ("average", "median", "p95", "rate")


def claim_spots(report: ParsedReport) -> Found:
    """Everything that is wrong with the claims."""
    for traced in report.claims:
        if traced.claim.denied:
            continue
        yield from _picked(traced, report)
        yield from _columns(traced)
        yield from _share(traced, report)
        yield from _rate(traced, report)


def unheld(report: ParsedReport) -> Iterator[Spot]:
    """Claims of which no table tells anything."""
    for traced in report.claims:
        claim = traced.claim
        lost = [(side, figure) for side, figure, sources in traced.found if not sources]
        for side, figure in lost:
            yield Spot(
                claim.line,
                f"{written(figure)} stands in no table {_of(claim.route)}{side}.{_there(traced, side, report)}",
            )
        if claim.kind == "share" and not claim.denied and not _figures(traced, report):
            yield Spot(
                claim.line,
                f"No figures stand beside this share, and no table {_of(claim.route)}before and after.",
            )


def written(figure: Quantity) -> str:
    """`451 ms`, `0.54/s`, `50 %`, `2 times`."""
    if figure.unit == "rate":
        return f"{figure.value:g}/s"
    if figure.unit in ("percent", "times"):
        return f"{figure.value:g} {'%' if figure.unit == 'percent' else 'times'}"
    return f"{figure.value:,.10g} ms"


def described(source: Source, report: ParsedReport) -> str:
    """`Average of the row at line 12 (GET /events?user=a), 1 of 12 requests`."""
    row, whole = source.row, source.group.whole
    count = f"{row.requests} of {whole.requests} requests" if row is not whole else f"{row.requests} requests"
    return f"{source.names} of {row.title}, {report.document.place(row.line)}, {count}"


def change(pair: Pair, metric: Metric) -> str:
    """What the rows of all requests say: `Average 451 ms -> 542 ms (20 % more)`; empty where they do not."""
    before, after = (figure_of(side[0].whole, metric) for side in (pair.before, pair.after))
    if before is None or after is None:
        return ""
    shown = [f"{value:.2f}/s" if metric == "rate" else milliseconds(value) for value in (before, after)]
    share = abs(after - before) / before if before else 0.0
    words = "unchanged" if share < 0.005 else f"{100 * share:.0f} % {'more' if after > before else 'less'}"  # noqa: PLR2004  (below 1 %)
    return f"{COLUMNS[metric]} {shown[0]} before, {shown[1]} after ({words})"


def _of(route: str) -> str:
    return f"of {route} " if route else ""


def _there(traced: Traced, side: Side, report: ParsedReport) -> str:
    """What the row of all requests says instead, where there is one."""
    groups = [
        group for group in report.groups if group.route == traced.claim.route and group.side in (side, None)
    ]
    if not groups:
        return ""
    told = _cells(groups[0], [traced.claim.metric] if traced.claim.metric else _SHOWN)
    return f" All {groups[0].whole.requests} requests there: {told}." if told else ""


def _cells(group: Group, metrics: Sequence[Metric]) -> str:
    every = [(metric, figure_of(group.whole, metric)) for metric in metrics]
    return ", ".join(
        f"{COLUMNS[metric]} {f'{value:.2f}/s' if metric == 'rate' else milliseconds(value)}"
        for metric, value in every
        if value is not None
    )


def _picked(traced: Traced, report: ParsedReport) -> Found:
    for _, figure, sources in traced.found:
        if not sources or not all(source.is_part for source in sources):
            continue
        first = sources[0]
        column: Metric = traced.claim.metric or first.columns[0]
        pair = next((each for each in report.pairs if each.route == first.group.route), None)
        told = change(pair, column) if pair is not None else _cells(first.group, [column])
        place = first.group.rows.index(first.row) + 1
        more = f" (and {len(sources) - 1} rows more)" if len(sources) > 1 else ""
        yield (
            "one-row-of-many",
            Spot(
                traced.claim.line,
                f"{written(figure)} is row {place} of {len(first.group.rows)} of {first.group.title}{more}:"
                f" {described(first, report)}. All requests: {told or 'not told'}",
            ),
        )


def _columns(traced: Traced) -> Found:
    if not traced.found or not all(sources for _, _, sources in traced.found):
        return
    told = "; ".join(
        f"{written(figure)} is {' or '.join(dict.fromkeys(source.names for source in sources))} of"
        f" {sources[0].group.title}"
        for _, figure, sources in traced.found
    )
    named = traced.claim.metric
    if (named is not None and named not in traced.columns) or not traced.columns:
        says = f"said to be {COLUMNS[named]}: " if named is not None else ""
        yield "columns-mixed", Spot(traced.claim.line, f"{says}{told}")


@dataclass(frozen=True, slots=True)
class _Change:
    """Two figures of which a share can be."""

    before: float
    after: float
    is_rate: bool
    told: str

    def fits(self, claim: Claim) -> bool:
        """Whether somebody can have counted the share from them; a gain from figures that became better only."""
        share = claim.share
        if share is None or not self.before or not self.after:
            return True
        better = self.after > self.before if self.is_rate else self.after < self.before
        if claim.better and not better:
            return False
        there, back = self.after / self.before, self.before / self.after
        if share.unit == "times":
            return any(
                abs(share.value - each) <= max(_ROUNDED * each, share.step / 2) for each in (there, back)
            )
        slack = max(_TOLERANCE, share.value * _ROUNDED)
        return any(abs(share.value - 100 * abs(each - 1)) <= slack for each in (there, back))


def _share(traced: Traced, report: ParsedReport) -> Found:
    claim = traced.claim
    if claim.kind != "share" or claim.share is None:
        return
    figures = _figures(traced, report)
    if figures and not any(figure.fits(claim) for figure in figures):
        shown = "; ".join(figure.told for figure in figures[-_MAX_FIGURES:])
        yield "share-off", Spot(claim.line, f"{written(claim.share)}: {shown}")


def _figures(traced: Traced, report: ParsedReport) -> list[_Change]:
    """What a share can be of: two figures that the report names, the nearest last, else the rows of all requests."""
    claim = traced.claim
    near = [
        other.claim
        for other in report.claims
        if other.claim.kind == "pair"
        and (not claim.route or not other.claim.route or claim.route == other.claim.route)
        and (claim.metric is None or claim.metric == other.claim.metric)
    ]
    near.sort(key=lambda one: -abs(one.line - claim.line))
    if near:
        return [
            _Change(one.before.value, one.after.value, one.metric == "rate", _in_words(one.before, one.after))
            for one in near
            if one.before is not None and one.after is not None
        ]
    metrics: Sequence[Metric] = [claim.metric] if claim.metric is not None else _SHOWN
    found = []
    for pair in report.pairs:
        if claim.route not in ("", pair.route):
            continue
        for metric in metrics:
            before, after = (figure_of(side[0].whole, metric) for side in (pair.before, pair.after))
            if before and after:
                found.append(_Change(before, after, metric == "rate", f"{pair.route} {change(pair, metric)}"))
    return found


def _in_words(before: Quantity, after: Quantity) -> str:
    shown = f"{written(before)} to {written(after)}"
    if not before.value or not after.value:
        return shown
    less, times = (before.value - after.value) / before.value, before.value / after.value
    share = f"{100 * abs(less):.0f} % {'less' if less > 0 else 'more'}"
    return f"{shown} is {share}" + ("" if after.unit == "rate" else f" time, {times:.2g} times the speed")


def _rate(traced: Traced, report: ParsedReport) -> Found:
    """Requests under way are rate times mean (Little's law); users who are not waiting pause."""
    if traced.claim.metric != "rate":
        return
    told = []
    for group in report.groups:
        if traced.claim.route and group.route != traced.claim.route:
            continue
        total = group.table.total or group.whole
        if not total.rate or total.average is None:
            continue
        under_way = total.rate * total.average / 1000
        share = under_way / (report.users or 1)
        if share < WAITING:
            most = total.rate / (1 - share)
            moment = ", of its last ten seconds" if group.table.rates == "moment" else ""
            told.append(
                f"{group.title}: {total.rate:.2f}/s{moment}, {milliseconds(total.average)} each: users wait for answers"
                f" {100 * share:.0f} % of the time, so that at most {most:.2f}/s were possible, however fast the server"
            )
    if told:
        yield "rate-cannot-move", Spot(traced.claim.line, "; ".join(list(dict.fromkeys(told))[:_MAX_FIGURES]))
