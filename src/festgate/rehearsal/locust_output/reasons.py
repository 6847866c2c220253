"""Reasons why Locust's own tables decide nothing about two builds, each with a number from the tables.

The first four apply to any such tables, the others if the figures show them. docs/explanation/honest-comparison.md
has the measurements behind them.
"""

from collections.abc import Callable, Iterable, Sequence

from festgate.rehearsal.locust_output.limits import (
    EXACT,
    FALLBACK,
    FEW,
    OUTLIER,
    SLOW_FIRST,
    WAITING,
    bucket,
    milliseconds,
)
from festgate.rehearsal.locust_output.model import Row, Table
from festgate.rehearsal.stats.limits import MIN_PAIRS, min_requests
from festgate.rehearsal.verdict.findings import LoadFinding, percent

Sides = tuple[Sequence[Table], Sequence[Table]]


def reasons(before: Sequence[Table], after: Sequence[Table]) -> tuple[LoadFinding, ...]:
    """Return all reasons against a verdict on these tables; before[i] and after[i] are pair i."""
    sides: Sides = (before, after)
    checks: tuple[Callable[[Sides], LoadFinding | None], ...] = (
        _no_samples,
        _few_runs,
        _omission,
        _warm_up,
        _maximum,
        _outlier,
        _connection,
        _pauses,
        _moments,
        _single_requests,
        _rows_differ,
        _cut,
    )
    return tuple(finding for check in checks if (finding := check(sides)) is not None)


def _rows(sides: Sides) -> Iterable[tuple[str, Table, Row]]:
    for side, tables in zip(("before", "after"), sides, strict=True):
        for table in tables:
            for row in table.rows or ((table.total,) if table.total is not None else ()):
                if row.requests:
                    yield side, table, row


def _requests(sides: Sides) -> int:
    return sum(table.requests for tables in sides for table in tables)


def _no_samples(sides: Sides) -> LoadFinding:
    widest: tuple[float, str] = (0.0, "")
    for side, _, row in _rows(sides):
        for share, value in ((0.5, row.median), (0.95, row.percentile(0.95))):
            if value is not None and value > EXACT:
                low, high = bucket(value)
                between = f"{milliseconds(low)} to {milliseconds(high)}"
                figure = f"p{share * 100:g} of {row.title} {side}: {milliseconds(value)} may be {between}"
                widest = max(widest, ((high - low) / value, figure))
    return LoadFinding(
        "no-samples",
        widest[1] or f"0 of {_requests(sides):,} requests are in these files",
        "Locust keeps counts of rounded times instead of requests. Percentiles from 100 ms on have two digits (when all"
        " requests became 3 % faster, p50 showed 1 % and p95 9 %), and those of several runs cannot be combined.",
        "Run `festgate rehearse FILE.py`, which keeps every request.",
    )


def _few_runs(sides: Sides) -> LoadFinding:
    before, after = (len(tables) for tables in sides)
    return LoadFinding(
        "no-pairs",
        f"{before} before and {after} after",
        "A run is a single measurement, however many requests it has: two runs of the same build differ, too. A verdict"
        f" needs at least {MIN_PAIRS} alternating pairs with a freshly started server, and tables do not show how the"
        " runs were made.",
        "Run `festgate ab`, which makes the pairs.",
    )


def _omission(sides: Sides) -> LoadFinding:
    longest = max(
        ((row.maximum, row.title, side) for side, _, row in _rows(sides) if row.maximum is not None),
        default=None,
    )
    return LoadFinding(
        "intended-times-unknown",
        f"{longest[1]} {longest[2]}: one response took {milliseconds(longest[0])}"
        if longest
        else "the tables do not have send times",
        "Locust's users send the next request only after a response. While they wait, they send nothing, so a stall"
        " counts once for each user instead of for every visitor that would have arrived (coordinated omission).",
        "Rehearse with `--rate`, which measures from the moment at which a request was due.",
    )


def _warm_up(sides: Sides) -> LoadFinding:
    return LoadFinding(
        "warm-up-inside",
        f"all {_requests(sides):,} requests count, including the first",
        "Locust counts from the first request, so every figure includes empty caches and the ramp-up of the users.",
        "Rehearse with `--warm-up`.",
    )


def _maximum(sides: Sides) -> LoadFinding | None:
    few = [(row.requests, f"{row.title} {side}") for side, _, row in _rows(sides) if 1 < row.requests <= FEW]
    if not few:
        return None
    requests, where = min(few)
    return LoadFinding(
        "percentile-is-maximum",
        f"{where}: {requests} requests",
        f"With {FEW} requests or fewer, the p95 that Locust prints is the maximum, which is a single request.",
        f"Measure at least {min_requests(0.95)} requests of a step.",
    )


def _outlier(sides: Sides) -> LoadFinding | None:
    outlier = max(
        ((_share(row), side, row) for side, _, row in _rows(sides)), key=lambda entry: entry[0], default=None
    )
    if outlier is None or outlier[0] < OUTLIER:
        return None
    share, side, row = outlier
    if row.average is None or row.maximum is None:
        return None
    rest = max(row.average * row.requests - row.maximum, 0.0) / (row.requests - 1)
    return LoadFinding(
        "one-request-in-the-mean",
        f"{row.title} {side}: one request of {milliseconds(row.maximum)} is {percent(share)} of the mean",
        f"The mean of {row.requests} requests is {milliseconds(row.average)}. Without this request it would be about"
        f" {milliseconds(rest)}.",
        "Compare medians, or better all requests.",
    )


