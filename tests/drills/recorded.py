"""Drills as they would have been recorded, of a few seconds: for what is judged and shown of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from festgate.drills.execution import Act
from festgate.drills.file import find_drill
from festgate.drills.monitor import Look, Visit
from festgate.drills.plan import STEPS, Drill
from festgate.drills.portal import Answer, Readiness
from festgate.drills.stage import Checked
from festgate.drills.verdict import Outcome, judge
from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.runs.recording import SUFFIX, Sample, SamplesWriter
from festgate.rehearsal.runs.store import Run

BEGAN = 1_000_000.0
QUIET = (2.0, 12.0)
ARMED, UNDONE, ENDED = 15.0, 23.0, 26.0
"""Seconds of the run."""
USUAL = 0.010
RATE = 8
"""Requests of each step a second."""

Changed = Callable[[str, float], Mapping[str, object]]
"""What is other about a step's request at a moment: fields of a sample."""


@dataclass(frozen=True)
class Recorded:
    """One drill's recording, to be judged."""

    act: Act
    run: Run

    def outcome(self, **changes: object) -> Outcome:
        """Judged, with other facts about what was seen."""
        return judge(replace(self.act, **changes), self.run, (BEGAN + QUIET[0], BEGAN + QUIET[1]))  # type: ignore[arg-type]


def record(
    folder: Path,
    changed: Changed = lambda _step, _at: {},
    drill: Drill | str = "checkout-raises",
    *,
    noticed: float | None = 15.5,
    recovered: bool = True,
    visits: Sequence[Visit] = (),
) -> Recorded:
    """Every step of every module is asked for eight times a second, and answered in 10 ms where nothing is changed."""
    folder.mkdir(parents=True)
    writer = SamplesWriter(folder / f"0{SUFFIX}")
    chance = np.random.default_rng(7)
    for at in np.arange(0.0, ENDED, 1 / RATE):
        for step in (step for steps in STEPS.values() for step in steps):
            usual: dict[str, object] = {
                "latency": USUAL * float(np.exp(0.2 * chance.standard_normal())),
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
    looks = [Look(BEGAN + ARMED - 0.1, Readiness(ready=True, modules={"checkout": "well"}))]
    if noticed is not None:
        looks.append(Look(BEGAN + noticed, Readiness(ready=True, modules={"checkout": "resting"})))
    sound = Checked(clean=True, said="All invariants hold.")
    act = Act(
        drill=chosen,
        since=BEGAN + QUIET[0],
        armed=BEGAN + ARMED,
        undone=BEGAN + UNDONE,
        ended=BEGAN + ENDED,
        recovered=BEGAN + ENDED if recovered else None,
        done=[(BEGAN + ARMED, "it is broken"), (BEGAN + UNDONE, "it is mended")],
        before=sound,
        after=sound,
        looks=looks,
        visits=visits or [polite()],
    )
    return Recorded(act, run)


def struck(at: float) -> bool:
    """Whether the fault is there at a moment of the run."""
    return ARMED <= at < UNDONE


def polite() -> Visit:
    """A visitor who was told when to come back, on a page with the navigation."""
    return Visit(BEGAN + ARMED + 1.0, 0.01, Answer(503, {"retry-after": "3"}, b"<nav>"))
