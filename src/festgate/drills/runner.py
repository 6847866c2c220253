"""Playing drills: a stage and a crowd for all that want the same portal, then the verdicts."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from festgate.drills.execution import Act, Conductor, Phase
from festgate.drills.plan import Drill, Setup
from festgate.drills.portal import Portal
from festgate.drills.stage import Stage, scratch
from festgate.drills.verdict import Outcome, judge
from festgate.rehearsal.runner.run import Second, StopRun, rehearse
from festgate.rehearsal.runner.servers import new_seed
from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.runs.store import Run

WHOLE_FEST: Final = Path(__file__).parent / "whole_fest.py"
RATE: Final = 12.0
"""Journeys a second: enough that every step is asked for each second, and a tenth of what one core can do."""
QUIET: Final = 8.0
"""Seconds of the window without a fault."""
MAX_USERS: Final = 100
"""On their way at once. More would first sign up, which is slow on purpose, and so be a flood of their own."""


class Undone(Exception):
    """No drill could be played; the sentence says why."""


@dataclass(frozen=True)
class Given:
    """What whoever runs drills has chosen."""

    journey: str = str(WHOLE_FEST)
    rate: float = RATE
    quiet: float = QUIET
    lasts: float | None = None
    """Seconds of each fault; None for what each file says."""
    bulkheads: bool = True
    database: str = ""
    """The address of an empty PostgreSQL database for the scratch portal; empty for a file."""
    against: str = ""
    """The address of a portal that runs already; empty for a scratch one."""
    token: str = ""
    runs: Path = Path("festgate-runs")


@dataclass(frozen=True)
class Drilled:
    """What came of it all."""

    outcomes: tuple[Outcome, ...]
    given: Given

    @property
    def contained(self) -> bool:
        """Whether every drill was played, and none leaked."""
        return bool(self.outcomes) and all(outcome.contained for outcome in self.outcomes)


Tell = Callable[[Phase, Second | None], None]


def play(drills: Sequence[Drill], given: Given, tell: Tell = lambda _phase, _second: None) -> Drilled:
    """Play all of them, those that want the same portal on one stage and beside one quiet window.

    A drill that leaves its portal unwell is the last on that stage; those after it get a new one. Raises Undone, and
    what `rehearse` and `scratch` raise; KeyboardInterrupt once everything is rolled back.
    """
    found: dict[str, Outcome] = {}
    for setup, group in _by_setup(drills):
        waiting = list(group)
        while waiting:
            acts, run, quiet = _on_stage(setup, waiting, given, tell)
            if not acts:
                msg = "The crowd ended before the first drill began."
                raise Undone(msg)
            for act in acts:
                found[act.drill.name] = judge(act, run, quiet)
            waiting = waiting[len(acts) :]
    return Drilled(tuple(found[drill.name] for drill in drills), given)


def _by_setup(drills: Sequence[Drill]) -> Iterator[tuple[Setup, Iterator[Drill]]]:
    # One more worker or a mail server harms no drill, so the fewest stages are those that differ in their workers.
    def key(drill: Drill) -> int:
        return drill.setup.workers

    for workers, group in groupby(sorted(drills, key=key), key):
        those = list(group)
        yield Setup(workers, any(drill.setup.mail for drill in those)), iter(those)


def _on_stage(
    setup: Setup, drills: Sequence[Drill], given: Given, tell: Tell
) -> tuple[list[Act], Run, tuple[float, float]]:
    """Those that were played, the run with all their requests, and when its quiet window was."""
    opened: AbstractContextManager[Stage]
    if given.against:
        portal = Portal(given.against, given.token)
        portal.armed()
        opened = nullcontext(Stage(portal))
    else:
        opened = scratch(setup, bulkheads=given.bulkheads, database=given.database)
    with opened as stage:
        now: list[Phase] = [Phase("The crowd comes", 0, 0.0)]

        def told(phase: Phase) -> None:
            now[0] = phase
            tell(phase, None)

        conductor = Conductor(stage, drills, given.quiet, given.lasts, told)

        def each_second(second: Second) -> None:
            conductor.start()
            tell(now[0], second)
            if conductor.finished.is_set():
                raise StopRun

        plan = Plan(
            journey=given.journey,
            host=stage.portal.url,
            load=Rate(given.rate, most_users=MAX_USERS),
            duration=conductor.longest + 60.0,
            seed=new_seed(),
            label="drill",
        )
        try:
            run = rehearse(plan, given.runs, on_second=each_second, server=stage.server)
        finally:
            conductor.stop()
        if conductor.error is not None:
            raise conductor.error
        if not conductor.acts or (not conductor.acts[-1].ended and not conductor.acts[-1].refused):
            raise KeyboardInterrupt
        return conductor.acts, run, conductor.quiet
