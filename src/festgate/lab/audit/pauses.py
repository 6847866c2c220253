"""Finds a changed pause. The figures of a run show how long its users pause between two requests.

A user sends a request, waits for the response, and pauses. So one user sends 1 / (mean + pause) requests per second,
and the pause is users / rate - mean.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from festgate.lab.audit.findings import Spot
from festgate.lab.audit.parsed_report import ParsedReport
from festgate.lab.audit.routes import Pair
from festgate.rehearsal.locust_output import Table
from festgate.rehearsal.locust_output.limits import milliseconds

MIN_REQUESTS: Final = 8
"""Requests of a run; with fewer, the mean of random pauses of 1 to 2 s varies too much."""
MIN_RATIO: Final = 1.5
"""Ratio of two pauses that differ by more than chance."""
MIN_RATIO_MOMENT: Final = 2.0
"""The same if the rates are those of the last ten seconds, which contain about six requests of one user."""
MIN_SHARE: Final = 0.2
"""Difference between two pauses as a share of the time for one request and one pause."""


@dataclass(frozen=True, slots=True)
class _Run:
    """The figures of all requests of a table."""

    requests: int
    rate: float
    mean: float
    """Seconds."""

    def pause(self, users: int) -> float:
        """Return the seconds that each user pauses."""
        return max(users / self.rate - self.mean, 0.0)


def changed_pauses(report: ParsedReport) -> Iterator[Spot]:
    """Yield the pairs of tables whose figures show another pause, or another number of users."""
    users = report.stated_users
    seen = set()
    for pair in report.pairs:
        tables = pair.before[0].table, pair.after[0].table
        lines = tables[0].line, tables[1].line
        before, after = map(_run, tables)
        if lines in seen or before is None or after is None:
            continue
        seen.add(lines)
        moment = "moment" in {table.rates for table in tables}
        counts = [users] if users is not None else _possible_users(before, after)
        if all(_differs(before, after, count, moment=moment) for count in counts):
            yield _spot(pair, before, after, users)


def _run(table: Table) -> _Run | None:
    rows = [table.total] if table.total is not None else table.rows if len(table.rows) == 1 else []
    for row in rows:
        if row.rate and row.average is not None and row.requests >= MIN_REQUESTS:
            return _Run(row.requests, row.rate, row.average / 1000)
    return None


def _possible_users(before: _Run, after: _Run) -> list[int]:
    """Return the smallest number of users that can send both rates, and a number so large that responses do not matter.

    A change that exists for both numbers exists for every number of users.
    """
    waiting = max(before.rate * before.mean, after.rate * after.mean)
    return [max(math.ceil(waiting), 1), 1_000_000]


def _differs(before: _Run, after: _Run, users: int, *, moment: bool) -> bool:
    short, long = sorted((before.pause(users), after.pause(users)))
    cycle = users / min(before.rate, after.rate)
    ratio = MIN_RATIO_MOMENT if moment else MIN_RATIO
    return long > ratio * short and long - short > MIN_SHARE * cycle


def _spot(pair: Pair, before: _Run, after: _Run, users: int | None) -> Spot:
    shown = [
        f"{run.requests} requests, {run.rate:.2f}/s, {milliseconds(1000 * run.mean)} each"
        for run in (before, after)
    ]
    if users is None:
        counted = "users paused for another time, or there were more or fewer of them"
    else:
        pauses = [f"{run.pause(users):.1f} s" for run in (before, after)]
        users_shown = "the user" if users == 1 else f"each of {users} users"
        counted = f"{users_shown} paused for {pauses[0]}, then for {pauses[1]}"
    return Spot(
        pair.after[0].whole.line,
        f"{pair.route}: before {shown[0]}, after {shown[1]}: {counted}",
        "workload-differs",
    )
