"""Whether the submission answers as the starter does, on inputs that nobody has seen."""

import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Final

from festgate.lab.student.folder import ROUTES
from festgate.lab.verify.findings import SubmissionFinding
from festgate.lab.verify.inputs import DATABASE, RequestStep, Scenario, change
from festgate.lab.verify.intake import copy_code, remove_folder
from festgate.lab.verify.pages import AppResponse, PageContent, page_content
from festgate.lab.verify.requests import send_request
from festgate.lab.verify.sandbox import AppFailed, Limits, SandboxedApp, sandboxed

REFUSED: Final = frozenset({400, 422})
SERVER_ERROR: Final = 500
CLIENT_ERROR: Final = 400
MAX_LENGTH: Final = 160


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step, answered."""

    step: RequestStep
    facts: PageContent
    milliseconds: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One answer that is not as the starter's."""

    route: str
    """`/events`; also of pages that were not to be changed."""
    code: str
    """Of the finding that names it."""
    asked: str
    expected: str
    came: str


@dataclass(frozen=True, slots=True)
class Program:
    """An app, and what runs it."""

    folder: Path
    python: str
    limits: Limits = field(default_factory=Limits)

    @contextmanager
    def served(
        self, data: Scenario | None = None, *, count: bool = False
    ) -> Iterator[tuple[SandboxedApp, Path]]:
        """It, in a copy of its own, with the data of a play; and its database file. Raises AppFailed."""
        scratch = Path(tempfile.mkdtemp(prefix="festgate-lab-"))
        try:
            app = scratch / "app"
            copy_code(self.folder, app)
            if data is not None and data.data:
                change(app / DATABASE, data.data)
            with sandboxed(app, self.python, scratch / "log", count=count, limits=self.limits) as running:
                yield running, app / DATABASE
        finally:
            remove_folder(scratch)


ReportStep = Callable[[str], None]


@dataclass
class ScenarioResults:
    """What came of all scenarios of one app."""

    answers: list[list[StepResult]] = field(default_factory=list)
    """Play by play."""
    python: str = ""
    """The version that it ran on."""
    missing: tuple[str, ...] = ()
    """Limits that this system does not have."""


def run_scenarios(
    program: Program, scenarios: Sequence[Scenario], report: ReportStep = lambda _: None
) -> ScenarioResults:
    """What was answered. An app that is gone answers nothing any more. Raises AppFailed where it never did."""
    played = ScenarioResults()
    for each in scenarios:
        try:
            seen = list(_run_scenario(program, each, played, report))
        except AppFailed as error:
            if not played.python:
                raise
            seen = [StepResult(step, PageContent(0, ("", ())), 0.0, str(error)) for step in each.steps]
        played.answers.append(seen)
    return played


def _run_scenario(
    program: Program, what: Scenario, played: ScenarioResults, report: ReportStep
) -> Iterator[StepResult]:
    with program.served(what) as (app, database):
        played.python, played.missing = app.python, app.missing
        gone = ""
        until = time.monotonic() + app.limits.scenario
        for step in what.steps:
            report(step.told)
            if not gone and time.monotonic() > until:
                gone = f"it took more than {app.limits.scenario:g} s for all that was asked before"
            if not gone and step.before:
                try:
                    change(database, step.before)
                except (sqlite3.Error, OSError) as error:
                    gone = f"the database cannot be changed as the starter's can: {error}"
            answer = AppResponse(0, problem=gone) if gone else send_request(app, step)
            if not gone and not app.runs:
                gone = answer.problem or app.why_gone()
                answer = replace(answer, problem=gone)
            yield StepResult(
                step, page_content(answer, what.events, what.people), answer.milliseconds, answer.problem
            )


def typical(seen: Sequence[Sequence[StepResult]], route: str) -> float:
    """Milliseconds of a usual answer of a route; not-a-number where none came."""
    times = [
        each.milliseconds
        for play in seen
        for each in play
        if each.step.route == route and each.facts.status == 200  # noqa: PLR2004
    ]
    return median(times) if times else float("nan")


