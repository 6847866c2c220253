"""Count the work of a request instead of timing it: counts repeat on any machine.

`runner` counts what all threads of the app's process do between a request and its response, and afterwards. One
instruction that does much in C (`sum(range(...))`) counts as one: only the timing shows that. The growth of the work is
measured with data of four sizes, each twice the size before: for a count of a + b n^k, (c4 - c3) / (c3 - c2) = 2^k,
whatever a and b are.
"""

import math
import random
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from festgate.lab.description.starter import Starter
from festgate.lab.verify.behaviour import Program, ReportStep
from festgate.lab.verify.inputs import RequestStep
from festgate.lab.verify.requests import send_request
from festgate.lab.verify.sandbox import AppFailed, SandboxedApp
from festgate.lab.verify.tables import Statement, Tables, change

COUNTED: Final = ("instructions", "statements", "rows", "steps")
"""The counts that decide. Calls of library functions do not: they belong to the framework."""
SIZES: Final = (8, 16, 32, 64)
LINEAR: Final = {"instructions": 1.0, "statements": 0.0, "rows": 1.0, "steps": 1.0}
"""The exponents of the starter's growth with the rows: one statement reads them, and each is shown once."""
MIN_FASTER_GROWTH: Final = 0.5
"""Difference of exponents that counts as faster growth: at these sizes n log n has the exponent 1.2, n squared 2."""
MIN_GROWTH: Final = {"instructions": 2.0, "statements": 0.0, "rows": 0.5, "steps": 2.0}
"""Minimum increment per row from the third to the fourth size: a smaller one comes from a buffer or one more digit."""
MAX_EVENTS: Final = 10**7
"""Events beyond which no fest has to be fast."""
MARGIN: Final = 0.05
MIN_MORE: Final = {"instructions": 200, "statements": 1, "rows": 2, "steps": 100}
"""Minimum difference that counts as more: a sum in SQL takes a few more steps than a list of rows."""
IDLE_POLL: Final = 0.03
"""Seconds between two checks whether the app still works."""
IDLE_POLLS: Final = 3
"""Consecutive checks without new counts: on a busy machine a process may pause for a while."""
IDLE_TIMEOUT: Final = 3.0
"""Seconds to wait for the app to become idle."""
WorkChange = Literal["less", "same", "more", "mixed", "unknown"]


@dataclass(frozen=True, slots=True)
class RequestCount:
    """The counts of one request."""

    counts: Mapping[str, int]
    raised: Mapping[str, int]
    capped: bool
    """Whether counting stopped at the limit of instructions."""
    busy: bool
    """Whether the app did not become idle."""


@dataclass(frozen=True)
class Work:
    """The work of one route."""

    route: str
    usual: RequestCount
    """With the starter's data and five registrations."""
    repeated: bool
    """Whether a second request had the same counts."""
    growth: Mapping[str, float] = field(default_factory=dict)
    """The exponent of each count; empty when counting stopped at the limit."""
    by_size: Sequence[Mapping[str, int]] = ()
    """The counts at each of SIZES, until counting stopped at the limit."""


def count_work(
    program: Program,
    tables: Tables,
    routes: Sequence[str],
    seed: int,
    report: ReportStep = lambda _: None,
) -> dict[str, Work]:
    """Count the work of routes (`events`), for a person drawn from the seed. Raises AppFailed.

    The person is not the load's user: a page that is fast only for that user is not faster.
    """
    person = f"visitor{random.Random(seed).randrange(10**5, 10**6)}"  # noqa: S311  (has to repeat)
    with program.served(count=True) as (app, database):
        _put(database, _registrations(tables, person, [number for number, _, _ in tables.programme][:5], 10))
        usual: dict[str, tuple[RequestCount, RequestCount]] = {}
        for name in routes:
            report(program.starter.paths[name])
            step = _step(program.starter, name, person)
            # The first request compiles the template; its counts are kept only when they reach the limit.
            first = _count(app, step)
            usual[name] = (first, first) if first.capped else (_count(app, step), _count(app, step))
        by_size: dict[str, list[RequestCount]] = {name: [] for name in routes}
        for size in SIZES:
            _put(database, _data(tables, person, size))
            for name in routes:
                if not usual[name][0].capped and not any(count.capped for count in by_size[name]):
                    report(f"{program.starter.paths[name]} with {size} events")
                    by_size[name].append(_count(app, _step(program.starter, name, person)))
    return {
        name: Work(
            route=program.starter.paths[name],
            usual=first,
            repeated=_decisive(first.counts) == _decisive(again.counts),
            growth=_growth(by_size[name]),
            by_size=[count.counts for count in by_size[name]],
        )
        for name, (first, again) in usual.items()
    }


def compare_work(before: Work, after: Work) -> WorkChange:
    """Compare the work of one request with the starter's data."""
    if before.usual.capped and after.usual.capped:
        return "unknown"
    if after.usual.capped:
        return "more"
    more = [name for name in COUNTED if _is_more(name, before.usual.counts, after.usual.counts)]
    less = before.usual.capped or any(
        _is_more(name, after.usual.counts, before.usual.counts) for name in COUNTED
    )
    if more:
        return "mixed" if less else "more"
    return "less" if less else "same"


def faster_growth(before: Work, after: Work) -> list[str]:
    """Return the counts that grow faster than the starter's; one statement for each row is not a higher order."""
    return [
        name
        for name, exponent in after.growth.items()
        if name != "statements"
        and exponent >= max(LINEAR[name], before.growth.get(name, 0.0)) + MIN_FASTER_GROWTH
    ]


