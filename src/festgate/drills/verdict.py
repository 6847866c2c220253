"""The verdict on a drill: its impact, and whether the fault was contained.

The rehearsal's own comparison judges the latency: the window of the fault and the quiet window before it count as two
runs of one load, cut out of the same recording.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from festgate.drills import impact
from festgate.drills.execution import Journal
from festgate.drills.impact import Others, State, StepImpact, only_of
from festgate.drills.monitor import UNAVAILABLE
from festgate.drills.plan import Drill, Manner
from festgate.rehearsal.runs.samples import Samples
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.verdict.comparison import compare
from festgate.rehearsal.verdict.findings import LoadFinding

_FLAGS: Final = frozenset({"generator-saturated", "sent-late"})


@dataclass(frozen=True, slots=True)
class Leak:
    """An impact that the drill does not allow."""

    what: str
    """A sentence for organisers."""
    remedy: str


@dataclass(frozen=True)
class Outcome:
    """The result of one drill. Moments are seconds of the run; None if something did not happen.

    A drill that was refused has only its journal and its run.
    """

    journal: Journal
    run: Run
    armed: float = 0.0
    rolled_back: float = 0.0
    noticed: float | None = None
    contained_at: float | None = None
    """When the last impact outside the allowed blast radius ended; None if it had not at the end."""
    recovered: float | None = None
    steps: tuple[StepImpact, ...] = ()
    others: Others = field(default_factory=Others)
    leaks: tuple[Leak, ...] = ()
    findings: tuple[LoadFinding, ...] = ()
    """The comparison's reservations about the quality of the measurement."""
    cells: Mapping[str, tuple[State, ...]] = field(default_factory=dict)
    """The state of each step in each half second, from `cells_begin` to the end."""
    cells_begin: float = 0.0

    @property
    def drill(self) -> Drill:
        """The drill that was run, or refused."""
        return self.journal.drill

    @property
    def refused(self) -> str:
        """Why the drill was not run; empty if it was."""
        return self.journal.refused

    @property
    def outside(self) -> tuple[StepImpact, ...]:
        """The steps outside the allowed blast radius."""
        return tuple(step for step in self.steps if not step.tolerated)

    @property
    def contained(self) -> bool:
        """Return whether nothing leaked."""
        return not self.refused and not self.leaks

    def after(self, moment: float | None) -> float | None:
        """Return the seconds from the fault to a moment."""
        return None if moment is None else max(0.0, moment - self.armed)


def judge(journal: Journal, run: Run, quiet: tuple[float, float]) -> Outcome:
    """Return the outcome of one drill. Raise ValueError if the run's samples are damaged."""
    drill, began = journal.drill, run.began
    if journal.refused:
        return Outcome(journal, run)
    armed, rolled_back, ended = (
        moment - began for moment in (journal.armed, journal.rolled_back, journal.ended)
    )
    samples = run.samples()
    steady = samples.between(quiet[0] - began, quiet[1] - began)
    own = samples.only(samples.start >= journal.since - began)
    during = impact.overlapping(own, armed, ended)
    steps = tuple(impact.step_impact(name, drill, during, steady) for name in impact.names_of(during, steady))
    outside = [name for name in during.names if not drill.may_affect(name)]
    prompt = [name for name in outside if name not in drill.tolerance.may_wait]
    window = (armed + drill.tolerance.contained_within, rolled_back)
    others = impact.others_of(
        only_of(samples.between(*window), prompt), only_of(steady, prompt), journal.busy
    )
    contained_at = _contained_at(
        drill, only_of(during, outside), only_of(steady, outside), others, armed, ended
    )
    outcome = Outcome(
        journal,
        run,
        armed,
        rolled_back,
        noticed=_noticed(journal, during, armed, rolled_back),
        contained_at=contained_at,
        recovered=_recovered(journal, began),
        steps=steps,
        others=others,
        findings=_findings(run, window, (quiet[0] - began, quiet[1] - began)),
        cells=impact.cells(own, steady, armed - 2.0, ended),
        cells_begin=armed - 2.0,
    )
    return replace(outcome, leaks=tuple(_leaks(outcome)))


def _noticed(journal: Journal, during: Samples, armed: float, rolled_back: float) -> float | None:
    """Return when the portal first reported the fault: by /readyz, by a 503 of a faulted step, or by a lost worker."""
    began = journal.armed - armed
    unhealthy = (
        sample.at
        for sample in journal.readiness
        if sample.readiness.unhealthy() or (journal.signalled and not set(journal.signalled) & sample.workers)
    )
    refused_pages = (
        sample.began + sample.seconds for sample in journal.pages if sample.response.status == UNAVAILABLE
    )
    moments = [moment - began for moment in (*unhealthy, *refused_pages)]
    faulted = only_of(during, filter(journal.drill.may_affect, during.names))
    refused = faulted.only(impact.unavailable(faulted))
    moments += (refused.start + refused.latency).tolist()
    return min((moment for moment in moments if armed <= moment <= rolled_back + 1.0), default=None)


