"""The verdict on each route and its reasons: responses first, then time and counted work."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from festgate.lab.verify.behaviour import Difference
from festgate.lab.verify.findings import SubmissionFinding
from festgate.lab.verify.processor import ProcessorTime
from festgate.lab.verify.work import (
    IDLE_TIMEOUT,
    Work,
    WorkChange,
    compare_work,
    counted_in_words,
    faster_growth,
    slower_from,
)
from festgate.rehearsal.stats import figures
from festgate.rehearsal.verdict.comparison import Comparison

Verdict = Literal["improved", "unchanged", "worse", "wrong"]
Basis = Literal["behaviour", "code", "time", "work", "processor"]
DIVIDES_BY_ZERO: Final = "ZeroDivisionError"


@dataclass(frozen=True, slots=True)
class RelativeChange:
    """The change of a figure and its interval, as shares: -0.98 is 98 % less."""

    change: float
    low: float
    high: float


@dataclass(frozen=True)
class RouteVerdict:
    """The verdict on one route."""

    name: str
    """`events`."""
    route: str
    """`/events`."""
    verdict: Verdict
    by: tuple[Basis, ...]
    """The evidence behind the verdict, the decisive one first."""
    reasons: tuple[str, ...]
    """Sentences."""
    time: RelativeChange | None = None
    """The change of the median, with its 95 % interval; None when it was not measured or the comparison was refused."""
    work: tuple[Work, Work] | None = None
    """Before and after."""
    processor: ProcessorTime | None = None
    slower_from: int = 0
    """The number of events from which the route is slower than the starter's; 0: it is not."""


def judge_route(
    name: str,
    route: str,
    *,
    changed: bool,
    differences: Sequence[Difference],
    work: tuple[Work, Work] | None,
    time: Comparison | None,
    processor: ProcessorTime | None = None,
) -> tuple[RouteVerdict, list[SubmissionFinding]]:
    """Return the verdict on a route, and further findings."""
    findings = [] if work is None else _findings_in(*work)
    if differences:
        more = len(differences) - 1
        rest = (f"{more} more of its responses {'differs' if more == 1 else 'differ'}.",) if more else ()
        reasons = (f"{differences[0].sentence.removesuffix('.')}.", *rest)
        return RouteVerdict(name, route, "wrong", ("behaviour",), reasons, work=work), findings
    if any(finding.code == "crash-hidden" for finding in findings):
        reasons = ("The page responds, but its code still divides by zero.",)
        return RouteVerdict(name, route, "wrong", ("work",), reasons, work=work), findings
    if not changed:
        reasons = ("The code behind the page is the starter's.",)
        return RouteVerdict(name, route, "unchanged", ("code",), reasons, work=work), findings
    timed = change_of(time)
    if timed is not None:
        processor = None
    counted = "unknown" if work is None else compare_work(*work)
    verdict, by, reasons = _decide(work, counted, time, timed, processor)
    slower = 0
    if work is not None:
        findings += _contradictions(route, verdict, by, counted, time, processor)
        if faster_growth(*work):
            slower = slower_from(*work)
            reasons = (*reasons, _growth_in_words(*work, slower))
    return (
        RouteVerdict(
            name,
            route,
            verdict,
            by,
            reasons,
            time=timed,
            work=work,
            processor=processor,
            slower_from=slower,
        ),
        findings,
    )


def _decide(
    work: tuple[Work, Work] | None,
    counted: WorkChange,
    time: Comparison | None,
    timed: RelativeChange | None,
    processor: ProcessorTime | None,
) -> tuple[Verdict, tuple[Basis, ...], tuple[str, ...]]:
    """Decide by time if it was measured and differs; else by counted work, unless the processor time contradicts it."""
    reasons = _evidence(work, time, timed, processor)
    measured = "refused" if time is None else time.verdict
    if measured == "improved":
        return "improved", ("time", "work") if counted == "less" else ("time",), tuple(reasons)
    if measured == "regressed":
        return "worse", ("time", "work") if counted == "more" else ("time",), tuple(reasons)
    used = "same" if processor is None else processor.change
    # The starter's waste is large here, so a saving must also be visible outside of the counts.
    has_waste = work is not None and work[0].usual.capped
    denied = has_waste and (timed is not None or (processor is not None and used != "less"))
    if counted == "less" and used != "more" and not denied:
        if timed is not None:
            reasons.append(
                "The saving is too small to measure over HTTP, but the counts of work repeat exactly."
            )
        by: tuple[Basis, ...] = ("work",)
        if used == "less":
            # The count stopped before the end of the starter's waste; the processor time includes all of it.
            by = ("processor", "work") if has_waste else ("work", "processor")
        return "improved", by, tuple(reasons)
    if used != "same":
        return "improved" if used == "less" else "worse", ("processor",), tuple(reasons)
    if counted == "more":
        return "worse", ("work",), tuple(reasons)
    first: tuple[Basis, ...] = ("time",) if timed is not None else ("processor",) if denied else ()
    return "unchanged", (*first, "work"), tuple(reasons)


