"""What became of each route, and from what that is known: behaviour first, then time, and counted work."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from festgate.lab.student.folder import ROUTES
from festgate.lab.verify.behaviour import Difference
from festgate.lab.verify.findings import SubmissionFinding
from festgate.lab.verify.work import SETTLED, Work, compare_work, counted_in_words, faster_growth
from festgate.rehearsal.stats import figures
from festgate.rehearsal.verdict.comparison import Comparison

Verdict = Literal["improved", "unchanged", "worse", "wrong"]
By = Literal["behaviour", "code", "time", "work"]
DIVIDES_BY_ZERO: Final = "ZeroDivisionError"


@dataclass(frozen=True, slots=True)
class RelativeChange:
    """Of a figure, as shares: -0.98 is 98 % less."""

    change: float
    low: float
    high: float


@dataclass(frozen=True)
class RouteVerdict:
    """One route."""

    name: str
    """`events`."""
    verdict: Verdict
    by: tuple[By, ...]
    """From what it is known, the one that decided first."""
    said: tuple[str, ...]
    """In sentences."""
    time: RelativeChange | None = None
    """Of the median, with its 95 % interval; None where it was not measured, or the comparison was refused."""
    work: tuple[Work, Work] | None = None
    """Before and after."""

    @property
    def route(self) -> str:
        """`/events`."""
        return ROUTES[self.name]


def judge_route(
    name: str,
    *,
    changed: bool,
    differences: Sequence[Difference],
    work: tuple[Work, Work] | None,
    time: Comparison | None,
) -> tuple[RouteVerdict, list[SubmissionFinding]]:
    """The verdict on a route, and what was found besides."""
    route = ROUTES[name]
    found = [] if work is None else _found_in(work[1])
    if differences:
        first = differences[0]
        said = f"{first.asked}: {first.expected} was expected, {first.came} came"
        more = len(differences) - 1
        rest = (f"{more} more of its answers differ.",) if more else ()
        return RouteVerdict(name, "wrong", ("behaviour",), (f"{said}.", *rest), work=work), found
    if any(each.code == "crash-hidden" for each in found):
        return RouteVerdict(
            name, "wrong", ("work",), ("It answers, and its code still divides by zero.",), work=work
        ), found
    if not changed:
        said = "The code behind it is as it was handed out."
        return RouteVerdict(name, "unchanged", ("code",), (said,), work=work), found
    timed = _timed(time)
    verdict, by, said_of = _decided(work, time, timed)
    if timed is not None and work is not None:
        found += _disagree(route, verdict, compare_work(*work), time)
    return RouteVerdict(name, verdict, by, said_of, time=timed, work=work), found


def _decided(
    work: tuple[Work, Work] | None, time: Comparison | None, timed: RelativeChange | None
) -> tuple[Verdict, tuple[By, ...], tuple[str, ...]]:
    counted = "unknown" if work is None else compare_work(*work)
    said: list[str] = []
    if timed is not None and time is not None and time.primary is not None:
        said.append(_time_in_words(time, timed))
    elif time is not None:
        said.append(_no_time(time))
    else:
        said.append("Time was not measured.")
    if work is not None:
        said.append(_work_in_words(*work))
        faster = faster_growth(work[1])
        if faster:
            which = ", ".join(
                f"{each} with the power {work[1].growth[each]:.1f} of the rows" for each in faster
            )
            said.append(
                f"Its work grows faster than the starter's: {which}. With enough rows it is the slower one."
            )
            return "worse", ("work",), tuple(said)
    verdict = "refused" if time is None else time.verdict
    if verdict == "improved":
        return "improved", ("time", "work") if counted == "less" else ("time",), tuple(said)
    if verdict == "regressed":
        return "worse", ("time", "work") if counted == "more" else ("time",), tuple(said)
    hidden = timed is not None and work is not None and work[0].usual.capped
    if counted == "less" and not hidden:
        if timed is not None:
            said.append(
                "What was saved is too little to be seen over HTTP; the work is counted, and is the same each time."
            )
        return "improved", ("work",), tuple(said)
    if counted == "more":
        return "worse", ("work",), tuple(said)
    return "unchanged", ("time", "work") if timed is not None else ("work",), tuple(said)


def _disagree(route: str, verdict: Verdict, counted: str, time: Comparison | None) -> list[SubmissionFinding]:
    """Time and counts are looked at beside each other: one of them is easier to fool than both."""
    if time is None or time.primary is None:
        return []
    change = f"p50 {figures.change(time.primary.change)}"
    if time.verdict == "improved" and counted in {"same", "more"}:
        return [SubmissionFinding("time-without-work", route, f"{change}, and the counted work is not less")]
    if verdict in {"unchanged", "worse"} and counted == "less":
        return [SubmissionFinding("work-elsewhere", route, f"{change}, though the counted work is less")]
    return []


def _found_in(work: Work) -> list[SubmissionFinding]:
    found = []
    for name in faster_growth(work):
        figure = f"{name} grow with the power {work.growth[name]:.1f} of the rows"
        found.append(SubmissionFinding("grows-faster", work.route, figure))
    if DIVIDES_BY_ZERO in work.usual.raised:
        figure = f"{DIVIDES_BY_ZERO} was raised while {work.route} was answered with success"
        found.append(SubmissionFinding("crash-hidden", work.route, figure))
    if work.usual.busy:
        found.append(
            SubmissionFinding(
                "busy-without-requests", work.route, f"it was still at work {SETTLED:g} s after its answer"
            )
        )
    return found


def _timed(time: Comparison | None) -> RelativeChange | None:
    if time is None or time.primary is None or time.verdict == "refused" or time.primary.verdict == "refused":
        return None
    return RelativeChange(time.primary.change, time.primary.low, time.primary.high)


def _no_time(time: Comparison) -> str:
    refusal = next(iter(time.refusals), None)
    if refusal is None:
        return "Time cannot tell."
    if refusal.code == "too-few-samples":
        return f"Time cannot tell: this machine was too slow for a median ({refusal.figure}). Give it more --seconds."
    return f"Time cannot tell: {refusal.meaning} ({refusal.figure})"


def _time_in_words(time: Comparison, timed: RelativeChange) -> str:
    effect = time.primary
    assert effect is not None  # noqa: S101  (or it was not timed)
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
