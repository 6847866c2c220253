"""`festgate lab compare`: the starter against the student's app, in interleaved pairs."""

import tempfile
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from festgate.lab.cli.exercise import HERE, Folder
from festgate.lab.student.folder import LOAD, ROUTES, RUNS, STARTER, NoLab, interpreter, lab_in, load_file
from festgate.rehearsal.cli.options import load_of, needs_extra, plan_of
from festgate.terminal import fail

if TYPE_CHECKING:
    from festgate.lab.student.copies import App
    from festgate.rehearsal.report import Compared
    from festgate.rehearsal.runs.plan import Plan
    from festgate.rehearsal.runs.store import Run

PAUSE = 1.5
"""Seconds: the mean of the locustfiles' `between(1, 2)`. So often at most does one of them ask."""
PYTHON = "The Python that runs both apps, with their packages; without it, Festgate's own."


def mount(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command()(compare)


def compare(
    route: Annotated[str, typer.Argument(help=f"{', '.join(ROUTES)}.")],
    folder: Folder = HERE,
    pairs: Annotated[int, typer.Option(min=1, help="Pairs of runs, decided before the first is played.")] = 6,
    seconds: Annotated[float, typer.Option(min=1, help="How long each run is measured.")] = 30.0,
    users: Annotated[
        int, typer.Option(min=1, help="People at once; each waits for an answer, and thinks.")
    ] = 6,
    warm_up: Annotated[float, typer.Option(min=0, help="Seconds before that are not counted.")] = 4.0,
    python: Annotated[str, typer.Option(help=PYTHON)] = "",
) -> None:
    """Play the starter and your app in turn, and say whether a page became quicker, and by how much.

    The starter's crash is mended, and it is asked, as your app is, by the locustfile as it was handed out. Both begin
    with the events that their own code puts in. Every run is kept in the folder `runs`.

    Exit code 0 when the page is not slower, 1 when it is, 2 when the comparison is refused or could not be played, 3
    when it decides nothing, 130 when it was cut off.
    """
    needs_extra()
    from festgate.lab.student.code import Unreadable  # noqa: PLC0415  (numpy and its kin take a second, and only runs need them)
    from festgate.lab.student.runs import compared  # noqa: PLC0415

    try:
        lab = lab_in(folder)
        _known(route)
        plan = plan_of(
            str(load_file(STARTER, route)),
            load_of(users, None, None, constant=False),
            seed=None,
            duration=seconds,
            warm_up=warm_up,
            label=route,
        )
        _enough(plan, pairs, users)
        with tempfile.TemporaryDirectory(prefix="festgate-lab-", ignore_cleanup_errors=True) as scratch:
            found = compared(*_played(lab, route, plan, pairs, interpreter(python), Path(scratch)))
    except (NoLab, Unreadable) as error:
        fail(str(error))
    _tell(folder, lab, route, found)
    raise typer.Exit(found.comparison.exit_code)


def _known(route: str) -> None:
    if route not in ROUTES:
        msg = f"{route} is none of {', '.join(ROUTES)}."
        raise NoLab(msg)


def _enough(plan: "Plan", pairs: int, users: int) -> None:
    """Refuse at once what would be refused after minutes. Raises NoLab."""
    from festgate.lab.student.runs import METRIC  # noqa: PLC0415
    from festgate.rehearsal.stats.limits import MIN_PAIRS, min_requests  # noqa: PLC0415
    from festgate.rehearsal.stats.metrics import parse_metric  # noqa: PLC0415

    if pairs < MIN_PAIRS:
        msg = f"--pairs {pairs}: fewer than {MIN_PAIRS} pairs decide nothing; see `festgate lab hint too-few-runs`."
        raise NoLab(msg)
    needed, most = min_requests(parse_metric(METRIC).quantile), users * plan.duration / PAUSE
    if most < needed:
        msg = (
            f"With {plan.load.shown} and a pause of {PAUSE:g} s after each answer there are {most:.0f} requests at most"
            f" in {plan.duration:g} s, and a median takes {needed}: give more --seconds, or --users."
            " See `festgate lab hint too-few-samples`."
        )
        raise NoLab(msg)


def _played(
    lab: Path, route: str, plan: "Plan", pairs: int, python: str, scratch: Path
) -> "tuple[list[Run], list[Run]]":
    """The runs of both sides. Raises NoLab, Unreadable."""
    from festgate.lab.student.copies import App, copy_app, write_mended  # noqa: PLC0415
    from festgate.lab.student.load import code_handed_out, code_now  # noqa: PLC0415
    from festgate.lab.student.runs import METRIC  # noqa: PLC0415
    from festgate.rehearsal.cli.execution import STARTING, TooFew, perform_pairs, sentences  # noqa: PLC0415
    from festgate.rehearsal.stats.metrics import parse_metric  # noqa: PLC0415

    write_mended(scratch / "before")
    # A copy: what is edited while this is played is compared the next time.
    copy_app(lab, scratch / "after", with_data=False)
    now = code_now(scratch / "after", route)
    if now == code_handed_out(route):
        msg = (
            f"The code behind {ROUTES[route]} is as it was handed out, so there is nothing to compare it with. See"
            " `festgate lab hint same-build`."
        )
        raise NoLab(msg)
    before = App(scratch / "before", python, code_handed_out(route))
    after = App(scratch / "after", python, now)
    minutes = 2 * pairs * (plan.duration + plan.warm_up + STARTING) / 60
    with sentences(lab / RUNS):
        _answers(after, route)
        print(
            f"{ROUTES[route]}, the starter and your app in turn: {pairs} pairs of runs of {plan.duration:g} s with"
            f" {plan.load.shown}, about {minutes:.0f} min. The machine should have nothing else to do meanwhile. Ctrl-C"
            " ends it, and what was played is kept.",
            flush=True,
        )
        if not _same_load(lab, route):
            print(
                f"Your {LOAD}/{load_file(lab, route).name} is another than was handed out, and is not used."
            )
        try:
            return perform_pairs(plan, before, after, pairs, lab / RUNS, primary=parse_metric(METRIC))
        except TooFew as error:
            msg = f"{error} See `festgate lab hint too-few-samples`."
            raise NoLab(msg) from None


def _answers(app: "App", route: str) -> None:
    """See at once, and not after a run of the starter, whether the page can be timed. Raises NoLab, CannotServe."""
    from festgate.lab.student.crash import NOBODY, PATIENCE, ask  # noqa: PLC0415
    from festgate.lab.student.server import HOST  # noqa: PLC0415

    with app.serve() as server:
        port = int(server.url.rpartition(":")[2])
        page, _ = ask(HOST, port, f"{ROUTES[route]}?user={NOBODY}", PATIENCE)
    if page.status != HTTPStatus.OK:
        told = f"with {page.status}" if page.status else "not at all"
        msg = (
            f"Your app answers {page.name} {told}, so there is no time of it to compare. See"
            " `festgate lab hint error-rates-differ`."
        )
        raise NoLab(msg)


def _same_load(lab: Path, route: str) -> bool:
    from festgate.lab.student.runs import load_fingerprint  # noqa: PLC0415

    return load_fingerprint(lab, route) == load_fingerprint(STARTER, route)


def _tell(folder: Path, lab: Path, route: str, found: "Compared") -> None:
    """The verdict in words, and of what forbids or weakens it the hint."""
    from festgate.lab.hints.page import write_hints  # noqa: PLC0415
    from festgate.rehearsal.report.comparison_report import VERDICTS  # noqa: PLC0415
    from festgate.rehearsal.report.words import comparison_in_words  # noqa: PLC0415

    console = Console(highlight=False)
    console.print(Text(f"\n{ROUTES[route]}: {VERDICTS[found.comparison.verdict][0]}", "bold"))
    for sentence in comparison_in_words(found.comparison):
        console.print(Text(sentence))
    try:
        written = write_hints(lab, route, found)
    except OSError as error:
        fail(f"The hints cannot be written in {lab}: {error.strerror}.")
    refused = bool(found.comparison.refusals)
    if written:
        console.print(Text("\nWhy it is refused" if refused else "\nWhat weakens it", "bold"))
    for hint, finding, path in written:
        console.print(Text.assemble((f"{hint.title}: ", "yellow"), finding.figure))
        console.print(Text(f"  {folder / path.relative_to(lab)}"), soft_wrap=True)
