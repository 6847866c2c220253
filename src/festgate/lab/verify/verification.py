"""Verify a submission: copy it, read its changes, compare responses, count work, measure time, give verdicts."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from festgate.lab.description.starter import ROUTES, Starter
from festgate.lab.student.code import UnreadableCode
from festgate.lab.student.copies import write_fixed_starter
from festgate.lab.student.folder import NoLab
from festgate.lab.student.load import code_handed_out
from festgate.lab.verify import behaviour, timing
from festgate.lab.verify.behaviour import Difference, Program, ReportStep, ScenarioResults, StepResult
from festgate.lab.verify.changes import Changes, changes_of
from festgate.lab.verify.descent import foreign_code
from festgate.lab.verify.discovery import find_tables
from festgate.lab.verify.environments import environment_commands, install_command, missing_package
from festgate.lab.verify.findings import SubmissionFinding
from festgate.lab.verify.inputs import Scenario, scenarios
from festgate.lab.verify.intake import InvalidSubmission, Submission, copy_submission, remove_folder
from festgate.lab.verify.load_changes import compare_loads
from festgate.lab.verify.processor import ProcessorTime, compare_processor_time
from festgate.lab.verify.protections import protections
from festgate.lab.verify.sandbox import AppFailed, Limits
from festgate.lab.verify.tables import Tables, UnknownTables
from festgate.lab.verify.verdicts import RouteVerdict, change_of, judge_route
from festgate.lab.verify.work import Work, count_work
from festgate.rehearsal.runner.pairs import Side
from festgate.rehearsal.runner.preflight import NotThere
from festgate.rehearsal.runner.run import CannotRun, Second
from festgate.rehearsal.runner.servers import CannotServe
from festgate.rehearsal.stats import figures
from festgate.rehearsal.stats.limits import MIN_PAIRS
from festgate.rehearsal.verdict.comparison import Comparison

ReportProgress = Callable[[str, float | None], None]
"""Called with the current step, and the finished share of the timed runs; None in steps that take seconds."""


class CannotVerify(Exception):
    """The submission could not be verified; the message gives the reason and what to do."""


class UnrelatedApp(CannotVerify):
    """An app that does not descend from the starter, so there is no verdict."""


class UnusableStarter(CannotVerify):
    """A starter that cannot be run with the interpreter, so that no submission can be verified."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a verification."""

    python: str = sys.executable
    """The interpreter of both apps."""
    seed: int = 0
    load: bool = True
    pairs: int = MIN_PAIRS
    seconds: float = 0.0
    """The length of a run; 0: as long as the slower app needs."""
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Verification:
    """The result of a verification."""

    source: str
    content: str
    """A hash of the submission."""
    seed: int
    python: str
    """The version of the interpreter."""
    routes: tuple[RouteVerdict, ...]
    findings: tuple[SubmissionFinding, ...]
    notes: tuple[str, ...]
    """Files that were not copied, limits that this system does not have, steps that failed."""
    others_alike: bool
    """Whether the pages outside the exercise respond as the starter's."""
    seconds: float
    """The duration of the verification."""

    @property
    def passed(self) -> bool:
        """Return whether all three routes improved and all other pages respond as before."""
        return self.others_alike and all(route.verdict == "improved" for route in self.routes)


