"""A verification from its beginning to its end: taken in, looked at, asked, counted, timed, judged."""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from festgate.lab.student.code import UnreadableCode
from festgate.lab.student.copies import write_mended
from festgate.lab.student.folder import ROUTES, STARTER
from festgate.lab.student.load import code_handed_out
from festgate.lab.verify import timing
from festgate.lab.verify.behaviour import Program, Seen, differences, findings_of, play, typical
from festgate.lab.verify.changes import Changes, changes_of
from festgate.lab.verify.findings import Finding
from festgate.lab.verify.inputs import Play, plays
from festgate.lab.verify.intake import NotTaken, Taken, clear, take_in
from festgate.lab.verify.sandbox import Ended, Limits
from festgate.lab.verify.verdicts import Judged, judge_route
from festgate.lab.verify.work import Work, count_work
from festgate.rehearsal.runner.pairs import Side
from festgate.rehearsal.runner.preflight import NotThere
from festgate.rehearsal.runner.run import CannotPlay, Second
from festgate.rehearsal.runner.servers import CannotServe
from festgate.rehearsal.stats import figures
from festgate.rehearsal.stats.limits import MIN_PAIRS
from festgate.rehearsal.verdict.comparison import Comparison

Tell = Callable[[str, float | None], None]
"""What is done now, and the share of the timed pairs that is behind; None in what takes seconds."""


