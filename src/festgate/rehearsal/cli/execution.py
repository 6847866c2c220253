"""The execution of a run, or of pairs of runs, by a command: display, report and exit code."""

import math
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from festgate.rehearsal.cli.options import BROKEN, INTERRUPTED, check_metrics
from festgate.rehearsal.stats.limits import MANY_NAMES, NAME_ADVICE
from festgate.terminal import fail

if TYPE_CHECKING:
    from festgate.rehearsal.runner.builds import Build
    from festgate.rehearsal.runner.pairs import Side
    from festgate.rehearsal.runner.run import Second
    from festgate.rehearsal.runs.plan import Plan, RunOptions
    from festgate.rehearsal.runs.store import Run
    from festgate.rehearsal.stats.metrics import Metric
    from festgate.rehearsal.verdict.looks import Looks

START_SECONDS = 4.0
"""Seconds that a server takes to start, for the estimate of the remaining time."""


def run_journey(plan: "Plan", runs: Path, options: "RunOptions", *, load_given: bool) -> "Run":
    """Run the plan with a display on standard error; end the command if that fails.

    `load_given`: the command has an option for the load, which a shape in the locustfile does not replace.
    """
    from festgate.rehearsal.cli import display  # noqa: PLC0415  (imports numpy, which takes a second)
    from festgate.rehearsal.runner.run import rehearse  # noqa: PLC0415
    from festgate.rehearsal.stats.metrics import parse_threshold  # noqa: PLC0415

    with exit_on_failure():
        plan, web_target = follow_locustfile(plan, load_given=load_given)
        options = replace(options, web_target=web_target)
        if options.join_at and web_target and not plan.targets:
            fail("--join-at needs a --host: a temporary portal can only be reached from this machine.")
        check_metrics((parse_threshold(text).metric for text in plan.fail_if), *plan.targets)
        with display.Display(plan, display.console()) as shown:
            return rehearse(plan, runs, on_second=shown, on_notice=shown.print, options=options)


def follow_locustfile(plan: "Plan", *, load_given: bool, own_host: bool = True) -> "tuple[Plan, bool]":
    """Return the plan completed from a user's locustfile, and whether users have a web client of Locust.

    Print a notice for each part of the file that is not used. The file's shape sets the number of users, unless an
    option does. With `own_host`, the users keep their own hosts if the plan has none. Raises CannotRun.
    """
    from festgate.rehearsal.runner.inspection import inspect_locustfile  # noqa: PLC0415
    from festgate.rehearsal.runner.run import CannotRun  # noqa: PLC0415
    from festgate.rehearsal.runs.plan import is_built_in  # noqa: PLC0415

    if is_built_in(plan.journey) and not plan.arguments:
        return plan, True
    inspection = inspect_locustfile(plan)
    for sentence in inspection.ignored:
        print(sentence, file=sys.stderr)
    shape, load = inspection.shape, plan.load
    if shape and load.kind == "users" and (inspection.shape_takes_options or not load_given):
        print(
            f"{shape} sets the number of users. The run ends with it, and after {plan.warm_up + plan.duration:g} s at"
            " the latest (--warm-up and --duration).",
            file=sys.stderr,
        )
        plan = replace(plan, load=replace(load, shape=shape))
    elif shape:
        print(f"{shape} is not used: an option of the command sets the load.", file=sys.stderr)
    if not own_host and inspection.hosts:
        hosts = ", ".join(f"{host} of {name}" for name, host in inspection.hosts.items())
        print(
            f"All users send to the targets of the command. Their own hosts are not used: {hosts}.",
            file=sys.stderr,
        )
    if plan.host or not own_host:
        return plan, inspection.has_web_users
    if inspection.hosts and inspection.without_host:
        msg = (
            f"Some user classes of {plan.journey} have a host and some have none: {', '.join(inspection.without_host)}."
            " Locust would stop at them. Set `host` there, or name one target for all users on the command line."
        )
        raise CannotRun(msg)
    return replace(plan, host=inspection.host, hosts=inspection.hosts), inspection.has_web_users


