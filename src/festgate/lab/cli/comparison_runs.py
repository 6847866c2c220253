"""The runs of `festgate lab compare`, and what it prints; only that command needs these modules."""

import tempfile
from http import HTTPStatus
from pathlib import Path

from rich.console import Console
from rich.text import Text

from festgate.lab.description.starter import BUILT_IN, Starter
from festgate.lab.hints.page import write_hints
from festgate.lab.student.copies import App, copy_app, copy_database, fill_database, write_fixed_starter
from festgate.lab.student.crash import NOBODY, RESPONSE_TIMEOUT, fetch_page
from festgate.lab.student.folder import RUNS, NoLab
from festgate.lab.student.load import code_handed_out, code_now
from festgate.lab.student.runs import METRIC, compare_runs, load_fingerprint
from festgate.lab.student.server import HOST
from festgate.lab.verify.environments import environment_commands
from festgate.rehearsal.cli.execution import START_SECONDS, TooFewRequests, exit_on_failure, run_comparison
from festgate.rehearsal.report import Compared
from festgate.rehearsal.report.comparison_report import VERDICTS
from festgate.rehearsal.report.words import comparison_in_words
from festgate.rehearsal.runner.servers import CannotServe
from festgate.rehearsal.runs.plan import Plan
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats.limits import MIN_PAIRS, min_requests
from festgate.rehearsal.stats.metrics import parse_metric
from festgate.terminal import fail

PAUSE = 1.5
"""Seconds between the requests of a user: the mean of the locustfiles' `between(1, 2)`."""


def check_size(plan: Plan, pairs: int, users: int) -> None:
    """Refuse a comparison now if it would be refused after minutes. Raises NoLab."""
    if pairs < MIN_PAIRS:
        msg = f"--pairs {pairs}: a comparison needs at least {MIN_PAIRS} pairs. See `festgate lab hint too-few-runs`."
        raise NoLab(msg)
    needed, possible = min_requests(parse_metric(METRIC).quantile), users * plan.duration / PAUSE
    if possible < needed:
        msg = (
            f"With {plan.load.shown} and a pause of {PAUSE:g} s after each response, {plan.duration:g} s have at most"
            f" {possible:.0f} requests, but a median needs {needed}. Use more --seconds or --users. See `festgate lab"
            " hint too-few-samples`."
        )
        raise NoLab(msg)


def compare_apps(starter: Starter, lab: Path, route: str, plan: Plan, pairs: int, python: str) -> Compared:
    """Run both apps in turn and compare them. Raises NoLab, UnreadableCode."""
    with tempfile.TemporaryDirectory(prefix="festgate-lab-", ignore_cleanup_errors=True) as temporary:
        return compare_runs(*_run(starter, lab, route, plan, pairs, python, Path(temporary)))


def _run(
    starter: Starter, lab: Path, route: str, plan: Plan, pairs: int, python: str, temporary: Path
) -> tuple[list[Run], list[Run]]:
    write_fixed_starter(starter, temporary / "before")
    fill_database(starter, temporary / "before", python)
    # A copy, so that edits during the comparison have no effect.
    copy_app(starter, lab, temporary / "after", with_data=False)
    copy_database(starter, temporary / "before", temporary / "after")
    now = code_now(starter, temporary / "after", route)
    if now == code_handed_out(starter, route):
        msg = (
            f"The code behind {starter.paths[route]} is unchanged, so there is nothing to compare. See `festgate lab"
            " hint same-build`."
        )
        raise NoLab(msg)
    before = App(starter, temporary / "before", python, code_handed_out(starter, route))
    after = App(starter, temporary / "after", python, now)
    minutes = 2 * pairs * (plan.duration + plan.warm_up + START_SECONDS) / 60
    with exit_on_failure(lab / RUNS):
        if starter is not BUILT_IN:
            _check_starter(before, route)
        _check_response(after, route)
        print(
            f"{starter.paths[route]}, the starter and your app in turn: {pairs} pairs of runs of {plan.duration:g} s"
            f" with {plan.load.shown}, about {minutes:.0f} min. Keep the machine otherwise idle. Ctrl-C stops the"
            " comparison and keeps the finished runs.",
            flush=True,
        )
        loads = {load_fingerprint(starter, folder, route) for folder in (lab, starter.folder)}
        if len(loads) > 1:
            print(f"Your {Path(starter.load[route])} was changed. The original is used instead.")
        try:
            return run_comparison(plan, before, after, pairs, lab / RUNS, primary=parse_metric(METRIC))
        except TooFewRequests as error:
            msg = f"{error} See `festgate lab hint too-few-samples`."
            raise NoLab(msg) from None


def _check_response(app: App, route: str) -> None:
    """Check before the first run that the page responds with success. Raises NoLab, CannotServe."""
    problem = _problem(app, route)
    if problem:
        msg = (
            f"Your app responds to {problem}, so its response times cannot be compared. See `festgate lab hint"
            " error-rates-differ`."
        )
        raise NoLab(msg)


def _check_starter(app: App, route: str) -> None:
    """Check that this Python can run the course's starter. Raises NoLab."""
    try:
        problem = _problem(app, route)
    except CannotServe as error:
        problem = f"no request. {str(error).removesuffix('.')}"
    if problem:
        msg = f"With {app.python} the starter responds to {problem}. {environment_commands(app.starter)}"
        raise NoLab(msg)


def _problem(app: App, route: str) -> str:
    """Return the page and its response if that is not a success: `/events with status 500`. Raises CannotServe."""
    with app.serve() as server:
        port = int(server.url.rpartition(":")[2])
        page, _ = fetch_page(HOST, port, app.starter.page(route, NOBODY), RESPONSE_TIMEOUT)
    if page.status == HTTPStatus.OK:
        return ""
    return f"{page.name} with {f'status {page.status}' if page.status else 'nothing'}"


def print_result(starter: Starter, folder: Path, lab: Path, route: str, result: Compared) -> None:
    """Print the verdict, and a hint for each reason that refuses or weakens it."""
    console = Console(highlight=False)
    console.print(Text(f"\n{starter.paths[route]}: {VERDICTS[result.comparison.verdict][0]}", "bold"))
    for sentence in comparison_in_words(result.comparison):
        console.print(Text(sentence))
    try:
        written = write_hints(starter, lab, route, result)
    except OSError as error:
        fail(f"The hints cannot be written in {lab}: {error.strerror}.")
    refused = bool(result.comparison.refusals)
    if written:
        console.print(Text("\nWhy it is refused" if refused else "\nWhat weakens it", "bold"))
    for hint, finding, path in written:
        console.print(Text.assemble((f"{hint.title}: ", "yellow"), finding.figure))
        console.print(Text(f"  {folder / path.relative_to(lab)}"), soft_wrap=True)
