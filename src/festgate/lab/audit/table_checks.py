"""Finds the errors that the tables of a report show by themselves, whatever its prose claims."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from festgate.lab.audit.findings import Spot
from festgate.lab.audit.parsed_report import ParsedReport
from festgate.lab.audit.pauses import changed_pauses
from festgate.lab.audit.routes import Group, Pair, headed_routes
from festgate.lab.audit.totals import contradictions, missing_requests
from festgate.lab.description.starter import BUILT_IN
from festgate.rehearsal.locust_output import Table
from festgate.rehearsal.locust_output.limits import FALLBACK, FEW, OUTLIER, SLOW_FIRST, milliseconds

_MIN_ROWS: Final = 3
"""Rows of one route that show that its requests are not grouped."""
_SMALL_ROW: Final = 5
"""Requests of a row; a row with no more than these shows nothing about the route."""
_MIN_RUNS: Final = 3
"""Tables of a side that count as a repetition, even if the report does not mention one."""
_MAX_SIZE_SHIFT: Final = 0.1
"""Relative difference of the mean sizes of equal answers: a user's name in a page adds a few bytes."""
_MAX_FAILED: Final = 0.01
"""Difference between the shares of failed requests."""
_PLACEHOLDER: Final = re.compile(r"\?.*(?:[\[\]{}<>*]|=:)")
_FEW_ROUTES: Final = 4
"""Routes of the largest table that a heading with one route can be for."""
_FIELDS: Final = {"average": "Average", "minimum": "Min", "maximum": "Max"}
_NEGATED: Final = re.compile(
    r"\b(?:no|not|without|never|neither|nor|missing|lack\w*|skip\w*)\b|n't\b", re.IGNORECASE
)
_NEAR: Final = 28
"""Characters before a word in which another can negate it."""
_COUNT: Final = r"(?:[2-9]|\d\d+|two|three|four|five|six|seven|eight|nine|ten|twelve|several|multiple)"
WARM_UP: Final = re.compile(
    r"\bwarm(?:ed|ing)?[- ]?(?:it |them )?up\b|\bwarmed\b|\bdiscard\w*\b.{0,30}\bfirst\b"
    r"|\bfirst\b.{0,40}\b(?:discarded|cut off|excluded|ignored|left out|thrown away)",
    re.IGNORECASE,
)
REPEATED: Final = re.compile(
    rf"\b{_COUNT}\s+(?:\w+\s+)?(?:runs|repetitions|repeats|pairs|trials|rounds)\b|\brepeated\b|\binterleaved\b|\bABBA\b"
    rf"|\b{_COUNT}\s+times\b(?!\s+(?:faster|slower|more|less|as|the|lower|higher|quicker|better))",
    re.IGNORECASE,
)
INTERVAL: Final = re.compile(
    r"\d\s?%\s*-?\s*interval|\bconfidence\b|\bCI\b|\u00b1|\+/-|\bstandard deviation|\bquartiles?\b|\bIQR\b"
    r"|\bintervals?\b(?=[^.]{0,60}\d)",
    re.IGNORECASE,
)


def table_spots(report: ParsedReport) -> Iterator[Spot]:
    """Yield the errors that the tables show."""
    for table in report.document.tables:
        yield from _total(table)
    for pair in report.pairs:
        yield from _workload(pair)
        yield from _failures(pair)
        yield from _sizes(pair)
    for group in report.groups:
        yield from _names(group)
        yield from _few(group)
    yield from changed_pauses(report)
    yield from _other_routes(report)
    yield from _outliers(report)
    yield from _repeated(report)


def unclear_loads(report: ParsedReport) -> Iterator[Spot]:
    """Yield routes whose names do not show whether the loads on both sides were the same."""
    for pair in report.pairs:
        before, after = (_names_of(side) for side in (pair.before, pair.after))
        if before == after:
            continue
        line = pair.after[0].rows[0].line
        if _is_grouped(before) or _is_grouped(after):
            yield Spot(
                line,
                f"{pair.route}: before {_shown(before)}, after {_shown(after)}. One side groups its requests in one"
                " name, so the names do not show whether the load was the same.",
            )
        elif len(before) > 1 and len(after) > 1:
            yield Spot(
                line,
                f"{pair.route}: {len(before)} names before and {len(after)} others after; they do not show"
                " whether the load was the same.",
            )


