"""Work that is counted instead of timed: the same twice, on any machine.

Counted is all that the app's process does between a request and its answer, in whichever thread, and what it goes on
with after it: see `runner`. What is not counted is what a single instruction does in C (`sum(range(...))`): time has to
tell of that. How the work grows is taken from data of four sizes, each twice the one before: of a count that is
a + b n^k, (c4 - c3) / (c3 - c2) = 2^k, whatever a and b are.
"""

import math
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from festgate.lab.student.folder import ROUTES
from festgate.lab.verify.behaviour import Program
from festgate.lab.verify.inputs import EVENT, REGISTRATION, RequestStep, Statement, change
from festgate.lab.verify.requests import send_request
from festgate.lab.verify.sandbox import AppFailed, SandboxedApp

COUNTED: Final = ("instructions", "statements", "rows", "steps")
"""What decides. Calls of library functions are told besides: they are the framework's."""
SIZES: Final = (8, 16, 32, 64)
LINEAR: Final = {"instructions": 1.0, "statements": 0.0, "rows": 1.0, "steps": 1.0}
"""How the starter's work grows with the rows: each is shown once, by one statement."""
FASTER: Final = 0.5
"""Of an exponent: n log n shows as 1.2 at these sizes, n squared as 2."""
MIN_GROWTH: Final = {"instructions": 2.0, "statements": 0.0, "rows": 0.5, "steps": 2.0}
"""Of the last increment, for each row: less is a buffer that grew, or a number with one digit more."""
MARGIN: Final = 0.05
MIN_MORE: Final = {"instructions": 200, "statements": 1, "rows": 2, "steps": 100}
"""More of it than that is more; a sum in SQL has a few steps that a list of rows has not."""
QUIET: Final = 0.03
"""Seconds between two looks whether it is still at work."""
QUIET_LOOKS: Final = 3
"""That see nothing new, one after the other: on a machine that does much else a process may stand still for a while."""
SETTLED: Final = 3.0
"""Seconds after which it is not waited for any longer."""
WorkChange = Literal["less", "same", "more", "mixed", "unknown"]


@dataclass(frozen=True, slots=True)
class RequestCount:
    """Of one request."""

    counts: Mapping[str, int]
    raised: Mapping[str, int]
    capped: bool
    """Whether there were more instructions than are counted."""
    busy: bool
    """Whether it did not come to rest."""


@dataclass(frozen=True)
class Work:
    """Of one route."""

    route: str
    usual: RequestCount
    """With the data as it is handed out, and five registrations."""
    repeated: bool
    """Whether the same request took the same work again."""
    growth: Mapping[str, float] = field(default_factory=dict)
    """The exponent of each count; nothing where the work is more than is counted."""
    largest: Mapping[str, int] = field(default_factory=dict)
    """Of each at the largest size."""


ReportStep = Callable[[str], None]


def count_work(
    program: Program, routes: Sequence[str], seed: int, report: ReportStep = lambda _: None
) -> dict[str, Work]:
    """By the names of routes (`events`). Who asks is drawn from the seed. Raises AppFailed.

    Not the load's own user: what is only quick for them is not quicker.
    """
    found: dict[str, Work] = {}
    person = f"visitor{random.Random(seed).randrange(10**5, 10**6)}"  # noqa: S311  (has to repeat)
    with program.served(count=True) as (app, database):
        _put(database, _registrations(person, 5, 10))
        usual: dict[str, tuple[RequestCount, RequestCount]] = {}
        for name in routes:
            report(ROUTES[name])
            step = _step(name, person)
            # The first request compiles its template, and is told of no more where there are others.
            first = _count(app, step)
            usual[name] = (first, first) if first.capped else (_count(app, step), _count(app, step))
        grown: dict[str, list[RequestCount]] = {name: [] for name in routes}
        for size in SIZES:
            _put(database, _data(person, size))
            for name in routes:
                if not usual[name][0].capped and not any(each.capped for each in grown[name]):
                    report(f"{ROUTES[name]} with {size} events")
                    grown[name].append(_count(app, _step(name, person)))
    for name, (first, again) in usual.items():
        counts = grown[name]
        found[name] = Work(
            route=ROUTES[name],
            usual=first,
            repeated=_decisive(first.counts) == _decisive(again.counts),
            growth=_growth(counts),
            largest=dict(counts[-1].counts) if counts else {},
        )
    return found


