"""The verdict on each route and its reasons: responses first, then time and counted work."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from festgate.lab.verify.behaviour import Difference
from festgate.lab.verify.findings import SubmissionFinding
from festgate.lab.verify.work import IDLE_TIMEOUT, Work, compare_work, counted_in_words, faster_growth
from festgate.rehearsal.stats import figures
from festgate.rehearsal.verdict.comparison import Comparison

Verdict = Literal["improved", "unchanged", "worse", "wrong"]
Basis = Literal["behaviour", "code", "time", "work"]
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


def judge_route(
    name: str,
    route: str,
    *,
    changed: bool,
    differences: Sequence[Difference],
    work: tuple[Work, Work] | None,
    time: Comparison | None,
) -> tuple[RouteVerdict, list[SubmissionFinding]]:
    """Return the verdict on a route, and further findings."""
    findings = [] if work is None else _findings_in(work[1])
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
    timed = _timed(time)
    verdict, by, reasons = _decide(work, time, timed)
    if timed is not None and work is not None:
        findings += _contradictions(route, verdict, compare_work(*work), time)
    return RouteVerdict(name, route, verdict, by, reasons, time=timed, work=work), findings


def _decide(
    work: tuple[Work, Work] | None, time: Comparison | None, timed: RelativeChange | None
) -> tuple[Verdict, tuple[Basis, ...], tuple[str, ...]]:
    counted = "unknown" if work is None else compare_work(*work)
    reasons: list[str] = []
    if timed is not None and time is not None and time.primary is not None:
        reasons.append(_time_in_words(time, timed))
    elif time is not None:
        reasons.append(_no_time(time))
    else:
        reasons.append("Time was not measured.")
    if work is not None:
        reasons.append(_work_in_words(*work))
        faster = faster_growth(work[1])
        if faster:
            exponents = ", ".join(f"{name} by a power of {work[1].growth[name]:.1f}" for name in faster)
            reasons.append(
                f"Its work grows faster with the number of rows than the starter's: {exponents}. With enough rows"
                " it is slower than the starter."
            )
            return "worse", ("work",), tuple(reasons)
    verdict = "refused" if time is None else time.verdict
    if verdict == "improved":
        return "improved", ("time", "work") if counted == "less" else ("time",), tuple(reasons)
    if verdict == "regressed":
        return "worse", ("time", "work") if counted == "more" else ("time",), tuple(reasons)
    hidden = timed is not None and work is not None and work[0].usual.capped
    if counted == "less" and not hidden:
        if timed is not None:
            reasons.append(
                "The saving is too small to measure over HTTP, but the counts of work repeat exactly."
            )
        return "improved", ("work",), tuple(reasons)
    if counted == "more":
        return "worse", ("work",), tuple(reasons)
    return "unchanged", ("time", "work") if timed is not None else ("work",), tuple(reasons)


def _contradictions(
    route: str, verdict: Verdict, counted: str, time: Comparison | None
) -> list[SubmissionFinding]:
    """Report where time and counts disagree: one of them is easier to deceive than both."""
    if time is None or time.primary is None:
        return []
    change = f"p50 {figures.change(time.primary.change)}"
    if time.verdict == "improved" and counted in {"same", "more"}:
        return [SubmissionFinding("time-without-work", route, f"{change}, but the counted work is not less")]
    if verdict in {"unchanged", "worse"} and counted == "less":
        return [SubmissionFinding("work-elsewhere", route, f"{change}, although the counted work is less")]
    return []


def _findings_in(work: Work) -> list[SubmissionFinding]:
    findings = [
        SubmissionFinding(
            "grows-faster", work.route, f"{name} grow with the rows by a power of {work.growth[name]:.1f}"
        )
        for name in faster_growth(work)
    ]
    if DIVIDES_BY_ZERO in work.usual.raised:
        evidence = f"{DIVIDES_BY_ZERO} was raised during a successful response of {work.route}"
        findings.append(SubmissionFinding("crash-hidden", work.route, evidence))
    if work.usual.busy:
        evidence = f"it still worked {IDLE_TIMEOUT:g} s after its response"
        findings.append(SubmissionFinding("busy-without-requests", work.route, evidence))
    return findings


def _timed(time: Comparison | None) -> RelativeChange | None:
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