def incomplete_tables(report: ParsedReport) -> Iterator[Spot]:
    """Yield the tables that do not contain all rows of their row Aggregated, which cannot be checked against them."""
    for table in report.document.tables:
        missing = missing_requests(table)
        if missing and table.total is not None:
            yield Spot(
                table.line,
                f"{missing:,} of the {table.total.requests:,} requests in the row Aggregated are in no other row of"
                " this table.",
            )


def _total(table: Table) -> Iterator[Spot]:
    """Find a row of all requests that contradicts the rows above it."""
    wrong = list(contradictions(table))
    if not wrong or table.total is None:
        return
    printed = ", ".join(_figure(one.field, one.printed) for one in wrong)
    computed = ", ".join(_figure(one.field, one.computed) for one in wrong)
    sums = ""
    if any(one.field == "average" for one in wrong):
        means = sum(row.average * row.requests for row in table.rows if row.average is not None)
        sums = f" (they add up to {means:,.0f} ms for {table.requests:,} requests)"
    yield Spot(
        table.total.line,
        f"Aggregated shows {printed}; its {len(table.rows)} rows give {computed}{sums}. The audit uses these",
        "total-differs",
    )


def _figure(field: str, value: float) -> str:
    if field in ("requests", "failures"):
        return f"{value:,.0f} {field}"
    return f"{_FIELDS[field]} {value:,.1f} ms".replace(".0 ms", " ms")


def _other_routes(report: ParsedReport) -> Iterator[Spot]:
    """Find tables under a heading that names another route."""
    routes: dict[int, set[str]] = {}
    for group in report.groups:
        routes.setdefault(group.table.line, set()).add(group.route)
    headed = headed_routes(
        report.document, {*BUILT_IN.paths.values(), *(group.route for group in report.groups)}
    )
    for line, shown in routes.items():
        named = headed.get(line)
        if named is not None and named not in shown and "" not in shown and len(shown) <= _FEW_ROUTES:
            yield Spot(
                line,
                f"the heading names {named}, the table shows {', '.join(sorted(shown))}",
                "table-of-other-route",
            )


def _names_of(side: Sequence[Group]) -> set[tuple[str, str]]:
    # In a narrow cell of a PDF a name may be broken anywhere, and the break is read as a blank.
    return {(row.method, "".join(row.name.split())) for group in side for row in group.rows}


def _is_grouped(names: set[tuple[str, str]]) -> bool:
    """Return whether the names contain no user, because `name=` in a locustfile puts all users in one row.

    Such a name is the route, or has a word in brackets in place of the user: `/events?user=[name]`.
    """
    return all("?" not in name or _PLACEHOLDER.search(name) is not None for _, name in names)


def _workload(pair: Pair) -> Iterator[Spot]:
    before, after = (_names_of(side) for side in (pair.before, pair.after))
    if before == after or (len(before) > 1 and len(after) > 1) or _is_grouped(before) or _is_grouped(after):
        return
    requests = sum(group.whole.requests for group in pair.after)
    yield Spot(
        pair.after[0].rows[0].line,
        f"{pair.route}: before {_shown(before)}, after {_shown(after)}, for {requests:,} requests",
        "workload-differs",
    )


def _shown(names: set[tuple[str, str]]) -> str:
    first = " ".join(min(names)).strip()
    return f"only {first}" if len(names) == 1 else f"{len(names)} names ({first} and others)"


def _failures(pair: Pair) -> Iterator[Spot]:
    counts = []
    for side in (pair.before, pair.after):
        failed, requests = (
            sum(values) for values in zip(*((g.whole.failures, g.whole.requests) for g in side), strict=True)
        )
        counts.append((failed, requests))
    (failed_before, all_before), (failed_after, all_after) = counts
    if abs(failed_before / all_before - failed_after / all_after) > _MAX_FAILED:
        yield Spot(
            pair.after[0].rows[0].line,
            f"{pair.route}: {failed_before} of {all_before} requests failed before,"
            f" {failed_after} of {all_after} after",
            "error-rates-differ",
        )