@dataclass
class Baseline:
    """The fixed starter. Its responses and counts are collected once for all submissions."""

    folder: Path
    starter: Starter
    _unusable: dict[str, str] = field(default_factory=dict)
    """The reason why the starter cannot be used, by the interpreter."""
    _tables: dict[str, Tables] = field(default_factory=dict)
    _responses: dict[tuple[str, int], ScenarioResults] = field(default_factory=dict)
    _work: dict[tuple[str, int], dict[str, Work]] = field(default_factory=dict)

    @contextmanager
    def _used(self, options: Options) -> Iterator[None]:
        """Call a function that uses the starter; after a failure, fail again at once. Raises UnusableStarter."""
        if options.python in self._unusable:
            raise UnusableStarter(self._unusable[options.python])
        try:
            yield
        except (AppFailed, NoLab, UnknownTables) as error:
            msg = str(error)
            if isinstance(error, AppFailed):
                msg = (
                    f"The starter in {self.starter.folder} cannot be run with {options.python}, so there is nothing to"
                    f" compare with: {error} {environment_commands(self.starter)}"
                )
            self._unusable[options.python] = msg
            raise UnusableStarter(msg) from None

    def program(self, options: Options) -> Program:
        """Return the starter, ready to run with its data. Raises UnusableStarter."""
        tables = self.tables(options)
        return Program(self.starter, self.folder, options.python, options.limits, tables.data)

    def tables(self, options: Options, report: ReportProgress = lambda *_: None) -> Tables:
        """Return the starter's tables. Raises UnusableStarter."""
        if options.python not in self._tables:
            report("looking for the starter's tables", None)
            data = self.folder.parent / f"{self.folder.name}-{len(self._tables)}.db"
            with self._used(options):
                if not self.folder.exists():
                    write_fixed_starter(self.starter, self.folder)
                program = Program(
                    self.starter, self.folder, options.python, options.limits, fill=self.starter.fill
                )
                self._tables[options.python] = find_tables(program, data)
        return self._tables[options.python]

    def responses(
        self, options: Options, inputs: Sequence[Scenario], report: ReportProgress
    ) -> ScenarioResults:
        """Return the starter's responses. Raises UnusableStarter."""
        key = (options.python, options.seed)
        if key not in self._responses:
            program = self.program(options)
            with self._used(options):
                results = behaviour.run_scenarios(
                    program, inputs, _prefixed("sending requests to the starter", report)
                )
                if not behaviour.works(self.starter, results.responses):
                    msg = f"each of its pages fails. {results.error}".strip()
                    raise AppFailed(msg)
            self._responses[key] = results
        return self._responses[key]

    def counted(self, options: Options, report: ReportProgress) -> dict[str, Work]:
        """Return the starter's work. Raises UnusableStarter."""
        key = (options.python, options.seed)
        if key not in self._work:
            program = self.program(options)
            with self._used(options):
                self._work[key] = count_work(
                    program,
                    self.tables(options),
                    list(ROUTES),
                    options.seed,
                    _prefixed("counting the starter's work", report),
                )
        return self._work[key]


def verify(source: Path, options: Options, baseline: Baseline, report: ReportProgress) -> Verification:
    """Verify a submission and clean up. Raises CannotVerify, KeyboardInterrupt."""
    folder = Path(tempfile.mkdtemp(prefix="festgate-lab-"))
    try:
        report("copying the submission", None)
        submission = copy_submission(baseline.starter, source, folder)
        return verify_copy(str(source), submission, options, baseline, report)
    except InvalidSubmission as error:
        raise CannotVerify(str(error)) from None
    finally:
        remove_folder(folder)


def verify_copy(
    source: str, submission: Submission, options: Options, baseline: Baseline, report: ReportProgress
) -> Verification:
    """Verify the copy of a submission. Raises CannotVerify, KeyboardInterrupt."""
    began, starter = time.monotonic(), baseline.starter
    report("reading the changes", None)
    try:
        changes = changes_of(starter, submission.app, submission.tree)
    except UnreadableCode as error:
        msg = f"{source}: {error}"
        raise CannotVerify(msg) from None
    except RecursionError:
        msg = f"{source}: its code is nested too deeply to be read."
        raise CannotVerify(msg) from None
    tables = baseline.tables(options, report)
    inputs = scenarios(starter, tables, options.seed)
    program = Program(starter, submission.app, options.python, options.limits, tables.data)
    notes = list(submission.skipped)
    original = baseline.responses(options, inputs, report)
    notes += behaviour.starter_problems(original)
    try:
        results = behaviour.run_scenarios(
            program, inputs, _prefixed("sending requests to the submission", report), original.stuck
        )
    except AppFailed as error:
        package = missing_package(str(error))
        command = f" {install_command(options.python, package)}" if package else ""
        msg = f"{source} cannot be run: {str(error).removesuffix('.')}.{command}"
        raise CannotVerify(msg) from None
    expected, actual = original.responses, results.responses
    if results.missing:
        notes.append(
            f"This system has no limit {', '.join(results.missing)}; time, memory in use and the number of processes"
            " are limited all the same."
        )
    notes += protections().missing
    different = [
        _named(difference, changes, starter)
        for difference in behaviour.differences(starter, expected, actual)
    ]
    if reason := foreign_code(starter, submission.app, different):
        msg = (
            f"{source} does not descend from the starter in {starter.folder}: {reason}. Nothing was judged. Name the"
            " starter that it was made from with --starter."
        )
        raise UnrelatedApp(msg)
    wrong = {difference.route for difference in different}
    right = [name for name in ROUTES if starter.paths[name] not in wrong]
    changed = [name for name in right if changes.routes[name]]
    measured = _Measurements(program, changes, options, baseline, report, notes)
    statuses = behaviour.statuses_without_person(expected)
    with compare_loads(starter, submission.app, submission.tree, statuses) as load:
        # The locustfiles run meanwhile: counts repeat on a busy machine, too.
        # Unchanged code does the same work; only /checkout may hide a crash.
        counted = [name for name in right if name in changed or name == "checkout"]
        if counted:
            measured.count(counted)
        report("running the locustfiles", None)
        findings = [*load(), *changes.findings, *behaviour.findings_of(different)]
    if changed:
        measured.time(changed, expected, actual)
    verdicts = []
    for name in ROUTES:
        verdict, more = judge_route(
            name,
            starter.paths[name],
            changed=changes.routes[name],
            differences=[difference for difference in different if difference.route == starter.paths[name]],
            work=measured.work.get(name),
            time=measured.times.get(name),
            processor=measured.processor.get(name),
        )
        verdicts.append(verdict)
        findings += more
    return Verification(
        source=source,
        content=submission.content,
        seed=options.seed,
        python=results.python,
        routes=tuple(verdicts),
        findings=tuple(findings),
        notes=tuple(notes),
        others_alike=wrong <= set(starter.paths.values()),
        seconds=round(time.monotonic() - began, 1),
    )