class CannotVerify(Exception):
    """It could not be verified; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """How it is to be verified."""

    python: str = sys.executable
    """The interpreter of both."""
    seed: int = 0
    load: bool = True
    pairs: int = MIN_PAIRS
    seconds: float = 0.0
    """Of a run; 0: as long as the slower of the two needs."""
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Verified:
    """What came of it."""

    source: str
    content: str
    """A hash of what was handed in."""
    seed: int
    python: str
    """The version that ran both."""
    routes: tuple[Judged, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    """What the reader has to know: what was left out, limits that this system does not have."""
    others_alike: bool
    """Whether the pages that were not to be changed answer as they did."""
    seconds: float
    """That it took."""

    @property
    def passed(self) -> bool:
        """All three improved, and everything alike."""
        return self.others_alike and all(each.verdict == "improved" for each in self.routes)


@dataclass
class Baseline:
    """The starter, mended, with one interpreter: asked and counted once for all submissions."""

    folder: Path
    answers: dict[tuple[str, int], list[list[Seen]]] = field(default_factory=dict)
    work: dict[tuple[str, int], dict[str, Work]] = field(default_factory=dict)

    def program(self, options: Options) -> Program:
        """It, to be run."""
        if not self.folder.exists():
            write_mended(self.folder)
        return Program(self.folder, options.python, options.limits)

    def answered(self, options: Options, what: Sequence[Play], tell: Tell) -> list[list[Seen]]:
        """What it answers. Raises CannotVerify."""
        key = (options.python, options.seed)
        if key not in self.answers:
            try:
                played = play(
                    self.program(options), what, lambda step: tell(f"asking the starter: {step}", None)
                )
            except Ended as error:
                raise CannotVerify(_no_starter(options.python, error)) from None
            self.answers[key] = played.answers
        return self.answers[key]

    def counted(self, options: Options, tell: Tell) -> dict[str, Work]:
        """Its work. Raises CannotVerify."""
        key = (options.python, options.seed)
        if key not in self.work:
            try:
                self.work[key] = count_work(
                    self.program(options),
                    list(ROUTES),
                    options.seed,
                    lambda step: tell(f"counting the work of the starter: {step}", None),
                )
            except Ended as error:
                raise CannotVerify(_no_starter(options.python, error)) from None
        return self.work[key]


def verify(source: Path, options: Options, baseline: Baseline, tell: Tell) -> Verified:
    """Verify what was handed in. Raises CannotVerify, KeyboardInterrupt; nothing is left running or lying about."""
    scratch = Path(tempfile.mkdtemp(prefix="festgate-lab-"))
    try:
        tell("taking it in", None)
        taken = take_in(source, scratch)
        return verify_taken(str(source), taken, options, baseline, tell)
    except NotTaken as error:
        raise CannotVerify(str(error)) from None
    finally:
        clear(scratch)


def verify_taken(source: str, taken: Taken, options: Options, baseline: Baseline, tell: Tell) -> Verified:
    """The same of a scratch copy. Raises CannotVerify, KeyboardInterrupt."""
    began = time.monotonic()
    tell("looking at what was changed", None)
    try:
        changes = changes_of(taken.app, taken.tree)
    except UnreadableCode as error:
        msg = f"{source}: {error}"
        raise CannotVerify(msg) from None
    except RecursionError:
        msg = f"{source}: its code is nested too deep to be read."
        raise CannotVerify(msg) from None
    what = plays(options.seed)
    program = Program(taken.app, options.python, options.limits)
    notes = list(taken.left)
    try:
        played = play(program, what, lambda step: tell(f"asking the submission: {step}", None))
    except Ended as error:
        msg = f"{source} cannot be run: {error}"
        raise CannotVerify(msg) from None
    expected, came = baseline.answered(options, what, tell), played.answers
    if played.missing:
        notes.append(
            f"This system has no limit of {', '.join(played.missing)}; time, the memory in use and the number of"
            " processes are watched all the same."
        )
    different = differences(expected, came)
    findings = [*changes.findings, *findings_of(different)]
    wrong = {each.route for each in different}
    right = [name for name, route in ROUTES.items() if route not in wrong]
    # Where the code is the same, so is the work; only a crash may be hidden in it.
    counted = [name for name in right if changes.routes[name] or name == "checkout"]
    before = baseline.counted(options, tell) if counted else {}
    after: dict[str, Work] = {}
    try:
        if counted:
            after = count_work(
                program,
                counted,
                options.seed,
                lambda step: tell(f"counting the work of the submission: {step}", None),
            )
    except Ended as error:
        notes.append(f"Its work could not be counted: {error}")
    timed = [name for name in right if changes.routes[name]]
    times: dict[str, Comparison] = {}
    if options.load and timed:
        lengths = [(typical(expected, ROUTES[name]), typical(came, ROUTES[name])) for name in timed]
        try:
            times = _timed(baseline.program(options), program, changes, timed, options, lengths, tell)
        except (CannotPlay, NotThere, CannotServe) as error:
            notes.append(f"Time was not measured: {error}")
    routes = []
    for name in ROUTES:
        judged, found = judge_route(
            name,
            changed=changes.routes[name],
            differences=[each for each in different if each.route == ROUTES[name]],
            work=(before[name], after[name]) if name in after else None,
            time=times.get(name),
        )
        routes.append(judged)
        findings += found
    return Verified(
        source=source,
        content=taken.content,
        seed=options.seed,
        python=played.python,
        routes=tuple(routes),
        findings=tuple(findings),
        notes=tuple(notes),
        others_alike=wrong <= set(ROUTES.values()),
        seconds=round(time.monotonic() - began, 1),
    )


def _timed(
    before: Program,
    after: Program,
    changes: Changes,
    names: Sequence[str],
    options: Options,
    milliseconds: Sequence[tuple[float, float]],
    tell: Tell,
) -> dict[str, Comparison]:
    seconds = options.seconds or timing.seconds_for(milliseconds)
    builds = {name: (code_handed_out(name), f"code {changes.marks[name]}") for name in names}
    each, runs = seconds + timing.WARM_UP, 2 * options.pairs

    def told(number: int, side: Side, second: Second) -> None:
        share = (number + min(1.0, second.at / each)) / runs
        whose = "the starter" if side == "before" else "the submission"
        tell(f"run {number + 1} of {runs}, {whose}", share)

    tell(f"{runs} timed runs, about {figures.span(timing.time_it_takes(options.pairs, seconds))}", 0.0)
    with tempfile.TemporaryDirectory(prefix="festgate-lab-", ignore_cleanup_errors=True) as kept:
        return timing.time_routes(
            before, after, builds, Path(kept), pairs=options.pairs, seconds=seconds, tell=told
        )


def _no_starter(python: str, error: Ended) -> str:
    packages = STARTER / "requirements.txt"
    return (
        f"The starter cannot be run with {python}, so that nothing can be compared: {error} Install the packages of"
        f" {packages.name} there, besides the submission's own."
    )
