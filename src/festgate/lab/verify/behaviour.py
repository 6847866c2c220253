"""Compare the responses of the submission with the starter's, on inputs that no student has seen."""

import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import Final

from festgate.lab.description.starter import Starter
from festgate.lab.verify.findings import SubmissionFinding
from festgate.lab.verify.inputs import DATABASE, RequestStep, Scenario, change
from festgate.lab.verify.intake import copy_code, remove_folder
from festgate.lab.verify.pages import AppResponse, PageContent, page_content
from festgate.lab.verify.requests import send_request
from festgate.lab.verify.sandbox import AppFailed, Limits, SandboxedApp, sandboxed

REJECTED: Final = frozenset({400, 422})
SERVER_ERROR: Final = 500
CLIENT_ERROR: Final = 400
MAX_LENGTH: Final = 160


@dataclass(frozen=True, slots=True)
class StepResult:
    """The response to one request."""

    step: RequestStep
    content: PageContent
    milliseconds: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A response that differs from the starter's."""

    route: str
    """`/events`; or a page that the exercise leaves as it is."""
    code: str
    """The code of the finding that names this difference."""
    request: str
    expected: str
    actual: str

    @property
    def sentence(self) -> str:
        """The difference in words, without a full stop."""
        return f"{self.request}: expected {self.expected}, got {self.actual}"


@dataclass(frozen=True, slots=True)
class Program:
    """The code of an app, the interpreter that runs it, and its limits."""

    starter: Starter
    folder: Path
    python: str
    limits: Limits = field(default_factory=Limits)

    @contextmanager
    def served(
        self, scenario: Scenario | None = None, *, count: bool = False
    ) -> Iterator[tuple[SandboxedApp, Path]]:
        """Serve a temporary copy with the scenario's data; yield the app and its database file. Raises AppFailed."""
        temporary = Path(tempfile.mkdtemp(prefix="festgate-lab-"))
        try:
            app = temporary / "app"
            copy_code(self.folder, app)
            if scenario is not None and scenario.initial_data:
                change(app / DATABASE, scenario.initial_data)
            with sandboxed(
                app,
                self.python,
                temporary / "log",
                app=self.starter.app,
                count=count,
                limits=self.limits,
            ) as running:
                yield running, app / DATABASE
        finally:
            remove_folder(temporary)


ReportStep = Callable[[str], None]


@dataclass
class ScenarioResults:
    """The responses of one app in all scenarios."""

    responses: list[list[StepResult]] = field(default_factory=list)
    """One list for each scenario."""
    python: str = ""
    """The version of the interpreter."""
    missing: tuple[str, ...] = ()
    """Limits that this system does not have."""


def run_scenarios(
    program: Program, scenarios: Sequence[Scenario], report: ReportStep = lambda _: None
) -> ScenarioResults:
    """Send all requests. An app that exits gives no more responses. Raises AppFailed if it never started."""
    results = ScenarioResults()
    for scenario in scenarios:
        try:
            responses = list(_run_scenario(program, scenario, results, report))
        except AppFailed as error:
            if not results.python:
                raise
            problem = f"no response. {error}"
            responses = [StepResult(step, PageContent(0, ("", ())), 0.0, problem) for step in scenario.steps]
        results.responses.append(responses)
    return results


def _run_scenario(
    program: Program, scenario: Scenario, results: ScenarioResults, report: ReportStep
) -> Iterator[StepResult]:
    with program.served(scenario) as (app, database):
        results.python, results.missing = app.python, app.missing
        problem = ""
        until = time.monotonic() + app.limits.scenario
        for step in scenario.steps:
            report(step.description)
            if not problem and time.monotonic() > until:
                problem = f"no response: the requests before it took more than {app.limits.scenario:g} s"
            if not problem and step.database_changes:
                try:
                    change(database, step.database_changes)
                except (sqlite3.Error, OSError) as error:
                    problem = f"no response: the test data could not be written to its database ({error})"
            response = AppResponse(0, problem=problem) if problem else send_request(app, step)
            if not problem and not app.runs:
                problem = response.problem or f"no response. {app.why_gone()}"
                response = replace(response, problem=problem)
            content = page_content(response, scenario.events, scenario.people)
            yield StepResult(step, content, response.milliseconds, response.problem)


def typical(results: Sequence[Sequence[StepResult]], route: str) -> float:
    """Return the median milliseconds of a route's successful responses; not-a-number if there are none."""
    times = [
        result.milliseconds
        for scenario in results
        for result in scenario
        if result.step.route == route and result.content.status == HTTPStatus.OK
    ]
    return median(times) if times else float("nan")


