"""The outcome of one run: whether the target held the load, decided once for the report, JUnit, JSON and exit code."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from festgate.rehearsal.runs.plan import MIN_PRESENT, Rate, Users
from festgate.rehearsal.stats import figures
from festgate.rehearsal.stats.summary import StageSummary, Summary

Result = Literal["held", "failed", "cut", "nothing"]
"""`held`: the run was complete and every check passed. `cut`: it was stopped early, and no check failed until then."""
MAX_FAILED: Final = 0.01
"""Share of failed requests that is tolerated if no limit on errors was set, and of exceptions beside the requests."""
MAX_SHORT: Final = 0.05
"""Share of the seconds in which a shape may have fewer users than it asked for."""


@dataclass(frozen=True, slots=True)
class Check:
    """A condition that every run has to meet, besides the limits of its user."""

    name: str
    """The name of its test case in JUnit; part of the public format."""
    passed: bool
    words: str
    """What was measured, without a full stop."""


@dataclass(frozen=True)
class Outcome:
    """The result of a run and its reasons."""

    result: Result
    checks: tuple[Check, ...]

    @property
    def failed_checks(self) -> tuple[Check, ...]:
        """Return the checks that failed."""
        return tuple(check for check in self.checks if not check.passed)


def outcome_of(summary: Summary) -> Outcome:
    """Judge a run by its limits and by the checks that apply to every run."""
    checks = tuple(_checks(summary))
    if summary.all.requests == 0:
        return Outcome("nothing", checks)
    if summary.broken or not all(check.passed for check in checks):
        return Outcome("failed", checks)
    return Outcome("held" if summary.run.state == "whole" else "cut", checks)


def _checks(summary: Summary) -> Iterator[Check]:
    run, total = summary.run, summary.all
    limited = {limit.metric.kind for limit in summary.limits if limit.metric is not None}
    yield Check(
        "requests were measured",
        total.requests > 0,
        f"{figures.count(total.requests)} requests were measured",
    )
    if "errors" not in limited:
        yield Check(
            "few requests failed",
            total.failed <= MAX_FAILED,
            f"{figures.share(total.failed)} of the requests failed, and {figures.share(MAX_FAILED)} is tolerated",
        )
    exceptions = sum(run.exceptions.values())
    yield Check(
        "few exceptions were raised",
        exceptions <= MAX_FAILED * (total.requests + exceptions),
        exceptions_in_words(run.exceptions),
    )
    if "turned_away" not in limited:
        people = "person was" if run.dropped == 1 else "people were"
        yield Check(
            "nobody was turned away", run.dropped == 0, f"{figures.count(run.dropped)} {people} turned away"
        )
    if run.aborted:
        yield Check(
            "the run was not ended early", passed=False, words=f"the run was ended early: {run.aborted}"
        )
    if run.plan.load.stages:
        yield _stages_check(summary)
    elif isinstance(run.plan.load, Users) and run.short_seconds is not None:
        yield Check(
            "the planned users were present",
            run.short_seconds <= MAX_SHORT * run.plan.duration,
            f"in {figures.count(run.short_seconds)} of {run.plan.duration:g} seconds, fewer users were present than"
            f" {run.plan.load.shape} asked for",
        )
    elif isinstance(run.plan.load, Users) and run.present is not None:
        planned = run.plan.load.users
        yield Check(
            "the planned users were present",
            run.present >= MIN_PRESENT * planned,
            f"{figures.count(run.present)} of {figures.count(planned)} planned users were present",
        )
    if run.exit_code is not None:
        yield Check(
            "the locustfile accepted the run",
            run.exit_code == 0,
            f"the locustfile set the exit code {run.exit_code}",
        )


def _stages_check(summary: Summary) -> Check:
    counted = isinstance(summary.run.plan.load, Rate)
    unit = "due arrivals began" if counted else "planned users were present on average"
    missed = [stage for stage in summary.stages if not reached(stage, counted=counted)]
    words = "; ".join(
        f"in stage {stage.figures.name}, {figures.count(stage.load.reached)} of"
        f" {figures.count(stage.load.asked)} {unit}"
        for stage in missed
        if stage.load is not None
    )
    return Check("each stage had its load", not missed, words or "each stage had the planned load")


def reached(stage: StageSummary, *, counted: bool) -> bool:
    """Return whether a stage had its load; an arrival that is `counted` may begin just after the end of its stage."""
    return stage.load is None or stage.load.reached + counted >= MIN_PRESENT * stage.load.asked


def exceptions_in_words(exceptions: Mapping[str, int]) -> str:
    """Describe a run's exceptions: `the locustfile raised 3 exceptions, the first KeyError: 'a' (b.py, line 9)`."""
    count = sum(exceptions.values())
    if not count:
        return "the locustfile raised no exception"
    first = next(iter(exceptions))
    return (
        f"the locustfile raised an exception: {first}"
        if count == 1
        else f"the locustfile raised {figures.count(count)} exceptions, the first {first}"
    )
