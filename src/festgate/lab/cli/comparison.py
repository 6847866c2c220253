"""`festgate lab compare`: compare the starter with the student's app in interleaved pairs."""

import tempfile
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from festgate.lab.cli.description import StarterFolder, starter_of_lab
from festgate.lab.cli.exercise import HERE, Folder
from festgate.lab.description.starter import BUILT_IN, ROUTES, Starter
from festgate.lab.student.folder import RUNS, NoLab, interpreter, lab_in, load_file
from festgate.rehearsal.cli.options import make_load, make_plan, require_extra
from festgate.terminal import fail

if TYPE_CHECKING:
    from festgate.lab.student.copies import App
    from festgate.rehearsal.report import Compared
    from festgate.rehearsal.runs.plan import Plan
    from festgate.rehearsal.runs.store import Run

PAUSE = 1.5
"""Seconds between the requests of a user: the mean of the locustfiles' `between(1, 2)`."""
PYTHON = "The Python with the packages of both apps, which runs them. Default: Festgate's own."


def mount(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command()(compare)


def compare(
    route: Annotated[str, typer.Argument(help=f"One of {', '.join(ROUTES)}.")],
    folder: Folder = HERE,
    starter: StarterFolder = None,
    pairs: Annotated[int, typer.Option(min=1, help="Pairs of runs, fixed before the first run.")] = 6,
    seconds: Annotated[float, typer.Option(min=1, help="Length of each run.")] = 30.0,
    users: Annotated[
        int, typer.Option(min=1, help="Concurrent users; each waits for a response, then pauses.")
    ] = 6,
    warm_up: Annotated[
        float, typer.Option(min=0, help="Seconds before the measurement that do not count.")
    ] = 4.0,
    python: Annotated[str, typer.Option(help=PYTHON)] = "",
) -> None:
    """Run the starter and your app in turn, and report whether a page became faster, and by how much.

    The crash of the starter is fixed. Both apps get the load of the original locustfile, and begin with newly
    inserted events. Every run is kept in the folder `runs`.

    Exit code 0 when the page is not slower, 1 when it is, 2 when the comparison is refused or could not be run, 3 when
    it is inconclusive, 130 when interrupted.
    """
    require_extra()
    from festgate.lab.student.code import UnreadableCode  # noqa: PLC0415  (numpy and others take a second to import, and only runs need them)
    from festgate.lab.student.runs import compare_runs  # noqa: PLC0415

    try:
        _check_route(route)
        described = starter_of_lab(folder, starter)
        lab = lab_in(described, folder)
        plan = make_plan(
            str(load_file(described, described.folder, route)),
            make_load(users, None, None, constant=False),
            seed=None,
            duration=seconds,
            warm_up=warm_up,
            label=route,
        )
        _check_size(plan, pairs, users)
        with tempfile.TemporaryDirectory(prefix="festgate-lab-", ignore_cleanup_errors=True) as temporary:
            result = compare_runs(
                *_run(described, lab, route, plan, pairs, interpreter(python), Path(temporary))
            )
    except (NoLab, UnreadableCode) as error:
        fail(str(error))
    _print_result(described, folder, lab, route, result)
    raise typer.Exit(result.comparison.exit_code)


def _check_route(route: str) -> None:
    if route not in ROUTES:
        msg = f"{route} is not one of {', '.join(ROUTES)}."
        raise NoLab(msg)


def _check_size(plan: "Plan", pairs: int, users: int) -> None:
    """Refuse at once a comparison that would be refused after minutes. Raises NoLab."""
    from festgate.lab.student.runs import METRIC  # noqa: PLC0415
    from festgate.rehearsal.stats.limits import MIN_PAIRS, min_requests  # noqa: PLC0415
    from festgate.rehearsal.stats.metrics import parse_metric  # noqa: PLC0415

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


def _run(
    starter: Starter, lab: Path, route: str, plan: "Plan", pairs: int, python: str, temporary: Path
) -> "tuple[list[Run], list[Run]]":
    """Return the runs of both sides. Raises NoLab, UnreadableCode."""
    from festgate.lab.student.copies import App, copy_app, copy_database, fill_database, write_fixed_starter  # noqa: PLC0415
    from festgate.lab.student.load import code_handed_out, code_now  # noqa: PLC0415
    from festgate.lab.student.runs import METRIC  # noqa: PLC0415
    from festgate.rehearsal.cli.execution import STARTING, TooFewRequests, exit_on_failure, run_comparison  # noqa: PLC0415
    from festgate.rehearsal.stats.metrics import parse_metric  # noqa: PLC0415

    write_fixed_starter(starter, temporary / "before")
    fill_database(starter, temporary / "before", python)
    # A copy: edits during the comparison do not affect it.
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
    minutes = 2 * pairs * (plan.duration + plan.warm_up + STARTING) / 60
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
        if not _same_load(starter, lab, route):
            print(f"Your {Path(starter.load[route])} was changed. The original is used instead.")
        try:
            return run_comparison(plan, before, after, pairs, lab / RUNS, primary=parse_metric(METRIC))
        except TooFewRequests as error:
            msg = f"{error} See `festgate lab hint too-few-samples`."
            raise NoLab(msg) from None


def _check_response(app: "App", route: str) -> None:
    """Check before the first run that the page responds with success. Raises NoLab, CannotServe."""
    problem = _problem(app, route)
    if problem:
        msg = (
            f"Your app responds to {problem}, so its response times cannot be compared. See `festgate lab hint"
            " error-rates-differ`."
        )
        raise NoLab(msg)


def _check_starter(app: "App", route: str) -> None:
    """Check that this Python can run the course's starter. Raises NoLab."""
    from festgate.lab.verify.environments import environment_commands  # noqa: PLC0415
    from festgate.rehearsal.runner.servers import CannotServe  # noqa: PLC0415

    try:
        problem = _problem(app, route)
    except CannotServe as error:
        problem = f"no request. {str(error).removesuffix('.')}"
    if problem:
        msg = f"With {app.python} the starter responds to {problem}. {environment_commands(app.starter)}"
        raise NoLab(msg)


def _problem(app: "App", route: str) -> str:
    """Return the page and its response where that is no success: `/events with status 500`. Raises CannotServe."""
    from festgate.lab.student.crash import NOBODY, PATIENCE, fetch_page  # noqa: PLC0415
    from festgate.lab.student.server import HOST  # noqa: PLC0415

    with app.serve() as server:
        port = int(server.url.rpartition(":")[2])
        page, _ = fetch_page(HOST, port, app.starter.page(route, NOBODY), PATIENCE)
    if page.status == HTTPStatus.OK:
        return ""
    return f"{page.name} with {f'status {page.status}' if page.status else 'nothing'}"


def _same_load(starter: Starter, lab: Path, route: str) -> bool:
    from festgate.lab.student.runs import load_fingerprint  # noqa: PLC0415

    return load_fingerprint(starter, lab, route) == load_fingerprint(starter, starter.folder, route)


def _print_result(starter: Starter, folder: Path, lab: Path, route: str, result: "Compared") -> None:
    """Print the verdict, and a hint for each reason that refuses or weakens it."""
    from festgate.lab.hints.page import write_hints  # noqa: PLC0415
    from festgate.rehearsal.report.comparison_report import VERDICTS  # noqa: PLC0415
    from festgate.rehearsal.report.words import comparison_in_words  # noqa: PLC0415

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