def _sizes(pair: Pair) -> Iterator[Spot]:
    before, after = pair.before[0].whole.size, pair.after[0].whole.size
    if before and after is not None and abs(after - before) > _MAX_SIZE_SHIFT * before:
        yield Spot(
            pair.after[0].whole.line,
            f"{pair.route}: {before:,.0f} bytes before, {after:,.0f} bytes after",
            "responses-differ",
        )


def _names(group: Group) -> Iterator[Spot]:
    small = [row for row in group.rows if row.requests <= _SMALL_ROW]
    if len(group.rows) < _MIN_ROWS or 2 * len(small) < len(group.rows):
        return
    single = sum(row.requests == 1 for row in group.rows)
    of_one = f", {single} of them with one request" if single else ""
    first, last = group.rows[0], group.rows[-1]
    yield Spot(
        first.line,
        f"{group.title}: {len(group.rows)} rows for {group.whole.requests} requests{of_one}, from {first.title} to"
        f" {last.title}",
        "many-names",
    )


def _few(group: Group) -> Iterator[Spot]:
    whole = group.whole
    if not 1 < whole.requests <= FEW:
        return
    highest = whole.percentile(0.95)
    figures = ""
    if highest is not None and whole.maximum is not None:
        figures = f"; p95 {milliseconds(highest)}, slowest {milliseconds(whole.maximum)}"
    yield Spot(whole.line, f"{group.title}: {whole.requests} requests{figures}", "percentile-is-maximum")


def _outliers(report: ParsedReport) -> Iterator[Spot]:
    for group in report.groups:
        whole = group.whole
        if whole.requests <= 1 or not whole.average or not whole.median or whole.maximum is None:
            continue
        share = min(whole.maximum / (whole.requests * whole.average), 1.0)
        if whole.maximum < SLOW_FIRST * whole.median or share < OUTLIER or report.is_of_medians(group.route):
            continue
        times = whole.maximum / whole.median
        rest = max(whole.average * whole.requests - whole.maximum, 0.0) / (whole.requests - 1)
        yield Spot(
            whole.line,
            f"{group.title}: one request of {milliseconds(whole.maximum)} is {times:,.0f} times the"
            f" median ({milliseconds(whole.median)}) and {100 * share:.0f} % of the mean"
            f" ({milliseconds(whole.average)} of {whole.requests}); without it {milliseconds(rest)}",
            "connection-outliers",
        )


def is_first_connection(report: ParsedReport) -> bool:
    """Return whether every outlier lasted as long as a first connection to `localhost` that falls back to 127.0.0.1."""
    slow = [
        group.whole.maximum
        for group in report.groups
        if group.whole.maximum is not None
        and group.whole.median
        and group.whole.requests > 1
        and group.whole.maximum >= SLOW_FIRST * group.whole.median
    ]
    return bool(slow) and all(FALLBACK[0] <= most <= FALLBACK[1] for most in slow)


def _repeated(report: ParsedReport) -> Iterator[Spot]:
    if not report.compares:
        return
    text = report.prose.text
    runs = min((min(len(pair.before), len(pair.after)) for pair in report.pairs), default=1)
    missing = []
    if not _mentions(WARM_UP, text):
        missing.append("no warm-up mentioned")
    if runs < _MIN_RUNS and not _mentions(REPEATED, text):
        counts = [
            f"{pair.route} {len(pair.before)} before and {len(pair.after)} after" for pair in report.pairs
        ]
        missing.append(f"runs: {', '.join(counts)}" if counts else "no repetition mentioned")
    if not _mentions(INTERVAL, text):
        missing.append("no interval or other measure of spread")
    if missing:
        first = report.claims[0].claim.line if report.claims else report.pairs[0].after[0].table.line
        yield Spot(first, "; ".join(missing), "not-repeated")


def _mentions(pattern: re.Pattern[str], text: str) -> bool:
    """Return whether the text contains the pattern without a negation before it."""
    return any(
        _NEGATED.search(text[max(match.start() - _NEAR, 0) : match.start()].rsplit(". ", 1)[-1]) is None
        for match in pattern.finditer(text)
    )
