"""Why Locust's own tables decide nothing about two builds, each reason with the number that the tables give for it.

The first group holds of any such tables; the others where the figures show it. The facts are measured ones, and told
with their sources in docs/explanation/honest-comparison.md.
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
from festgate.rehearsal.stats.limits import MIN_PAIRS
from festgate.rehearsal.verdict.findings import LoadFinding, percent

Sides = tuple[Sequence[Table], Sequence[Table]]


def reasons(before: Sequence[Table], after: Sequence[Table]) -> tuple[LoadFinding, ...]:
    """Every reason against a verdict on these tables; there always are some. The tables of table i are of pair i."""
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
        _one_each,
        _rows_differ,
        _cut,
    )
    return tuple(found for check in checks if (found := check(sides)) is not None)


def _every(sides: Sides) -> Iterable[tuple[str, Table, Row]]:
    for side, tables in zip(("before", "after"), sides, strict=True):
        for table in tables:
            for row in table.rows or ((table.total,) if table.total is not None else ()):
                if row.requests:
                    yield side, table, row


def _requests(sides: Sides) -> int:
    return sum(table.requests for tables in sides for table in tables)


def _no_samples(sides: Sides) -> LoadFinding:
    widest: tuple[float, str] = (0.0, "")
    for side, _, row in _every(sides):
        for share, value in ((0.5, row.median), (0.95, row.percentile(0.95))):
            if value is not None and value > EXACT:
                low, high = bucket(value)
                between = f"{milliseconds(low)} to {milliseconds(high)}"
                told = f"p{share * 100:g} of {row.title} {side}: {milliseconds(value)} can be {between}"
                widest = max(widest, ((high - low) / value, told))
    return LoadFinding(
        "no-samples",
        widest[1] or f"0 of {_requests(sides):,} requests are in these files",
        "Locust keeps counts of rounded times and no requests: from 100 ms on percentiles have two digits (a gain of"
        " 3 % in all requests showed as 1 % at p50 and as 9 % at p95), and those of several runs cannot be added up.",
        "Play it with `festgate rehearse FILE.py`, which keeps every request.",
    )


def _few_runs(sides: Sides) -> LoadFinding:
    before, after = (len(tables) for tables in sides)
    return LoadFinding(
        "no-pairs",
        f"{before} before and {after} after",
        "A run is one piece of evidence, however many requests it has: two runs of one and the same build differ, too."
        f" It takes at least {MIN_PAIRS} pairs, played in turn with the server started anew, and tables do not say"
        " how they were played.",
        "Let `festgate ab` play the pairs.",
    )


def _omission(sides: Sides) -> LoadFinding:
    longest = max(
        ((row.most, row.title, side) for side, _, row in _every(sides) if row.most is not None), default=None
    )
    return LoadFinding(
        "intended-times-unknown",
        f"{longest[1]} {longest[2]}: one answer took {milliseconds(longest[0])}"
        if longest
        else "times of sending are not told",
        "Locust's users ask again only after an answer. While they wait they send nothing, so a stall counts once for"
        " each of them and not for all who would have come (coordinated omission).",
        "Rehearse with `--rate`, which counts from when a request was to be sent.",
    )


def _warm_up(sides: Sides) -> LoadFinding:
    return LoadFinding(
        "warm-up-inside",
        f"all {_requests(sides):,} requests are counted, from the first on",
        "Locust counts from its first request: empty caches and users who are not all there yet are in every figure.",
        "Rehearse with `--warm-up`.",
    )


def _maximum(sides: Sides) -> LoadFinding | None:
    few = [(row.requests, f"{row.title} {side}") for side, _, row in _every(sides) if 1 < row.requests <= FEW]
    if not few:
        return None
    requests, where = min(few)
    return LoadFinding(
        "percentile-is-maximum",
        f"{where}: {requests} requests",
        f"With {FEW} requests or fewer the p95 that Locust prints is the slowest of them, one request.",
        "Measure until there are 600 requests of a step.",
    )


def _outlier(sides: Sides) -> LoadFinding | None:
    found = max(
        ((_share(row), side, row) for side, _, row in _every(sides)), key=lambda each: each[0], default=None
    )
    if found is None or found[0] < OUTLIER:
        return None
    share, side, row = found
    if row.average is None or row.most is None:
        return None
    rest = max(row.average * row.requests - row.most, 0.0) / (row.requests - 1)
    return LoadFinding(
        "one-request-in-the-mean",
        f"{row.title} {side}: {milliseconds(row.most)} of one request are {percent(share)} of the mean",
        f"It is the mean of {row.requests} requests. Without that one it would be about {milliseconds(rest)}, and not"
        f" {milliseconds(row.average)}.",
        "Compare medians, or better every request.",
    )


def _share(row: Row) -> float:
    """Of the row's mean that its slowest request makes; the console cuts means down, so it can seem more than all."""
    if not row.average or row.most is None or row.requests <= 1:
        return 0.0
    return min(row.most / (row.requests * row.average), 1.0)


