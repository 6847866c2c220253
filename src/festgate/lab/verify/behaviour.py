"""Compare the responses of the submission with the starter's, on inputs that no student has seen."""

import shutil
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import Final

from festgate.lab.description.starter import Starter
from festgate.lab.verify.findings import SubmissionFinding
from festgate.lab.verify.inputs import RequestStep, Scenario
from festgate.lab.verify.intake import copy_code, remove_folder
from festgate.lab.verify.pages import AppResponse, PageContent, page_content
from festgate.lab.verify.requests import send_request
from festgate.lab.verify.sandbox import AppFailed, Limits, SandboxedApp, sandboxed
from festgate.lab.verify.tables import change, is_locked

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
    """The code of an app, the interpreter that runs it, its limits and its data."""

    starter: Starter
    folder: Path
    python: str
    limits: Limits = field(default_factory=Limits)
    data: Path | None = None
    """The database that it starts with; None: it makes its own."""
    fill: str = ""
    """The script that inserts the data, run before the start; empty: there is none."""

    @contextmanager
    def served(
        self, scenario: Scenario | None = None, *, count: bool = False
    ) -> Iterator[tuple[SandboxedApp, Path]]:
        """Serve a temporary copy with the scenario's data; yield the app and its database file. Raises AppFailed."""
        with self.copied(scenario) as copy, self.started(copy, count=count) as app:
            yield app, copy / self.starter.database

    @contextmanager
    def copied(self, scenario: Scenario | None = None) -> Iterator[Path]:
        """Yield a temporary copy of the app's folder with the scenario's data."""
        temporary = Path(tempfile.mkdtemp(prefix="festgate-lab-"))
        try:
            copy = temporary / "app"
            copy_code(self.folder, copy)
            database = copy / self.starter.database
            # A copied database would be the student's own.
            database.unlink(missing_ok=True)
            if scenario is not None and scenario.initial_data:
                change(database, scenario.initial_data)
            elif self.data is not None:
                database.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.data, database)
            yield copy
        finally:
            remove_folder(temporary)

    @contextmanager
    def started(self, copy: Path, *, count: bool = False) -> Iterator[SandboxedApp]:
        """Serve the app in a copy. Raises AppFailed."""
        log = copy.parent / "log"
        with sandboxed(
            copy, self.python, log, app=self.starter.app, fill=self.fill, count=count, limits=self.limits
        ) as app:
            yield app


ReportStep = Callable[[str], None]
Position = tuple[int, int]
"""The numbers of a scenario and of a step in it."""


@dataclass
class ScenarioResults:
    """The responses of one app in all scenarios."""

    responses: list[list[StepResult]] = field(default_factory=list)
    """One list for each scenario."""
    python: str = ""
    """The version of the interpreter."""
    missing: tuple[str, ...] = ()
    """Limits that this system does not have."""
    stuck: set[Position] = field(default_factory=set)
    """The steps after which the app did not respond any more, or kept its database locked."""
    error: str = ""
    """The last error in the app's output."""


def run_scenarios(
    program: Program,
    scenarios: Sequence[Scenario],
    report: ReportStep = lambda _: None,
    restarts: Collection[Position] | None = None,
) -> ScenarioResults:
    """Send all requests, and start the app again after the steps `restarts`; None: after those that leave it stuck.

    An app that exits gives no responses until its restart. Raises AppFailed if it never started.
    """
    results = ScenarioResults()
    for number, scenario in enumerate(scenarios):
        responses: list[StepResult] = []
        with program.copied(scenario) as copy:
            until = time.monotonic() + program.limits.scenario
            while len(responses) < len(scenario.steps):
                left = scenario.steps[len(responses) :]
                try:
                    with program.started(copy) as app:
                        results.python, results.missing = app.python, app.missing
                        database = copy / program.starter.database
                        for result in _run_steps(app, database, left, scenario, until, report):
                            responses.append(result)
                            position = (number, len(responses) - 1)
                            if restarts is None and (not result.content.status or is_locked(database)):
                                results.stuck.add(position)
                            if position in (results.stuck if restarts is None else restarts):
                                break
                        results.error = app.process.last_error() or results.error
                except AppFailed as error:
                    if not results.python:
                        raise
                    problem = f"no response. {error}"
                    responses += [
                        StepResult(step, PageContent(0, ("", ())), 0.0, problem)
                        for step in scenario.steps[len(responses) :]
                    ]
        results.responses.append(responses)
    return results