def compare_work(before: Work, after: Work) -> WorkChange:
    """What became of the work of one request, and of how it grows."""
    if faster_growth(after):
        return "more"
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


def faster_growth(work: Work) -> list[str]:
    """The counts that grow faster than the starter's do, other than statements: one for each row is no other order."""
    return [
        name
        for name, exponent in work.growth.items()
        if name != "statements" and exponent >= LINEAR[name] + FASTER
    ]


def _is_more(name: str, first: Mapping[str, int], second: Mapping[str, int]) -> bool:
    return second[name] - first[name] >= max(MIN_MORE[name], MARGIN * first[name])


def _growth(counts: Sequence[RequestCount]) -> dict[str, float]:
    if len(counts) < 3:  # noqa: PLR2004  (two increments)
        return {}
    found = {}
    for name in COUNTED:
        *_, first, second, third = (each.counts[name] for each in counts)
        last = third - second
        rows = SIZES[len(counts) - 1] - SIZES[len(counts) - 2]
        if last < MIN_GROWTH[name] * rows:
            found[name] = 0.0
        elif second > first and last > 0:
            found[name] = round(math.log2(last / (second - first)), 2)
        else:
            found[name] = 0.0
    return found


def _count(app: SandboxedApp, step: RequestStep) -> RequestCount:
    app.begin()
    answer = send_request(app, step)
    if answer.status == 0:
        msg = f"While its work was counted, {step.told} got {answer.problem}"
        raise AppFailed(msg)
    until = time.monotonic() + SETTLED
    counts, raised = app.counted()
    still = 0
    while still < QUIET_LOOKS and time.monotonic() < until:
        time.sleep(QUIET)
        before = counts
        counts, raised = app.counted()
        still = still + 1 if _decisive(before) == _decisive(counts) else 0
    return RequestCount(
        counts, raised, counts["instructions"] >= app.limits.instructions, still < QUIET_LOOKS
    )


def _put(database: Path, statements: Sequence[Statement]) -> None:
    try:
        change(database, statements)
    except (sqlite3.Error, OSError) as error:
        msg = f"The database cannot be changed as the starter's can: {error}"
        raise AppFailed(msg) from None


def _decisive(counts: Mapping[str, int]) -> list[int]:
    return [counts[name] for name in COUNTED]


def _step(name: str, person: str) -> RequestStep:
    return RequestStep(ROUTES[name] if name == "checkout" else f"{ROUTES[name]}?user={person}")


def _registrations(person: str, own: int, others: int) -> list[Statement]:
    rows = [(person, number) for number in range(1, own + 1)]
    rows += [(f"person {number}", 1 + number % own) for number in range(others)]
    return [("DELETE FROM registrations", [()]), (REGISTRATION, rows)]


def _data(person: str, size: int) -> list[Statement]:
    """Of everything twice as much as of half the size. Names and fees have the same length at all sizes."""
    events = [(number, f"Event {1000 + number}", 100 + number % 7) for number in range(1, size + 1)]
    return [
        ("DELETE FROM events", [()]),
        (EVENT, events),
        *_registrations(person, size, 3 * size),
    ]


def counted_in_words(counts: Mapping[str, int], *, capped: bool) -> str:
    """`318 instructions, 1 statement, 9 rows, 64 steps of SQL`."""
    return ", ".join(_each(counts, capped=capped))


def _each(counts: Mapping[str, int], *, capped: bool) -> Iterator[str]:
    yield f"{'more than ' if capped else ''}{counts['instructions']:,} instructions"
    yield f"{counts['statements']:,} {'statement' if counts['statements'] == 1 else 'statements'}"
    yield f"{counts['rows']:,} {'row' if counts['rows'] == 1 else 'rows'}"
    yield f"{counts['steps']:,} steps of SQL"