def _connection(sides: Sides) -> LoadFinding | None:
    slow = [
        (row.most / row.median, side, row.title, row.most, row.median)
        for side, _, row in _every(sides)
        if row.most is not None and row.median and row.most >= SLOW_FIRST * row.median and row.requests > 1
    ]
    if not slow:
        return None
    times, side, title, most, median = max(slow)
    meaning = (
        "Max and Avg have the opening of connections in them, and no table tells which requests did that."
    )
    if all(FALLBACK[0] <= each[3] <= FALLBACK[1] for each in slow):
        meaning += (
            " About two seconds are what the first connection takes where `localhost` is tried at ::1 first, and"
            " nothing listens there."
        )
    return LoadFinding(
        "connections-inside",
        f"{title} {side}: the slowest took {milliseconds(most)}, {times:,.0f} times the median, {milliseconds(median)}",
        meaning,
        "Use 127.0.0.1, and rehearse with a warm-up.",
    )


def _pauses(sides: Sides) -> LoadFinding | None:
    """Requests under way are rate times mean (Little's law); users who are not under way pause."""
    found = []
    for side, tables in zip(("before", "after"), sides, strict=True):
        for table in tables:
            total = table.total
            if table.rates == "moment" or total is None or not total.rate or total.average is None:
                continue
            under_way = total.rate * total.average / 1000
            users = table.users or 1
            if under_way / users < WAITING:
                found.append((under_way / users, side, total.rate, under_way, table.users))
    if not found:
        return None
    share, side, rate, under_way, known = max(found, key=lambda each: each[0])
    most = rate / (1 - share)
    figure = f"{side}: {rate:.2f}/s, and at most {most:.2f}/s if every answer came at once"
    crowd = f"{known:,} {'user' if known == 1 else 'users'}" if known else "a single user (several even less)"
    return LoadFinding(
        "rate-cannot-move",
        figure,
        f"On average {under_way:.2g} requests were under way, so {crowd} spent {percent(share)} of the time"
        " waiting for answers and the rest in `wait_time`: the rate tells of pauses, whatever the server does.",
        "Compare latencies, or look for the rate that holds with `festgate capacity`.",
    )


def _moments(sides: Sides) -> LoadFinding | None:
    now = [(side, table) for side, table, _ in _every(sides) if table.rates == "moment"]
    if not now:
        return None
    side, table = now[0]
    rate = table.total.rate if table.total is not None else None
    return LoadFinding(
        "rates-of-a-moment",
        f"{side}: {rate:.2f}/s" if rate is not None else side,
        "The rates of the web page's table are those of the last ten seconds before it was copied, and not of the run.",
        "Take the HTML report or the CSV files, which have those of the run.",
    )


def _one_each(sides: Sides) -> LoadFinding | None:
    for side, tables in zip(("after", "before"), reversed(sides), strict=True):
        for table in tables:
            single = sum(row.requests == 1 for row in table.rows)
            if single > 1 and 2 * single >= len(table.rows):
                return LoadFinding(
                    "one-row-a-request",
                    f"{side}: {single} of {len(table.rows)} rows have one request",
                    "Names hold visitors' values, so that a row is one request and tells nothing of a route; only the"
                    f" row of all {table.requests} could.",
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
        "The two were not asked for the same things, so a difference may come from what was asked.",
        "Play the same locustfile against both builds.",
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
        "The table ends without its row of all requests, so there may have been rows that are not here.",
        "Take the whole of it.",
    )