def _run_steps(
    app: SandboxedApp,
    database: Path,
    steps: Sequence[RequestStep],
    scenario: Scenario,
    until: float,
    report: ReportStep,
) -> Iterator[StepResult]:
    problem = ""
    for step in steps:
        report(step.description)
        if not problem and time.monotonic() > until:
            problem = f"no response: the requests before it took more than {app.limits.scenario:g} s"
        if not problem and step.database_changes:
            try:
                change(database, step.database_changes)
            except (sqlite3.Error, OSError) as error:
                problem = f"no response: the test data could not be written to its database ({error})"
        response = AppResponse(0, problem=problem) if problem else send_request(app, step)
        if not problem and not app.process.runs:
            problem = response.problem or f"no response. {app.process.why_gone()}"
            response = replace(response, problem=problem)
        content = page_content(response, scenario.events, scenario.people, scenario.starter)
        yield StepResult(step, content, response.milliseconds, response.problem)


def works(starter: Starter, results: Sequence[Sequence[StepResult]]) -> bool:
    """Return whether any page of the exercise responds with success."""
    return any(
        result.content.status == HTTPStatus.OK and result.step.route in starter.paths.values()
        for scenario in results
        for result in scenario
    )


def starter_problems(results: ScenarioResults) -> list[str]:
    """Return a sentence for each kind of problem of the starter itself, which does not count against a submission."""
    sentences: dict[str, str] = {}
    for number, scenario in enumerate(results.responses):
        for place, result in enumerate(scenario):
            request, status = result.step.description, result.content.status
            if status >= SERVER_ERROR and result.step.expected == "same":
                sentences.setdefault(
                    f"{status} {result.step.route}",
                    f"The starter itself answers {status} to {request}; there any response passes.",
                )
            elif not status:
                sentences.setdefault(
                    "gone",
                    f"The starter itself gives no response to {request}; there any response passes.",
                )
            elif (number, place) in results.stuck:
                sentences.setdefault(
                    f"locked {result.step.route}",
                    f"The starter itself leaves its database locked after {request}; both apps are started again"
                    " there.",
                )
    return list(sentences.values())


def typical(results: Sequence[Sequence[StepResult]], route: str) -> float:
    """Return the median milliseconds of a route's successful responses; not-a-number if there are none."""
    times = [
        result.milliseconds
        for scenario in results
        for result in scenario
        if result.step.route == route and result.content.status == HTTPStatus.OK
    ]
    return median(times) if times else float("nan")


def statuses_without_person(results: Sequence[Sequence[StepResult]]) -> dict[str, int]:
    """Return the statuses of requests without parameters, by their routes."""
    return {
        result.step.route: result.content.status
        for scenario in results
        for result in scenario
        if "?" not in result.step.path and result.step.form is None
    }


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
    expected, status = ours.content.status, theirs.content.status
    if not 0 < expected < SERVER_ERROR:
        return True  # the starter itself failed, so no response is expected
    if ours.step.expected == "no failure":
        return 0 < status < SERVER_ERROR
    if ours.step.expected == "rejected":
        return status // 100 == expected // 100
    route = ours.step.route
    first, second = (_compared(starter, side.content, route) for side in (ours, theirs))
    if not any(amount for _, amount in first.names):
        # The starter's rows have no amounts, so an added one is no difference.
        second = replace(second, names=tuple((name, "") for name, _ in second.names))
    return first == second


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