def _recovered(journal: Journal, began: float) -> float | None:
    """Return when the steady state held again. A worker may have been replaced before the check at the end."""
    recovered, gone = journal.recovered, set(journal.signalled)
    if recovered is None:
        return None
    for sample in reversed(journal.readiness):
        if (
            not gone
            or sample.at < journal.armed
            or gone & sample.workers
            or len(sample.workers) < journal.workers
            or not sample.readiness.ready
        ):
            break
        recovered = min(recovered, sample.at)
    return recovered - began


def _contained_at(
    drill: Drill, outside: Samples, steady: Samples, others: Others, armed: float, ended: float
) -> float | None:
    """Return when the last impact outside the allowed blast radius ended; the moment of the fault if there was none."""
    failed = outside.failed
    if drill.tolerance.manner == "cut":
        failed = failed & ~impact.cut_off(outside)
    late = impact.slow(outside, steady)
    ends = (outside.start + outside.latency)[failed]
    last = float(ends.max()) if len(ends) else armed
    if others.slower:
        return None
    # One slow response in twenty is normal for a 95th percentile; a second in which most are slow is a stall.
    second = np.floor(outside.intended - armed).astype(np.int64)
    for number in np.unique(second[second >= 0]):
        in_second = second == number
        if late[in_second].sum() > max(1, in_second.sum() / 2):
            last = max(last, armed + float(number) + 1.0)
    return last if last < ended else None


def _leaks(outcome: Outcome) -> list[Leak]:
    journal, tolerance = outcome.journal, outcome.drill.tolerance
    leaks = [leak for step in outcome.steps if (leak := _step_leak(step, tolerance.manner)) is not None]
    if outcome.others.slower:
        leaks.append(
            Leak(
                f"Other visitors waited {outcome.others.ratio:.1f} times as long as in the quiet window.",
                "See in the chart when they waited. Code that blocks the process or the database delays everyone.",
            )
        )
    noticed = outcome.after(outcome.noticed)
    if tolerance.noticed_within is not None and (noticed is None or noticed > tolerance.noticed_within + 0.5):
        faulted = tolerance.faulted or "the faulted part"
        reported = "never reported" if noticed is None else f"took {noticed:.1f} s to report"
        leaks.append(
            Leak(
                f"The portal {reported} that {faulted} is unavailable; {tolerance.noticed_within:g} s were allowed.",
                "A monitor of /readyz would have missed the fault. Check that the bulkheads are switched on.",
            )
        )
    leaks += _unhelpful_refusals(outcome)
    if journal.deviation:
        leaks.append(
            Leak(
                f"The portal had not recovered {tolerance.recovered_within:g} s after the rollback:"
                f" {journal.deviation}.",
                "It has to recover by itself. Look in the portal's log for what it is waiting for.",
            )
        )
    if journal.after is not None and not journal.after.clean:
        leaks.append(
            Leak(
                f"The data is no longer consistent: {journal.after.output}",
                "Something was lost or done twice. This is the worst outcome: fix it before anything else.",
            )
        )
    return leaks


def _step_leak(step: StepImpact, manner: Manner) -> Leak | None:
    if not step.tolerated:
        counts = {
            "an error": step.errors,
            '"come back later"': step.unavailable,
            "an incomplete page": step.unfinished,
            "no response": 0 if manner == "cut" else step.cut,
        }
        if not any(counts.values()):
            return None
        return Leak(
            f"{step.step} is outside the allowed blast radius, and its visitors got {_counted(counts)}"
            f" of {step.requests}.",
            "Look in the portal's log for what these requests have in common with the faulted part.",
        )
    if manner == "any" or not step.errors + step.cut:
        return None
    return Leak(
        f"Visitors of {step.step} got {_counted({'an error': step.errors, 'no response': step.cut})}"
        " instead of a page with the time to try again.",
        "The module's bulkhead has to end such a request with a 503.",
    )


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{result} {times} times" for result, times in counts.items() if times)


def _unhelpful_refusals(outcome: Outcome) -> list[Leak]:
    """Return a leak if the monitor got a response that was neither the page nor the module's own refusal."""
    manner, pages = outcome.drill.tolerance.manner, outcome.journal.pages
    bad = [sample for sample in pages if not sample.is_as_promised]
    if manner in ("any", "cut") or not bad:
        return []
    status = max(bad, key=lambda sample: sample.seconds).response.status
    response = f"HTTP {status} without a page that helps" if status else "no response"
    return [
        Leak(
            f"A visitor of the faulted page got {response}, {len(bad)} of {len(pages)} times.",
            "The page must show when to come back (Retry-After) and keep the navigation.",
        )
    ]


def _findings(run: Run, window: tuple[float, float], quiet: tuple[float, float]) -> tuple[LoadFinding, ...]:
    """Return the reservations of the rehearsal's comparison of the two windows, as two runs of one load."""

    def cut_out(begin: float, end: float) -> Run:
        return replace(run, plan=replace(run.plan, warm_up=begin, duration=max(end - begin, 0.1)))

    comparison = compare([cut_out(*quiet)], [cut_out(*window)], [impact.P95], interleaved=False)
    findings = (*comparison.refusals, *comparison.flags)
    return tuple(finding for finding in findings if finding.code in _FLAGS)
