"""`festgate lab compare`: compare the starter with the student's app in interleaved pairs."""

from typing import Annotated

import typer

from festgate.lab.cli.description import StarterFolder, starter_of_lab
from festgate.lab.cli.exercise import HERE, Folder
from festgate.lab.description.starter import ROUTES
from festgate.lab.student.folder import NoLab, interpreter, lab_in, load_file
from festgate.rehearsal.cli.options import make_load, make_plan, require_extra
from festgate.terminal import fail

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
    from festgate.lab.cli import comparison_runs  # noqa: PLC0415  (numpy and others take a second to import)
    from festgate.lab.student.code import UnreadableCode  # noqa: PLC0415

    if route not in ROUTES:
        fail(f"{route} is not one of {', '.join(ROUTES)}.")
    try:
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
        comparison_runs.check_size(plan, pairs, users)
        result = comparison_runs.compare_apps(described, lab, route, plan, pairs, interpreter(python))
    except (NoLab, UnreadableCode) as error:
        fail(str(error))
    comparison_runs.print_result(described, folder, lab, route, result)
    raise typer.Exit(result.comparison.exit_code)