def _evidence(
    work: tuple[Work, Work] | None,
    time: Comparison | None,
    timed: RelativeChange | None,
    processor: ProcessorTime | None,
) -> list[str]:
    reasons: list[str] = []
    if timed is not None and time is not None and time.primary is not None:
        reasons.append(_time_in_words(time, timed))
    elif time is not None:
        reasons.append(_no_time(time))
    else:
        reasons.append("Time was not measured.")
    if work is not None:
        reasons.append(_work_in_words(*work))
    if processor is not None:
        reasons.append(_processor_in_words(processor))
    return reasons


def _contradictions(
    route: str,
    verdict: Verdict,
    by: Sequence[Basis],
    counted: WorkChange,
    time: Comparison | None,
    processor: ProcessorTime | None,
) -> list[SubmissionFinding]:
    """Report disagreements of time and counts: one of them is easier to deceive than both."""
    if time is not None and time.primary is not None and change_of(time) is not None:
        change = f"p50 {figures.change(time.primary.change)}"
    elif processor is not None and by[0] == "processor":
        change = f"processor time {figures.change(processor.share)}"
    else:
        return []
    if verdict == "improved" and by[0] != "work" and counted in {"same", "more"}:
        return [SubmissionFinding("time-without-work", route, f"{change}, but the counted work is not less")]
    if verdict in {"unchanged", "worse"} and counted == "less":
        return [SubmissionFinding("work-elsewhere", route, f"{change}, although the counted work is less")]
    return []


def _findings_in(before: Work, work: Work) -> list[SubmissionFinding]:
    findings = [
        SubmissionFinding(
            "grows-faster", work.route, f"{name} grow with the rows by a power of {work.growth[name]:.1f}"
        )
        for name in faster_growth(before, work)
    ]
    if DIVIDES_BY_ZERO in work.usual.raised:
        evidence = f"{DIVIDES_BY_ZERO} was raised during a successful response of {work.route}"
        findings.append(SubmissionFinding("crash-hidden", work.route, evidence))
    if work.usual.busy:
        evidence = f"it still worked {IDLE_TIMEOUT:g} s after its response"
        findings.append(SubmissionFinding("busy-without-requests", work.route, evidence))
    return findings


def change_of(time: Comparison | None) -> RelativeChange | None:
    """Return the change of the median; None when it was not measured or the comparison was refused."""
    if time is None or time.primary is None or time.verdict == "refused" or time.primary.verdict == "refused":
        return None
    return RelativeChange(time.primary.change, time.primary.low, time.primary.high)


def _no_time(time: Comparison) -> str:
    refusal = next(iter(time.refusals), None)
    if refusal is None:
        return "The timing is inconclusive."
    if refusal.code == "too-few-samples":
        return (
            f"The timing is inconclusive: this machine was too slow for a median ({refusal.figure}). Use longer"
            " --seconds."
        )
    return f"The timing is inconclusive: {refusal.meaning} ({refusal.figure})"


def _time_in_words(time: Comparison, timed: RelativeChange) -> str:
    effect = time.primary
    assert effect is not None  # noqa: S101  (or there would be no change)
    return (
        f"The median went from {effect.metric.shown(effect.before)} to {effect.metric.shown(effect.after)}:"
        f" {figures.change(timed.change)} [{figures.change(timed.low)} to {figures.change(timed.high)}],"
        f" {time.pairs} pairs ({time.verdict})."
    )


def _growth_in_words(before: Work, after: Work, slower: int) -> str:
    growth = ", ".join(
        f"{name} by a power of {after.growth[name]:.1f}" for name in faster_growth(before, after)
    )
    if not slower:
        return f"Its work grows faster with the number of rows than the starter's: {growth}."
    bound = "more than " if before.usual.capped else ""
    return (
        f"From {bound}about {slower:,} events on it is slower than the starter, since its work grows faster:"
        f" {growth}."
    )


def _processor_in_words(processor: ProcessorTime) -> str:
    return (
        f"Processor time of one request: from {processor.before:.1f} ms to {processor.after:.1f} ms"
        f" ({figures.change(processor.share)})."
    )


def _work_in_words(before: Work, after: Work) -> str:
    first = counted_in_words(before.usual.counts, capped=before.usual.capped)
    second = counted_in_words(after.usual.counts, capped=after.usual.capped)
    changed = after.usual.counts["instructions"] / max(1, before.usual.counts["instructions"]) - 1
    share = (
        ""
        if after.usual.capped
        else f" ({'at least ' if before.usual.capped else ''}{figures.change(changed)} instructions)"
    )
    return f"Work of one request: from {first} to {second}{share}."
