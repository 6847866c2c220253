"""Drills played for a file of tests: a real portal, a real crowd, a few seconds each."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from festgate.drills.file import find_drill
from festgate.drills.impact import StepHarm
from festgate.drills.runner import Given, play
from festgate.drills.verdict import Outcome

LASTS = 2.0
"""Seconds of a fault, where the drill does not need more."""
QUIET = 3.0
RATE = 8.0
"""Journeys a second: enough for a 95th percentile, and half of what two cores bear while other tests run beside."""


def played(
    names: Sequence[str],
    folder: Path,
    *,
    bulkheads: bool = True,
    rate: float = RATE,
    lasts: float = LASTS,
    database: str = "",
) -> Mapping[str, Outcome]:
    """Each one's outcome, by name; those that want the same portal have been played on one."""
    given = Given(rate=rate, quiet=QUIET, lasts=lasts, bulkheads=bulkheads, database=database, runs=folder)
    drilled = play([find_drill(name) for name in names], given)
    return {outcome.drill.name: outcome for outcome in drilled.outcomes}


def leaks(outcome: Outcome) -> list[str]:
    """What came out, in sentences; empty where the drill was contained."""
    return [outcome.refused, *(leak.what for leak in outcome.leaks)] if not outcome.contained else []


def step(outcome: Outcome, name: str) -> StepHarm:
    """What became of one step's requests."""
    return next(each for each in outcome.steps if each.step == name)
