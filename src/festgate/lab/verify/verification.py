"""Verify a submission: copy it, read its changes, compare responses, count work, measure time, give verdicts."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from festgate.lab.description.starter import ROUTES, Starter
from festgate.lab.student.code import UnreadableCode
from festgate.lab.student.copies import write_mended
from festgate.lab.student.load import code_handed_out
from festgate.lab.verify import behaviour, timing
from festgate.lab.verify.behaviour import Program, ReportStep, StepResult
from festgate.lab.verify.changes import Changes, changes_of
from festgate.lab.verify.findings import SubmissionFinding
from festgate.lab.verify.inputs import Scenario, scenarios
from festgate.lab.verify.intake import InvalidSubmission, Submission, copy_submission, remove_folder
from festgate.lab.verify.sandbox import AppFailed, Limits
from festgate.lab.verify.verdicts import RouteVerdict, judge_route
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
    _responses: dict[tuple[str, int], list[list[StepResult]]] = field(default_factory=dict)
    _work: dict[tuple[str, int], dict[str, Work]] = field(default_factory=dict)

    def program(self, options: Options) -> Program:
        """Return the starter, ready to run."""
        if not self.folder.exists():
            write_mended(self.starter, self.folder)
        return Program(self.starter, self.folder, options.python, options.limits)

    def responses(
        self, options: Options, inputs: Sequence[Scenario], report: ReportProgress
    ) -> list[list[StepResult]]:
        """Return the starter's responses. Raises CannotVerify."""
        key = (options.python, options.seed)
        if key not in self._responses:
            with _starter_runs(self.starter, options.python):
                results = behaviour.run_scenarios(
                    self.program(options), inputs, _prefixed("sending requests to the starter", report)
                )
            self._responses[key] = results.responses
        return self._responses[key]

    def counted(self, options: Options, report: ReportProgress) -> dict[str, Work]:
        """Return the starter's work. Raises CannotVerify."""
        key = (options.python, options.seed)
        if key not in self._work:
            with _starter_runs(self.starter, options.python):
                self._work[key] = count_work(
                    self.program(options),
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
    inputs = scenarios(options.seed)
    program = Program(starter, submission.app, options.python, options.limits)
    notes = list(submission.skipped)
    try:
        results = behaviour.run_scenarios(
            program, inputs, _prefixed("sending requests to the submission", report)
        )
    except AppFailed as error:
        msg = f"{source} cannot be run: {error}"
        raise CannotVerify(msg) from None
    expected, actual = baseline.responses(options, inputs, report), results.responses
    if results.missing:
        notes.append(
            f"This system has no limit {', '.join(results.missing)}; time, memory in use and the number of processes"
            " are limited all the same."
        )
    different = behaviour.differences(starter, expected, actual)
    findings = [*changes.findings, *behaviour.findings_of(different)]
    wrong = {difference.route for difference in different}
    right = [name for name in ROUTES if starter.paths[name] not in wrong]
    # Unchanged code does the same work; only /checkout may hide a crash.
    counted = [name for name in right if changes.routes[name] or name == "checkout"]
    before = baseline.counted(options, report) if counted else {}
    after: dict[str, Work] = {}
    try:
        if counted:
            after = count_work(
                program,
                counted,
                options.seed,
                _prefixed("counting the submission's work", report),
            )
    except AppFailed as error:
        notes.append(f"The submission's work could not be counted: {error}")
    timed = [name for name in right if changes.routes[name]]
    times: dict[str, Comparison] = {}
    if options.load and timed:
        lengths = [
            (behaviour.typical(expected, starter.paths[name]), behaviour.typical(actual, starter.paths[name]))
            for name in timed
        ]
        try:
            times = _timed(baseline.program(options), program, changes, timed, options, lengths, report)
        except (CannotRun, NotThere, CannotServe) as error:
            notes.append(f"Time was not measured: {error}")
    verdicts = []
    for name in ROUTES:
        verdict, more = judge_route(
            name,
            starter.paths[name],
            changed=changes.routes[name],
            differences=[difference for difference in different if difference.route == starter.paths[name]],
            work=(before[name], after[name]) if name in after else None,
            time=times.get(name),
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


def _timed(
    before: Program,
    after: Program,
    changes: Changes,
    names: Sequence[str],
    options: Options,
    milliseconds: Sequence[tuple[float, float]],
    report: ReportProgress,
) -> dict[str, Comparison]:
    seconds = options.seconds or timing.seconds_for(milliseconds)
    builds = {
        name: (code_handed_out(before.starter, name), f"code {changes.fingerprints[name]}") for name in names
    }
    run_seconds, runs = seconds + timing.WARM_UP, 2 * options.pairs

    def report_second(number: int, side: Side, second: Second) -> None:
        share = (number + min(1.0, second.at / run_seconds)) / runs
        app = "the starter" if side == "before" else "the submission"
        report(f"run {number + 1} of {runs}, {app}", share)

    report(f"{runs} timed runs, about {figures.span(timing.total_seconds(options.pairs, seconds))}", 0.0)
    with tempfile.TemporaryDirectory(prefix="festgate-lab-", ignore_cleanup_errors=True) as folder:
        return timing.time_routes(
            before, after, builds, Path(folder), pairs=options.pairs, seconds=seconds, report=report_second
        )


def _prefixed(name: str, report: ReportProgress) -> ReportStep:
    return lambda step: report(f"{name}: {step}", None)


@contextmanager
def _starter_runs(starter: Starter, python: str) -> Iterator[None]:
    try:
        yield
    except AppFailed as error:
        packages = starter.folder / "requirements.txt"
        msg = (
            f"The starter cannot be run with {python}, so there is nothing to compare with: {error} Install the"
            f" packages of {packages.name} there, besides the submission's own."
        )
        raise CannotVerify(msg) from None
