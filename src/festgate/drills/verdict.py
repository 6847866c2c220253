"""What a drill harmed, and whether it was contained.

Latency is compared by the rehearsal's own comparison: the window of the fault and the quiet window before it are two
runs of one load, cut out of the same recording.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from festgate.drills.execution import Act
from festgate.drills.impact import (
    P95,
    Others,
    State,
    StepHarm,
    cells,
    cut_off,
    names_of,
    only_of,
    others_of,
    overlapping,
    put_off,
    slow,
    step_harm,
)
from festgate.drills.monitor import RESTING
from festgate.drills.plan import Drill
from festgate.rehearsal.runs.samples import Flags, Samples
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.verdict.comparison import compare
from festgate.rehearsal.verdict.findings import LoadFinding

_FLAGS: Final = frozenset({"generator-saturated", "sent-late"})


@dataclass(frozen=True, slots=True)
class Leak:
    """One way in which the trouble came out."""

    what: str
    """For an organiser: `POST /register failed 12 times`."""
    remedy: str


@dataclass(frozen=True)
class Outcome:
    """What one drill came to. Moments are seconds of the run; None where something did not happen."""

    drill: Drill
    act: Act
    run: Run
    refused: str
    armed: float
    undone: float
    ended: float
    noticed: float | None
    contained_at: float | None
    """From when on nobody but those of the struck module was harmed; None where somebody still was at the end."""
    recovered: float | None
    steps: tuple[StepHarm, ...]
    others: Others
    leaks: tuple[Leak, ...]
    findings: tuple[LoadFinding, ...]
    """What the rehearsal's comparison says about how far its figures are to be trusted."""
    cells: Mapping[str, tuple[State, ...]]
    """For each step, each half second from two seconds before the fault to the end."""
    cells_begin: float

    @property
    def contained(self) -> bool:
        """Whether nothing leaked."""
        return not self.refused and not self.leaks

    def after(self, moment: float | None) -> float | None:
        """Seconds from the fault to a moment."""
        return None if moment is None else max(0.0, moment - self.armed)


def judge(act: Act, run: Run, quiet: tuple[float, float]) -> Outcome:
    """The outcome of one drill. Raises ValueError where the run's samples are damaged."""
    drill, began = act.drill, run.began
    armed, undone, ended = (moment - began for moment in (act.armed, act.undone, act.ended))
    every = run.samples()
    steady = every.between(quiet[0] - began, quiet[1] - began)
    if act.refused:
        return _not_played(act, run)
    ours = every.only(every.start >= act.since - began)
    during = overlapping(ours, armed, ended)
    steps = tuple(step_harm(name, drill, during, steady) for name in names_of(during, steady))
    spared = [name for name in during.names if not drill.may_harm(name)]
    prompt = [name for name in spared if name not in drill.tolerance.waiting]
    window = (armed + drill.tolerance.contained, undone)
    others = others_of(only_of(every.between(*window), prompt), only_of(steady, prompt), act.busy)
    noticed = _noticed(act, during, armed, undone)
    contained_at = _contained_at(
        drill, only_of(during, spared), only_of(steady, spared), others, armed, ended
    )
    recovered = _recovered(act, began)
    bare = Outcome(
        drill=drill,
        act=act,
        run=run,
        refused="",
        armed=armed,
        undone=undone,
        ended=ended,
        noticed=noticed,
        contained_at=contained_at,
        recovered=recovered,
        steps=steps,
        others=others,
        leaks=(),
        findings=_findings(run, window, (quiet[0] - began, quiet[1] - began)),
        cells=cells(ours, steady, armed - 2.0, ended),
        cells_begin=armed - 2.0,
    )
    return replace(bare, leaks=tuple(_leaks(bare)))


def _not_played(act: Act, run: Run) -> Outcome:
    return Outcome(
        drill=act.drill,
        act=act,
        run=run,
        refused=act.refused,
        armed=0.0,
        undone=0.0,
        ended=0.0,
        noticed=None,
        contained_at=None,
        recovered=None,
        steps=(),
        others=Others(0, 0, math.nan, math.nan, 0, slower=False, why_not=""),
        leaks=(),
        findings=(),
        cells={},
        cells_begin=0.0,
    )


def _noticed(act: Act, during: Samples, armed: float, undone: float) -> float | None:
    """When the portal said by itself that something is wrong: /readyz, or the first 503 of what is struck."""
    began = act.armed - armed
    moments = [look.at - began for look in act.looks if not look.readiness.ready or look.readiness.ill()]
    told = only_of(during, filter(act.drill.may_harm, during.names))
    told = told.only(put_off(told))
    moments += (told.start + told.latency).tolist()
    moments += [look.at - began for look in act.looks if act.struck and not set(act.struck) & look.workers]
    moments += [visit.began + visit.seconds - began for visit in act.visits if visit.answer.status == RESTING]
    return min((moment for moment in moments if armed <= moment <= undone + 1.0), default=None)


