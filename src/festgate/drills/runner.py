"""Running drills: one portal and one crowd for all drills that need the same portal, then the verdicts."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Final

from festgate.drills.execution import Execution, Journal, Phase
from festgate.drills.plan import Crowd, Drill, Setup
from festgate.drills.portal import Portal
from festgate.drills.stage import Stage, temporary_stage
from festgate.drills.verdict import Outcome, judge
from festgate.rehearsal.runner.run import Second, StopRun, rehearse
from festgate.rehearsal.runner.servers import new_seed
from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.runs.store import Run

CROWDS: Final[Mapping[Crowd, Path]] = {
    "fest": Path(__file__).parent / "whole_fest.py",
    "tickets": Path(__file__).parent / "ticket_fest.py",
}
"""The journeys of each crowd."""
RATE: Final = 12.0
"""Journeys a second: enough for every step to be requested each second, and a tenth of what one core can serve."""
QUIET: Final = 8.0
"""Seconds of the window without a fault."""
MAX_USERS: Final = 100
"""Users at a time. More would sign up at once, which is slow on purpose, and would be a flood themselves."""


class DrillsNotRun(Exception):
    """No drill could be run. The message names the cause."""


@dataclass(frozen=True)
class DrillOptions:
    """The options of `festgate drill run`."""

    journey: str = ""
    """The journey of the crowd; empty for the crowd of each drill."""
    rate: float = RATE
    quiet: float = QUIET
    lasts: float | None = None
    """Seconds of each fault; None for the time in each drill file."""
    bulkheads: bool = True
    database: str = ""
    """The address of an empty PostgreSQL database for the temporary portal; empty for a file."""
    against: str = ""
    """The address of a portal that is already running; empty for a temporary one."""
    token: str = ""
    runs: Path = Path("festgate-runs")
    seed: int | None = None
    """The seed of the crowd, to repeat a run; None for a random one."""


@dataclass(frozen=True)
class DrillResults:
    """The outcomes of all drills."""

    outcomes: tuple[Outcome, ...]
    options: DrillOptions

    @property
    def contained(self) -> bool:
        """Return whether every drill was run, and none leaked."""
        return bool(self.outcomes) and all(outcome.contained for outcome in self.outcomes)


ShowProgress = Callable[[Phase, Second | None], None]


def run_drills(
    drills: Sequence[Drill], options: DrillOptions, show: ShowProgress = lambda _phase, _second: None
) -> DrillResults:
    """Run all drills; those that need the same portal share it, and one quiet window.

    A drill that leaves its portal unhealthy is the last on that portal; the next drill gets a new one. Raise
    DrillsNotRun, and what `rehearse` and `temporary_stage` raise; KeyboardInterrupt once everything is rolled back.
    """
    outcomes: dict[str, Outcome] = {}
    # A mail server makes no difference to the other drills, so they share a portal with those that need one.
    needs = attrgetter("setup.workers", "setup.crowd")
    for (count, crowd), group in groupby(sorted(drills, key=needs), needs):
        waiting = list(group)
        setup = Setup(count, mail=any(drill.setup.mail for drill in waiting), crowd=crowd)
        while waiting:
            journals, run, quiet = _run_on_one_stage(setup, waiting, options, show)
            if not journals:
                msg = "The load test ended before the first drill began."
                raise DrillsNotRun(msg)
            for journal in journals:
                outcomes[journal.drill.name] = judge(journal, run, quiet)
            waiting = waiting[len(journals) :]
    return DrillResults(tuple(outcomes[drill.name] for drill in drills), options)


def _run_on_one_stage(
    setup: Setup, drills: Sequence[Drill], options: DrillOptions, show: ShowProgress
) -> tuple[list[Journal], Run, tuple[float, float]]:
    """Return the journals of the drills that were run, the run with all requests, and the quiet window's times."""
    if options.against:
        portal = Portal(options.against, options.token)
        portal.armed()
        opened: AbstractContextManager[Stage] = nullcontext(Stage(portal))
    else:
        opened = temporary_stage(setup, bulkheads=options.bulkheads, database=options.database)
    with opened as stage:
        current = Phase("The crowd arrives", 0, 0.0)

        def show_phase(phase: Phase) -> None:
            nonlocal current
            current = phase
            show(phase, None)

        execution = Execution(stage, drills, options.quiet, options.lasts, show_phase)

        def watch(second: Second) -> None:
            execution.start()
            show(current, second)
            if execution.finished.is_set():
                raise StopRun

        plan = Plan(
            journey=options.journey or str(CROWDS[setup.crowd]),
            host=stage.portal.url,
            load=Rate(options.rate, most_users=MAX_USERS),
            duration=execution.max_seconds + 60.0,
            seed=new_seed() if options.seed is None else options.seed,
            label="drill",
        )
        try:
            run = rehearse(plan, options.runs, on_second=watch, server=stage.server)
        finally:
            execution.stop()
        if execution.error is not None:
            raise execution.error
        journals = execution.journals
        if not journals or (not journals[-1].ended and not journals[-1].refused):
            raise KeyboardInterrupt
        return journals, run, execution.quiet
