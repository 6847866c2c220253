"""What the tables of a report say against it, whatever its prose claims."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from festgate.lab.audit.findings import Spot
from festgate.lab.audit.parsed_report import ParsedReport
from festgate.lab.audit.routes import Group, Pair
from festgate.rehearsal.locust_output.limits import FALLBACK, FEW, OUTLIER, SLOW_FIRST, milliseconds

Found = Iterator[tuple[str, Spot]]
"""(code, where)."""
_MANY: Final = 3
"""Rows of one route, from which on its requests are not grouped."""
_SMALL: Final = 5
"""Requests up to which such a row tells nothing."""
_RUNS: Final = 3
"""Tables of a side from which on a run was repeated, also where no word says so."""
_SIZE: Final = 0.1
"""Share by which mean sizes of answers differ that are not the same: names in a page make a few bytes."""
_FAILED: Final = 0.01
_NEGATED: Final = re.compile(
    r"\b(?:no|not|without|never|neither|nor|missing|lack\w*|skip\w*)\b|n't\b", re.IGNORECASE
)
_NEAR: Final = 28
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


def table_spots(report: ParsedReport) -> Found:
    """Everything that the tables show."""
    for pair in report.pairs:
        yield from _workload(pair)
        yield from _failures(pair)
        yield from _sizes(pair)
    for group in report.groups:
        yield from _names(group)
        yield from _few(group)
    yield from _outliers(report)
    yield from _repeated(report)


def unclear_loads(report: ParsedReport) -> Iterator[Spot]:
    """Routes whose rows are of visitors' values on both sides: nobody can tell whether the same was asked."""
    for pair in report.pairs:
        before, after = (_names_of(side) for side in (pair.before, pair.after))
        if before != after and len(before) > 1 and len(after) > 1:
            yield Spot(
                pair.after[0].rows[0].line,
                f"{pair.route}: {len(before)} names before and {len(after)} others after; whether the same was asked"
                " cannot be told from them.",
            )


def _names_of(side: Sequence[Group]) -> set[tuple[str, str]]:
    # A narrow cell of a PDF breaks a name where it likes, and a blank is read there.
    return {(row.method, "".join(row.name.split())) for group in side for row in group.rows}


def _workload(pair: Pair) -> Found:
    before, after = (_names_of(side) for side in (pair.before, pair.after))
    if before == after or (len(before) > 1 and len(after) > 1):
        return
    requests = sum(group.whole.requests for group in pair.after)
    yield (
        "workload-differs",
        Spot(
            pair.after[0].rows[0].line,
            f"{pair.route}: before {_shown(before)}, after {_shown(after)}, for {requests:,} requests",
        ),
    )


def _shown(names: set[tuple[str, str]]) -> str:
    first = " ".join(min(names)).strip()
    return f"only {first}" if len(names) == 1 else f"{len(names)} names ({first} and others)"


def _failures(pair: Pair) -> Found:
    counts = []
    for side in (pair.before, pair.after):
        failed, every = (
            sum(values) for values in zip(*((g.whole.failures, g.whole.requests) for g in side), strict=True)
        )
        counts.append((failed, every))
    (failed, every), (failing, all_after) = counts
    if abs(failed / every - failing / all_after) > _FAILED:
        yield (
            "error-rates-differ",
            Spot(
                pair.after[0].rows[0].line,
                f"{pair.route}: {failed} of {every} requests failed before, {failing} of {all_after} after",
            ),
        )


def _sizes(pair: Pair) -> Found:
    before, after = pair.before[0].whole.size, pair.after[0].whole.size
    if before and after is not None and abs(after - before) > _SIZE * before:
        yield (
            "responses-differ",
            Spot(
                pair.after[0].whole.line,
                f"{pair.route}: {before:,.0f} bytes before, {after:,.0f} bytes after",
            ),
        )


def _names(group: Group) -> Found:
    small = [row for row in group.rows if row.requests <= _SMALL]
    if len(group.rows) < _MANY or 2 * len(small) < len(group.rows):
        return
    single = sum(row.requests == 1 for row in group.rows)
    of_one = f", {single} of them with one request" if single else ""
    first, last = group.rows[0], group.rows[-1]
    yield (
        "many-names",
        Spot(
            first.line,
            f"{group.title}: {len(group.rows)} rows for {group.whole.requests} requests{of_one}, from {first.title} to"
            f" {last.title}",
        ),
    )


def _few(group: Group) -> Found:
    whole = group.whole
    if not 1 < whole.requests <= FEW:
        return
    highest = whole.percentile(0.95)
    told = ""
    if highest is not None and whole.most is not None:
        told = f"; p95 {milliseconds(highest)}, slowest {milliseconds(whole.most)}"
    yield "percentile-is-maximum", Spot(whole.line, f"{group.title}: {whole.requests} requests{told}")


def _outliers(report: ParsedReport) -> Found:
    for group in report.groups:
        whole = group.whole
        if whole.requests <= 1 or not whole.average or not whole.median or whole.most is None:
            continue
        share = min(whole.most / (whole.requests * whole.average), 1.0)
        if whole.most < SLOW_FIRST * whole.median or share < OUTLIER or report.is_of_medians(group.route):
            continue
        times = whole.most / whole.median
        rest = max(whole.average * whole.requests - whole.most, 0.0) / (whole.requests - 1)
        yield (
            "connection-outliers",
            Spot(
                whole.line,
                f"{group.title}: one request of {milliseconds(whole.most)} is {times:,.0f} times the"
                f" median ({milliseconds(whole.median)}) and {100 * share:.0f} % of the mean"
                f" ({milliseconds(whole.average)} of {whole.requests}); without it {milliseconds(rest)}",
            ),
        )


def is_first_connection(report: ParsedReport) -> bool:
    """Whether every slowest request that stands out is of the size of a first connection that falls back."""
    slow = [
        group.whole.most
        for group in report.groups
        if group.whole.most is not None
        and group.whole.median
        and group.whole.requests > 1
        and group.whole.most >= SLOW_FIRST * group.whole.median
    ]
    return bool(slow) and all(FALLBACK[0] <= most <= FALLBACK[1] for most in slow)


def _repeated(report: ParsedReport) -> Found:
    if not report.compares:
        return
    text = report.prose.text
    most = min((min(len(pair.before), len(pair.after)) for pair in report.pairs), default=1)
    missing = []
    if not _says(WARM_UP, text):
        missing.append("no word of a warm-up")
    if most < _RUNS and not _says(REPEATED, text):
        counts = [
            f"{pair.route} {len(pair.before)} before and {len(pair.after)} after" for pair in report.pairs
        ]
        missing.append(f"runs: {', '.join(counts)}" if counts else "no word of a repetition")
    if not _says(INTERVAL, text):
        missing.append("no interval or other measure of spread")
    if missing:
        first = report.claims[0].claim.line if report.claims else report.pairs[0].after[0].table.line
        yield "not-repeated", Spot(first, "; ".join(missing))


def _says(pattern: re.Pattern[str], text: str) -> bool:
    """Whether the text has it without a word before it that denies it."""
    return any(
        _NEGATED.search(text[max(found.start() - _NEAR, 0) : found.start()].rsplit(". ", 1)[-1]) is None
        for found in pattern.finditer(text)
    )
