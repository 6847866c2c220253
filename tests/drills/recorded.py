"""Recordings of drills, made up and a few seconds long, for the tests of the verdict and of the report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from festgate.drills.execution import Journal
from festgate.drills.file import find_drill
from festgate.drills.monitor import PageSample, ReadinessSample
from festgate.drills.plan import STEPS, Drill
from festgate.drills.portal import Readiness
from festgate.drills.stage import CheckResult
from festgate.drills.verdict import Outcome, judge
from festgate.rehearsal.http_client import HttpResponse
from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.runs.recording import SUFFIX, Sample, SamplesWriter
from festgate.rehearsal.runs.store import Run

BEGAN = 1_000_000.0
QUIET = (2.0, 12.0)
ARMED, ROLLED_BACK, ENDED = 15.0, 23.0, 26.0
"""Moments of the drill, in seconds of the run."""
USUAL = 0.010
RATE = 8
"""Requests of each step a second."""

Changed = Callable[[str, float], Mapping[str, object]]
"""A function from a step and a moment to the fields of the sample that differ from the usual ones."""


@dataclass(frozen=True)
class Recorded:
    """The recording of one drill."""

    journal: Journal
    run: Run

    def outcome(self, **changes: object) -> Outcome:
        """Return the verdict, with some fields of the journal changed."""
        return judge(replace(self.journal, **changes), self.run, (BEGAN + QUIET[0], BEGAN + QUIET[1]))  # type: ignore[arg-type]


def record(
    folder: Path,
    changed: Changed = lambda _step, _at: {},
    drill: Drill | str = "checkout-raises",
    *,
    noticed: float | None = 15.5,
    recovered: bool = True,
    pages: Sequence[PageSample] = (),
) -> Recorded:
    """Record eight requests a second of every step, each with a response in 10 ms unless it is changed."""
    folder.mkdir(parents=True)
    writer = SamplesWriter(folder / f"0{SUFFIX}")
    rng = np.random.default_rng(7)
    for at in np.arange(0.0, ENDED, 1 / RATE):
        for step in (step for steps in STEPS.values() for step in steps):
            usual: dict[str, object] = {
                "latency": USUAL * float(np.exp(0.2 * rng.standard_normal())),
                "status": 200,
                "failed": False,
            }
            fields = usual | dict(changed(step, float(at)))
            writer.add(
                Sample(
                    name=step,
                    intended=float(at),
                    start=float(at),
                    new_connection=False,
                    size=1000,
                    digest=1,
                    **fields,  # type: ignore[arg-type]
                )
            )
    writer.close()
    plan = Plan("whole_fest.py", "http://127.0.0.1:1", Rate(12.0), duration=300.0)
    run = Run(folder, plan, "cut", BEGAN, {"festgate": "1"}, {"build": "2"})
    run.save()
    chosen = find_drill(drill) if isinstance(drill, str) else drill
    readiness = [ReadinessSample(BEGAN + ARMED - 0.1, Readiness(ready=True, modules={"checkout": "well"}))]
    if noticed is not None:
        readiness.append(
            ReadinessSample(BEGAN + noticed, Readiness(ready=True, modules={"checkout": "resting"}))
        )
    consistent = CheckResult(clean=True, output="All invariants hold.")
    journal = Journal(
        drill=chosen,
        since=BEGAN + QUIET[0],
        armed=BEGAN + ARMED,
        rolled_back=BEGAN + ROLLED_BACK,
        ended=BEGAN + ENDED,
        recovered=BEGAN + ENDED if recovered else None,
        activities=[(BEGAN + ARMED, "a fault is armed"), (BEGAN + ROLLED_BACK, "it is disarmed")],
        before=consistent,
        after=consistent,
        readiness=readiness,
        pages=pages or [refusal()],
    )
    return Recorded(journal, run)


def is_faulted(at: float) -> bool:
    """Return whether the fault is armed at a moment of the run."""
    return ARMED <= at < ROLLED_BACK


def refusal() -> PageSample:
    """Return the refusal that a module promises: when to come back, and the navigation."""
    return PageSample(BEGAN + ARMED + 1.0, 0.01, HttpResponse(503, {"retry-after": "3"}, b"<nav>"))
