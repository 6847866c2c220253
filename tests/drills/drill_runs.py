"""Run drills for a test: a real portal, a real crowd, a few seconds each."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from festgate.drills.file import find_drill
from festgate.drills.impact import StepImpact
from festgate.drills.runner import DrillOptions, run_drills
from festgate.drills.verdict import Outcome
from tests.rig import command

LASTS = 2.0
"""Seconds of a fault, unless the drill needs more."""
QUIET = 3.0
RATE = 8.0
"""Journeys a second: enough for a 95th percentile, and half of what two cores can serve while other tests run."""


def run(
    names: Sequence[str],
    folder: Path,
    *,
    bulkheads: bool = True,
    rate: float = RATE,
    lasts: float = LASTS,
    database: str = "",
    seed: int | None = None,
) -> Mapping[str, Outcome]:
    """Run the drills and return their outcomes by name; drills that need the same portal share one."""
    options = DrillOptions(
        rate=rate,
        quiet=QUIET,
        lasts=lasts,
        bulkheads=bulkheads,
        database=database,
        runs=folder,
        seed=seed,
    )
    with command.forked():
        results = run_drills([find_drill(name) for name in names], options)
    return {outcome.drill.name: outcome for outcome in results.outcomes}


def leaks(outcome: Outcome) -> list[str]:
    """Return the leaks of a drill as sentences; none where it was contained."""
    return [outcome.refused, *(leak.what for leak in outcome.leaks)] if not outcome.contained else []


def step(outcome: Outcome, name: str) -> StepImpact:
    """Return the impact on one step."""
    return next(step for step in outcome.steps if step.step == name)