def _share(row: Row) -> float:
    """Return the slowest request's share of the row's mean; at most 1, as the console truncates means."""
    if not row.average or row.maximum is None or row.requests <= 1:
        return 0.0
    return min(row.maximum / (row.requests * row.average), 1.0)


def _connection(sides: Sides) -> LoadFinding | None:
    slow = [
        (row.maximum / row.median, side, row.title, row.maximum, row.median)
        for side, _, row in _rows(sides)
        if row.maximum is not None
        and row.median
        and row.maximum >= SLOW_FIRST * row.median
        and row.requests > 1
    ]
    if not slow:
        return None
    times, side, title, slowest, median = max(slow)
    meaning = (
        "Max and Avg include the time to open connections, and no table shows which requests opened one."
    )
    if all(FALLBACK[0] <= entry[3] <= FALLBACK[1] for entry in slow):
        meaning += (
            " The first connection to `localhost` takes about two seconds if the client tries ::1 first and nothing"
            " listens there."
        )
    return LoadFinding(
        "connections-inside",
        f"{title} {side}: the slowest took {milliseconds(slowest)}, {times:,.0f} times the median,"
        f" {milliseconds(median)}",
        meaning,
        "Use 127.0.0.1 instead of localhost, and rehearse with a warm-up.",
    )


def _pauses(sides: Sides) -> LoadFinding | None:
    """Concurrent requests are rate times mean (Little's law); users without a request pause."""
    tables_with_pauses = []
    for side, tables in zip(("before", "after"), sides, strict=True):
        for table in tables:
            total = table.total
            if table.rates == "moment" or total is None or not total.rate or total.average is None:
                continue
            concurrency = total.rate * total.average / 1000
            users = table.users or 1
            if concurrency / users < WAITING:
                tables_with_pauses.append((concurrency / users, side, total.rate, concurrency, table.users))
    if not tables_with_pauses:
        return None
    share, side, rate, concurrency, known = max(tables_with_pauses, key=lambda entry: entry[0])
    highest = rate / (1 - share)
    figure = f"{side}: {rate:.2f}/s, and at most {highest:.2f}/s with instant responses"
    crowd = (
        f"{known:,} {'user' if known == 1 else 'users'}"
        if known
        else "a single user (several users even less)"
    )
    return LoadFinding(
        "rate-cannot-move",
        figure,
        f"On average {concurrency:.2g} requests were in progress, so {crowd} spent {percent(share)} of the time"
        " waiting for responses and the rest in `wait_time`: the pauses set the rate, whatever the server does.",
        "Compare latencies, or search for the highest sustainable rate with `festgate capacity`.",
    )


def _moments(sides: Sides) -> LoadFinding | None:
    now = [(side, table) for side, table, _ in _rows(sides) if table.rates == "moment"]
    if not now:
        return None
    side, table = now[0]
    rate = table.total.rate if table.total is not None else None
    return LoadFinding(
        "rates-of-a-moment",
        f"{side}: {rate:.2f}/s" if rate is not None else side,
        "The rates in the table of the web page are means of the ten seconds before it was copied, not of the run.",
        "Use the HTML report or the CSV files, which have the rates of the run.",
    )


def _single_requests(sides: Sides) -> LoadFinding | None:
    for side, tables in zip(("after", "before"), reversed(sides), strict=True):
        for table in tables:
            single = sum(row.requests == 1 for row in table.rows)
            if single > 1 and 2 * single >= len(table.rows):
                return LoadFinding(
                    "one-row-a-request",
                    f"{side}: {single} of {len(table.rows)} rows have one request",
                    "Names contain visitors' values, so a row is one request and does not describe a route; only the"
                    f" total of all {table.requests} requests is meaningful.",
                    "Give each request the `name=` of its route.",
                )
    return None


def _rows_differ(sides: Sides) -> LoadFinding | None:
    keys = [{row.title for table in tables for row in table.rows} for tables in sides]
    alone = sorted(keys[0] ^ keys[1])
    if not alone:
        return None
    shown = ", ".join(alone[:3]) + (" and others" if len(alone) > 3 else "")  # noqa: PLR2004  (few enough to read)
    return LoadFinding(
        "rows-differ",
        f"{len(alone)} of {len(keys[0] | keys[1])} names are on one side only: {shown}",
        "The two sides got different requests, so a difference may come from the requests.",
        "Run the same locustfile against both builds.",
    )


def _cut(sides: Sides) -> LoadFinding | None:
    cut = [(side, table.title) for side, tables in zip(("before", "after"), sides, strict=True)
           for table in tables if table.total is None]  # fmt: skip
    if not cut:
        return None
    side, title = cut[0]
    return LoadFinding(
        "table-cut",
        f"{side}: {title}",
        "The table ends without the row of all requests, so other rows may be missing, too.",
        "Use the complete table.",
    )