def differences(
    expected: Sequence[Sequence[StepResult]], came: Sequence[Sequence[StepResult]]
) -> list[Difference]:
    """In the order of asking."""
    found = []
    pairs = [pair for sides in zip(expected, came, strict=True) for pair in zip(*sides, strict=True)]
    for number, (right, seen) in enumerate(pairs):
        if not _alike(right, seen):
            code = _code(right, seen, pairs[:number])
            said = _said(right.facts, seen.facts, seen.problem)
            found.append(Difference(seen.step.route, code, seen.step.told, *said))
    return found


def findings_of(found: Sequence[Difference]) -> list[SubmissionFinding]:
    """One for each kind and route, with its first place."""
    first: dict[tuple[str, str], Difference] = {}
    for each in found:
        first.setdefault((each.code, each.route), each)
    return [
        SubmissionFinding(code, route, f"{each.asked}: {each.expected} was expected, {each.came} came")
        for (code, route), each in first.items()
    ]


def _alike(right: StepResult, seen: StepResult) -> bool:
    ours, theirs = right.facts, seen.facts
    if right.step.like == "mended":
        return 0 < theirs.status < SERVER_ERROR
    if right.step.like == "refused":
        return theirs.status in REFUSED
    return _compared(ours, right.step.route) == _compared(theirs, right.step.route)


def _compared(facts: PageContent, route: str) -> PageContent:
    """What counts on a page of that route."""
    if route == "/docs":
        return PageContent(facts.status, ("", ()))
    if route not in ROUTES.values():
        # A page of forms shows no data; what it asks for counts.
        return PageContent(facts.status, facts.location, fields=facts.fields)
    if route == ROUTES["checkout"]:
        return replace(facts, fields=())
    # A sum below the rows is no other answer. The query of `/my-events` has no order.
    names = tuple(sorted(facts.names)) if route == ROUTES["my-events"] else facts.names
    return replace(facts, names=names, amounts=(), fields=())


def _code(right: StepResult, seen: StepResult, earlier: Sequence[tuple[StepResult, StepResult]]) -> str:
    """What kind of difference it is: the first that fits."""
    ours, theirs, route = right.facts, seen.facts, seen.step.route
    checkout = route == ROUTES["checkout"]
    left = checkout or right.step.like == "mended"
    stale = theirs.status == ours.status and any(
        _alike(then, came) and _shown(came.facts) == _shown(theirs) != _shown(ours)
        for then, came in earlier
        if came.step.route == route
    )
    fewer = len(theirs.names) < len(ours.names) and not Counter(theirs.names) - Counter(ours.names)
    kinds = (
        (theirs.status == 0, "gone"),
        (left and theirs.status >= SERVER_ERROR, "crash-left"),
        (route not in ROUTES.values(), "others-differ"),
        (ours.status < CLIENT_ERROR <= theirs.status < SERVER_ERROR, "fails-at-once"),
        (bool(theirs.people - ours.people), "shared-answer"),
        (stale, "fixed-total" if checkout else "constant-page"),
        (fewer, "rows-dropped"),
    )
    return next((code for fits, code in kinds if fits), "answers-differ")


def _shown(facts: PageContent) -> tuple[object, ...]:
    return facts.status, facts.amounts


def _said(right: PageContent, came: PageContent, problem: str) -> tuple[str, str]:
    """The first thing in which they differ, of both."""
    if problem or right.status != came.status:
        return str(right.status), problem or str(came.status)
    ours_said, theirs_said = _in_words(right), _in_words(came)
    pairs = zip(ours_said, theirs_said, strict=True)
    return next(((ours, theirs) for ours, theirs in pairs if ours != theirs), ("one answer", "another"))


def _in_words(facts: PageContent) -> list[str]:
    path, query = facts.location
    return [
        f"a redirect to {path} with {dict(query)}",
        _listed("people", sorted(facts.people)),
        _listed("rows", [f"{name} ₹{fee}" for name, fee in facts.names]),
        _listed("amounts", [f"₹{each}" for each in facts.amounts]),
        _listed("links", facts.links),
        _listed("fields", facts.fields),
    ]


def _listed(what: str, things: Sequence[str]) -> str:
    text = ", ".join(things)
    return (
        f"{what}: {text[:MAX_LENGTH]}{'…' if len(text) > MAX_LENGTH else ''} ({len(things)})"
        if things
        else f"no {what}"
    )