def differences(
    starter: Starter, expected: Sequence[Sequence[StepResult]], actual: Sequence[Sequence[StepResult]]
) -> list[Difference]:
    """Return the differences in the order of the requests."""
    pairs = [pair for sides in zip(expected, actual, strict=True) for pair in zip(*sides, strict=True)]
    return [
        Difference(
            theirs.step.route,
            _code(starter, ours, theirs, pairs[:number]),
            theirs.step.description,
            *_describe(ours.content, theirs.content, theirs.problem),
        )
        for number, (ours, theirs) in enumerate(pairs)
        if not _alike(starter, ours, theirs)
    ]


def findings_of(all_differences: Sequence[Difference]) -> list[SubmissionFinding]:
    """Return one finding for each code and route, with the first difference of that kind."""
    first: dict[tuple[str, str], Difference] = {}
    for difference in all_differences:
        first.setdefault((difference.code, difference.route), difference)
    return [
        SubmissionFinding(code, route, difference.sentence) for (code, route), difference in first.items()
    ]


def _alike(starter: Starter, ours: StepResult, theirs: StepResult) -> bool:
    status = theirs.content.status
    if ours.step.expected == "no failure":
        return 0 < status < SERVER_ERROR
    if ours.step.expected == "rejected":
        return status in REJECTED
    return _compared(starter, ours.content, ours.step.route) == _compared(
        starter, theirs.content, ours.step.route
    )


def _compared(starter: Starter, content: PageContent, route: str) -> PageContent:
    """Return the part of the content that has to be the same on that route."""
    if route == "/docs":
        return PageContent(content.status, ("", ()))
    if route not in starter.paths.values():
        # A page of forms shows no data: only its fields count.
        return PageContent(content.status, content.location, fields=content.fields)
    if route == starter.paths["checkout"]:
        return replace(content, fields=())
    # An added sum below the rows is allowed. The query of `/my-events` has no ORDER BY.
    names = tuple(sorted(content.names)) if route == starter.paths["my-events"] else content.names
    return replace(content, names=names, amounts=(), fields=())


def _code(
    starter: Starter, ours: StepResult, theirs: StepResult, earlier: Sequence[tuple[StepResult, StepResult]]
) -> str:
    """Return the code of the first kind of difference that fits."""
    expected, actual, route = ours.content, theirs.content, theirs.step.route
    checkout = route == starter.paths["checkout"]
    planted_crash = checkout or ours.step.expected == "no failure"
    stale = actual.status == expected.status and any(
        _alike(starter, then_ours, then_theirs)
        and _status_and_amounts(then_theirs.content) == _status_and_amounts(actual)
        and _status_and_amounts(actual) != _status_and_amounts(expected)
        for then_ours, then_theirs in earlier
        if then_theirs.step.route == route
    )
    fewer = len(actual.names) < len(expected.names) and not Counter(actual.names) - Counter(expected.names)
    kinds = (
        (actual.status == 0, "gone"),
        (planted_crash and actual.status >= SERVER_ERROR, "crash-left"),
        (route not in starter.paths.values(), "others-differ"),
        (expected.status < CLIENT_ERROR <= actual.status < SERVER_ERROR, "fails-at-once"),
        (bool(actual.people - expected.people), "shared-answer"),
        (stale, "fixed-total" if checkout else "constant-page"),
        (fewer, "rows-dropped"),
    )
    return next((code for fits, code in kinds if fits), "answers-differ")


def _status_and_amounts(content: PageContent) -> tuple[object, ...]:
    return content.status, content.amounts


def _describe(expected: PageContent, actual: PageContent, problem: str) -> tuple[str, str]:
    """Describe the first part in which the two differ."""
    if problem or expected.status != actual.status:
        return f"status {expected.status}", problem or f"status {actual.status}"
    pairs = zip(_in_words(expected), _in_words(actual), strict=True)
    return next(((ours, theirs) for ours, theirs in pairs if ours != theirs), ("one response", "another"))


def _in_words(content: PageContent) -> list[str]:
    path, query = content.location
    return [
        f"a redirect to {path} with {dict(query)}",
        _listed("person", "people", sorted(content.people)),
        _listed("row", "rows", [f"{name} ₹{fee}" for name, fee in content.names]),
        _listed("amount", "amounts", [f"₹{amount}" for amount in content.amounts]),
        _listed("link", "links", content.links),
        _listed("field", "fields", content.fields),
    ]


def _listed(one: str, many: str, items: Sequence[str]) -> str:
    if not items:
        return f"no {many}"
    text = ", ".join(items)
    shown = f"{text[:MAX_LENGTH]}{'…' if len(text) > MAX_LENGTH else ''}"
    return f"{len(items)} {one if len(items) == 1 else many} ({shown})"