def slower_from(before: Work, after: Work) -> int:
    """Estimate the number of events from which the submission does more work than the starter; 0 if there is none.

    Instructions and SQL steps are added up: both take some ten nanoseconds. Where the starter's count stopped at the
    limit, it is more than the estimate.
    """
    low, high = SIZES[0], SIZES[0]
    while _total(after, high) <= _total(before, high):
        low, high = high, 2 * high
        if high > MAX_EVENTS:
            return 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _total(after, middle) > _total(before, middle) else (middle, high)
    # Two digits: the growth is measured at four sizes only.
    return round(high, 2 - len(str(high)))


def _total(work: Work, events: int) -> float:
    return sum(_extrapolated(work, name, events) for name in ("instructions", "steps"))


def _extrapolated(work: Work, name: str, events: int) -> float:
    """Continue the counts a + b n^k of the two largest sizes."""
    exponent = work.growth.get(name, 0.0)
    if exponent <= 0 or len(work.by_size) < 2:  # noqa: PLR2004  (two points)
        return (work.by_size[-1] if work.by_size else work.usual.counts)[name]
    first, second = (counts[name] for counts in work.by_size[-2:])
    least, largest = (math.pow(size, exponent) for size in SIZES[: len(work.by_size)][-2:])
    return second + (second - first) * (math.pow(events, exponent) - largest) / (largest - least)


def _is_more(name: str, first: Mapping[str, int], second: Mapping[str, int]) -> bool:
    return second[name] - first[name] >= max(MIN_MORE[name], MARGIN * first[name])


def _growth(counts: Sequence[RequestCount]) -> dict[str, float]:
    complete = [count for count in counts if not count.capped]
    # A count that stopped at the limit is lower than the real one.
    counts = complete if len(complete) > 2 else counts  # noqa: PLR2004
    if len(counts) < 3:  # noqa: PLR2004  (two increments)
        return {}
    growth = {}
    for name in COUNTED:
        *_, first, second, third = (count.counts[name] for count in counts)
        last = third - second
        rows = SIZES[len(counts) - 1] - SIZES[len(counts) - 2]
        if last < MIN_GROWTH[name] * rows:
            growth[name] = 0.0
        elif second > first and last > 0:
            growth[name] = round(math.log2(last / (second - first)), 2)
        else:
            growth[name] = 0.0
    return growth


def _count(app: SandboxedApp, step: RequestStep) -> RequestCount:
    app.begin()
    response = send_request(app, step)
    if response.status == 0:
        msg = f"While its work was counted, {step.description} got {response.problem.removesuffix('.')}."
        raise AppFailed(msg)
    until = time.monotonic() + IDLE_TIMEOUT
    counts, raised = app.counted()
    idle = 0
    while idle < IDLE_POLLS and time.monotonic() < until:
        time.sleep(IDLE_POLL)
        before = counts
        counts, raised = app.counted()
        idle = idle + 1 if _decisive(before) == _decisive(counts) else 0
    return RequestCount(counts, raised, counts["instructions"] >= app.limits.instructions, idle < IDLE_POLLS)


def _put(database: Path, statements: Sequence[Statement]) -> None:
    try:
        change(database, statements)
    except (sqlite3.Error, OSError) as error:
        msg = f"The test data could not be written to its database ({error})."
        raise AppFailed(msg) from None


def _decisive(counts: Mapping[str, int]) -> list[int]:
    return [counts[name] for name in COUNTED]


def _step(starter: Starter, name: str, person: str) -> RequestStep:
    return RequestStep(starter.paths[name] if name == "checkout" else starter.page(name, person))


def _registrations(tables: Tables, person: str, events: Sequence[int], others: int) -> list[Statement]:
    rows = [(person, number) for number in events]
    rows += [(f"person {number}", events[number % len(events)]) for number in range(others)]
    return [tables.registrations.clear(), tables.registrations.insert(rows)]


def _data(tables: Tables, person: str, size: int) -> list[Statement]:
    """Make data in proportion to `size`. Names have the same length at all sizes, and fees are the starter's."""
    fees = [fee for _, _, fee in tables.programme][: SIZES[0]]
    # Their number divides all sizes, so that the sum of the fees is proportional, too.
    fees = fees[: 1 << (len(fees).bit_length() - 1)]
    events = [(number, f"Event {1000 + number}", fees[number % len(fees)]) for number in range(1, size + 1)]
    return [
        tables.events.clear(),
        tables.events.insert(events),
        *_registrations(tables, person, range(1, size + 1), 3 * size),
    ]


def counted_in_words(counts: Mapping[str, int], *, capped: bool) -> str:
    """Write the counts as `318 instructions, 1 statement, 9 rows, 64 SQL steps`."""
    return ", ".join(_counts_in_words(counts, capped=capped))


def _counts_in_words(counts: Mapping[str, int], *, capped: bool) -> Iterator[str]:
    yield f"{'more than ' if capped else ''}{counts['instructions']:,} instructions"
    yield f"{counts['statements']:,} {'statement' if counts['statements'] == 1 else 'statements'}"
    yield f"{counts['rows']:,} {'row' if counts['rows'] == 1 else 'rows'}"
    yield f"{counts['steps']:,} SQL steps"