@dataclass
class _Measurements:
    """The measurements of the routes that respond as before, by their names."""

    program: Program
    changes: Changes
    options: Options
    baseline: Baseline
    report: ReportProgress
    notes: list[str]
    work: dict[str, tuple[Work, Work]] = field(default_factory=dict)
    times: dict[str, Comparison] = field(default_factory=dict)
    processor: dict[str, ProcessorTime] = field(default_factory=dict)

    def count(self, names: Sequence[str]) -> None:
        """Count the work of routes in both apps. Raises CannotVerify."""
        options, tables = self.options, self.baseline.tables(self.options)
        before = self.baseline.counted(options, self.report)
        step = _prefixed("counting the submission's work", self.report)
        try:
            after = count_work(self.program, tables, names, options.seed, step)
            self.work = {name: (before[name], after[name]) for name in names}
        except AppFailed as error:
            self.notes.append(f"The submission's work could not be counted: {error}")

    def time(self, names: Sequence[str], *both: list[list[StepResult]]) -> None:
        """Time routes, and measure the processor time of those without a clear result. Raises CannotVerify.

        `both` are the responses of both apps.
        """
        original, paths = self.baseline.program(self.options), self.baseline.starter.paths
        if self.options.load:
            lengths = [
                tuple(behaviour.typical(responses, paths[name]) for responses in both) for name in names
            ]
            try:
                self.times = self._timed(original, names, lengths)
            except (CannotRun, NotThere, CannotServe) as error:
                self.notes.append(f"Time was not measured: {error}")
        untimed = [name for name in names if change_of(self.times.get(name)) is None]
        if untimed:
            step = _prefixed("measuring processor time", self.report)
            try:
                self.processor = compare_processor_time(
                    original, self.program, untimed, self.options.seed, step
                )
            except AppFailed as error:
                self.notes.append(f"The processor time could not be measured: {error}")

    def _timed(
        self, original: Program, names: Sequence[str], milliseconds: Sequence[tuple[float, ...]]
    ) -> dict[str, Comparison]:
        pairs, seconds = self.options.pairs, self.options.seconds or timing.seconds_for(milliseconds)
        builds = {
            name: (code_handed_out(original.starter, name), f"code {self.changes.fingerprints[name]}")
            for name in names
        }
        run_seconds, runs = seconds + timing.WARM_UP, 2 * pairs

        def report_second(number: int, side: Side, second: Second) -> None:
            share = (number + min(1.0, second.at / run_seconds)) / runs
            app = "the starter" if side == "before" else "the submission"
            self.report(f"run {number + 1} of {runs}, {app}", share)

        self.report(f"{runs} timed runs, about {figures.span(timing.total_seconds(pairs, seconds))}", 0.0)
        with tempfile.TemporaryDirectory(prefix="festgate-lab-", ignore_cleanup_errors=True) as folder:
            return timing.time_routes(
                original,
                self.program,
                builds,
                Path(folder),
                pairs=pairs,
                seconds=seconds,
                report=report_second,
            )


def _named(difference: Difference, changes: Changes, starter: Starter) -> Difference:
    """Return the difference; a failure is the planted crash only if that is still in the code."""
    if difference.code != "crash-left" or difference.route.partition("/{")[0] in changes.crashes:
        return difference
    is_exercise = difference.route in starter.paths.values()
    return replace(difference, code="answers-differ" if is_exercise else "others-differ")


def _prefixed(name: str, report: ReportProgress) -> ReportStep:
    return lambda step: report(f"{name}: {step}", None)