def _recovered(act: Act, began: float) -> float | None:
    """When it was as before: that a worker's place is taken may be before the drill looks, at its end."""
    if act.recovered is None or not act.struck:
        return None if act.recovered is None else act.recovered - began
    gone = set(act.struck)
    lasting = act.recovered
    for look in reversed(act.looks):
        if (
            look.at < act.armed
            or gone & look.workers
            or len(look.workers) < act.workers
            or not look.readiness.ready
        ):
            break
        lasting = min(lasting, look.at)
    return lasting - began


def _contained_at(
    drill: Drill, spared: Samples, steady: Samples, others: Others, armed: float, ended: float
) -> float | None:
    """The last moment at which somebody else was harmed; the fault's own where nobody was."""
    harmed = spared.failed & ~_forgiven(drill, spared)
    late = slow(spared, steady)
    ends = (spared.start + spared.latency)[harmed]
    last = float(ends.max()) if len(ends) else armed
    if others.slower:
        return None
    # One slow answer in twenty is what a 95th percentile is; a second in which most are slow is a stall.
    second = np.floor(spared.intended - armed).astype(np.int64)
    for number in np.unique(second[second >= 0]):
        mine = second == number
        if late[mine].sum() > max(1, mine.sum() / 2):
            last = max(last, armed + float(number) + 1.0)
    return last if last < ended else None


def _forgiven(drill: Drill, samples: Samples) -> Flags:
    """Failures of steps that may not be harmed, which the drill expects nevertheless."""
    return cut_off(samples) if drill.tolerance.manner == "cut" else np.zeros(len(samples), np.bool_)


def _leaks(outcome: Outcome) -> list[Leak]:
    drill, act = outcome.drill, outcome.act
    tolerance = drill.tolerance
    struck = tolerance.struck or "what was struck"
    found = [_harmed(step, drill) for step in outcome.steps]
    leaks = [leak for leak in found if leak is not None]
    if outcome.others.slower:
        leaks.append(
            Leak(
                f"Everybody else waited {outcome.others.ratio:.1f} times as long as in the quiet window.",
                "Look in the picture at when; what holds the process or the database keeps everybody waiting.",
            )
        )
    noticed = outcome.after(outcome.noticed)
    if tolerance.noticed is not None and (noticed is None or noticed > tolerance.noticed + 0.5):
        said = "never said" if noticed is None else f"said only after {noticed:.1f} s"
        leaks.append(
            Leak(
                f"The portal {said} that {struck} is not well; {tolerance.noticed:g} s were allowed.",
                "Who watches /readyz would not have known. Is the bulkhead switched on?",
            )
        )
    leaks += _rude(outcome)
    if act.astray:
        leaks.append(
            Leak(
                f"{tolerance.recovered:g} s after everything was undone it was not as before: {act.astray}.",
                "It has to come back by itself. The portal's log says what it waits for.",
            )
        )
    if act.after is not None and not act.after.clean:
        leaks.append(
            Leak(
                f"The data is not sound any more: {act.after.said}",
                "Something was lost or done twice. This is the worst outcome: mend it before anything else.",
            )
        )
    return leaks


def _harmed(step: StepHarm, drill: Drill) -> Leak | None:
    manner = drill.tolerance.manner
    if not step.tolerated:
        lost = 0 if manner == "cut" else step.cut
        kinds = Counter(
            {
                "an error": step.errors,
                '"come back later"': step.resting,
                "a page without what they came for": step.unfinished,
                "no answer": lost,
            }
        )
        if not kinds.total():
            return None
        told = ", ".join(f"{kind} {times} times" for kind, times in kinds.items() if times)
        return Leak(
            f"{step.step} is not part of what was struck, and its people got {told} of {step.requests}.",
            "Look in the portal's log for what these requests shared with what was struck.",
        )
    if manner == "any" or not step.errors + step.cut:
        return None
    kinds = Counter({"an error": step.errors, "no answer at all": step.cut})
    told = " and ".join(f"{kind} {times} times" for kind, times in kinds.items() if times)
    return Leak(
        f"Whoever asked for {step.step} got {told}, where a page that says when to come back was promised.",
        "A bulkhead ends such a request with a 503 of the module's own.",
    )


def _rude(outcome: Outcome) -> list[Leak]:
    """Answers to the witness which were neither the page nor the module's own refusal."""
    manner, visits = outcome.drill.tolerance.manner, outcome.act.visits
    bad = [visit for visit in visits if not visit.polite]
    if manner in ("any", "cut") or not bad:
        return []
    worst = max(bad, key=lambda visit: visit.seconds).answer.status
    said = f"HTTP {worst} without a way onward" if worst else "no answer"
    return [
        Leak(
            f"A visitor of the struck page got {said}, {len(bad)} of {len(visits)} times.",
            "The page has to say when to come back (Retry-After), with the navigation intact.",
        )
    ]


def _findings(run: Run, window: tuple[float, float], quiet: tuple[float, float]) -> tuple[LoadFinding, ...]:
    """What the rehearsal's comparison has to say of the two windows as two runs of one load."""

    def cut_out(begin: float, end: float) -> Run:
        return replace(run, plan=replace(run.plan, warm_up=begin, duration=max(end - begin, 0.1)))

    comparison = compare([cut_out(*quiet)], [cut_out(*window)], [P95], interleaved=False)
    said = (*comparison.refusals, *comparison.flags)
    return tuple(finding for finding in said if finding.code in _FLAGS)