def report_run(run: "Run", form: str) -> int:
    """Print the report in that format, and write the whole one into the run's folder; return the exit code."""
    from festgate.rehearsal.report import render, write_report  # noqa: PLC0415
    from festgate.rehearsal.stats.summary import summarize  # noqa: PLC0415
    from festgate.rehearsal.verdict.outcome import outcome_of  # noqa: PLC0415

    page = run.folder / "report.html"
    summary = summarize(run)
    try:
        write_report(summary, page)
        whole = f"the whole report is {page}"
    except OSError as error:
        whole = f"the whole report could not be written: {error.strerror}."
    print(render(summary, form), end="")
    if run.plan.workers > 1 and summary.names >= MANY_NAMES:
        # A single process has counted the names, and printed this, during the run.
        print(f"The requests have {summary.names:,} different names. {NAME_ADVICE}", file=sys.stderr)
    Console(file=sys.stderr, highlight=False, soft_wrap=True).print(f"Kept in {run.folder}; {whole}")
    if run.state == "cut" and not run.aborted:
        return INTERRUPTED
    return 0 if outcome_of(summary).result == "held" else BROKEN


class TooFewRequests(Exception):
    """A comparison that would be refused at its end. The message gives the reason and the remedy."""


def run_comparison(
    plan: "Plan",
    before: "str | Build",
    after: "str | Build",
    pairs: int,
    runs: Path,
    *,
    primary: "Metric | None" = None,
    looks: "Looks | None" = None,
    at_once: bool = False,
) -> "tuple[list[Run], list[Run]]":
    """Run both builds in pairs, with the remaining time on standard error. An empty text means the installed Festgate.

    With `looks`, the comparison ends as soon as it is decided. Raises what `resolve_build` and `run_pairs` raise, and
    TooFewRequests after the first run with too few requests for
    the `primary` metric.
    """
    from festgate.rehearsal.runner.builds import Installed, resolve_build  # noqa: PLC0415
    from festgate.rehearsal.runner.pairs import run_pairs  # noqa: PLC0415

    seconds = plan.warm_up + plan.duration
    together = 2 if at_once else 1
    total = f"{'at most ' if looks else ''}{2 * pairs}"
    console = Console(file=sys.stderr, highlight=False)
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console, transient=True
    )
    task = progress.add_task("Starting", total=2 * pairs // together * (seconds + START_SECONDS))

    def on_second(number: int, side: "Side", second: "Second") -> None:
        progress.update(
            task,
            completed=number // together * (seconds + START_SECONDS) + START_SECONDS + second.at,
            description=f"Run {number + 1} of {total}, {side}",
        )
        if not console.is_terminal and second.at >= seconds:
            console.print(f"Run {number + 1} of {total}, {side}: {second.requests} requests")

    def on_run(side: "Side", run: "Run") -> bool:
        if primary is not None:
            check_requests(run, primary, runs)
        return looks is not None and looks.is_decided_by(side, run)

    with ExitStack() as stack:
        first, second = (
            build
            if not isinstance(build, str)
            else stack.enter_context(resolve_build(build, Path.cwd()))
            if build
            else Installed()
            for build in (before, after)
        )
        stack.enter_context(progress)
        return run_pairs(
            plan, first, second, pairs, runs, on_second=on_second, on_run=on_run, at_once=at_once
        )


def check_requests(run: "Run", primary: "Metric", runs: Path) -> None:
    """Raise TooFewRequests if the run has fewer requests than the metric needs."""
    from festgate.rehearsal.stats.limits import min_requests  # noqa: PLC0415

    samples = run.measured()
    count, needed = int(primary.of(samples).sum()), min_requests(primary.quantile)
    if count >= needed:
        return
    # Half as long again: the next run may have fewer than one that had just enough.
    better = 5 * math.ceil(1.5 * run.plan.duration * needed / max(1, count) / 5)
    remedy = (
        f"Run longer, {better:,} s at this pace, or with more load."
        if count
        else f"The run has requests for: {', '.join(samples.names) or 'nothing'}."
    )
    msg = (
        f"{run.name} has {count:,} requests for {primary.text}, which needs {needed:,} in each run, so the comparison"
        f" would be refused. {remedy} The completed runs are kept in {runs}."
    )
    raise TooFewRequests(msg)


@contextmanager
def exit_on_failure(runs: Path | None = None) -> Iterator[None]:
    """End the command with a message if a run fails, or after Ctrl-C; completed runs are kept in `runs`."""
    from festgate.rehearsal.runner.builds import UnknownBuild  # noqa: PLC0415
    from festgate.rehearsal.runner.preflight import NotThere  # noqa: PLC0415
    from festgate.rehearsal.runner.run import CannotRun  # noqa: PLC0415
    from festgate.rehearsal.runner.servers import CannotServe  # noqa: PLC0415

    try:
        yield
    except (UnknownBuild, NotThere, CannotRun, CannotServe, TooFewRequests) as error:
        fail(str(error))
    except KeyboardInterrupt:
        kept = f"Interrupted. The completed runs are kept in {runs}."
        fail("Nothing was sent." if runs is None else kept, INTERRUPTED)
