"""`festgate drill`: inject faults under load and report the impact. Needs the extra `rehearsal`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from festgate.rehearsal.cli.options import BROKEN, INTERRUPTED, RUNS, RunsFolder, parse_seconds, require_extra
from festgate.terminal import WRONG_USE, fail

if TYPE_CHECKING:
    from festgate.drills.execution import Phase
    from festgate.drills.plan import Drill
    from festgate.drills.runner import DrillOptions, DrillResults
    from festgate.rehearsal.runner.run import Second

drill_app = typer.Typer(no_args_is_help=True)


def mount(app: typer.Typer) -> None:
    """Add the command group to the program."""
    app.add_typer(
        drill_app, name="drill", help="Inject faults into a fest under load and report the impact: list, run."
    )


@drill_app.command("list")
def list_drills() -> None:
    """List the drills that come with Festgate."""
    require_extra()
    from festgate.drills.file import drills  # noqa: PLC0415  (only these commands need it)

    table = Table("Drill", "Fault", "Duration")
    for drill in drills():
        table.add_row(drill.name, drill.title, f"{drill.lasts:g} s")
    Console(highlight=False).print(table)


@drill_app.command()
def run(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names of drills, or drill files that end in .toml.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Run every drill that comes with Festgate.")] = False,
    against: Annotated[
        str,
        typer.Option(
            help="Address of a running portal on this machine, http://127.0.0.1:PORT, with FESTGATE_DRILLS_TOKEN set."
            " Default: a temporary portal."
        ),
    ] = "",
    token: Annotated[
        str, typer.Option(envvar="FESTGATE_DRILLS_TOKEN", help="Drills token of the running portal.")
    ] = "",
    journey: Annotated[
        str,
        typer.Option(
            help="Journey of the crowd: a name or a locustfile. Default: all journeys of a fest together."
        ),
    ] = "",
    rate: Annotated[float, typer.Option(min=0.5, max=500, help="Journeys that begin each second.")] = 12.0,
    duration: Annotated[
        str, typer.Option(help="Duration of each fault: 5s, 1m. Default: the duration in each drill file.")
    ] = "",
    quiet: Annotated[str, typer.Option(help="Duration of the window without a fault.")] = "8s",
    seed: Annotated[int | None, typer.Option(help="Repeats the users and arrivals of another run.")] = None,
    without_bulkheads: Annotated[
        bool,
        typer.Option(
            "--without-bulkheads", help="Switch containment off on the temporary portal, to see a drill fail."
        ),
    ] = False,
    database: Annotated[
        str,
        typer.Option(
            help="Address of an empty PostgreSQL database for the temporary portal: postgresql://user@host/name."
        ),
    ] = "",
    form: Annotated[
        Literal["text", "markdown", "json", "html"],
        typer.Option("--format", help="Format of the report on standard output."),
    ] = "text",
    report: Annotated[Path | None, typer.Option(help="Also write the report as HTML to this file.")] = None,
    runs: RunsFolder = RUNS,
) -> None:
    """Inject faults into a fest under load, roll them back, and report the impact.

    Exit code 0: every fault was contained. 1: one was not. 2: a drill could not be run.
    """
    require_extra()
    from festgate.drills.runner import DrillOptions  # noqa: PLC0415  (numpy and others take a second)
    from festgate.rehearsal.runs.plan import journey_file  # noqa: PLC0415

    options = DrillOptions(
        journey=journey or "",
        rate=rate,
        quiet=parse_seconds(quiet),
        lasts=parse_seconds(duration) if duration else None,
        bulkheads=not without_bulkheads,
        database=database,
        against=against,
        token=token,
        runs=runs,
        seed=seed,
    )
    try:
        if journey:
            journey_file(journey)
    except FileNotFoundError as error:
        fail(str(error))
    results = _run(_select(names or [], options, every=every), options)
    raise typer.Exit(_report(results, form, report))


def _select(names: list[str], options: "DrillOptions", *, every: bool) -> "list[Drill]":
    from festgate.drills.file import BadDrill, drills, find_drill  # noqa: PLC0415

    if every == bool(names):
        fail("Name one or more drills, or use --all. `festgate drill list` shows all drills.")
    if options.against and (not options.bulkheads or options.database):
        fail("--without-bulkheads and --database need a temporary portal: remove them, or remove --against.")
    try:
        selected = drills() if every else [find_drill(name) for name in dict.fromkeys(names)]
    except BadDrill as error:
        fail(str(error))
    possible = []
    for drill in selected:
        obstacle = _obstacle(drill, options)
        if not obstacle:
            possible.append(drill)
        elif every:
            print(f"Skipped: {obstacle}", file=sys.stderr)
        else:
            fail(obstacle)
    if not possible:
        fail("None of the drills can be run with these options.")
    return possible


def _obstacle(drill: "Drill", options: "DrillOptions") -> str:
    if options.against and drill.needs_process:
        return (
            f"{drill.name} {drill.needs_process}, which cannot be done over HTTP. Run it on a temporary portal, without"
            " --against."
        )
    if drill.setup.database and not options.database:
        return f"{drill.name} needs PostgreSQL. Pass the address of an empty database with --database."
    return ""


def _run(drills: "list[Drill]", options: "DrillOptions") -> "DrillResults":
    from festgate.drills.portal import DrillRefused  # noqa: PLC0415
    from festgate.drills.runner import DrillsNotRun, run_drills  # noqa: PLC0415
    from festgate.rehearsal.runner.preflight import NotThere  # noqa: PLC0415
    from festgate.rehearsal.runner.run import CannotRun  # noqa: PLC0415
    from festgate.rehearsal.runner.servers import CannotServe  # noqa: PLC0415

    try:
        with ProgressDisplay(len(drills)) as display:
            return run_drills(drills, options, display)
    except (DrillRefused, DrillsNotRun, NotThere, CannotRun, CannotServe) as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("Interrupted. Every fault has been rolled back.", INTERRUPTED)


def _report(results: "DrillResults", form: str, report: Path | None) -> int:
    from festgate.drills.report import render, write_report  # noqa: PLC0415

    print(render(results, form), end="")
    if report is not None:
        try:
            write_report(results, report)
        except OSError as error:
            fail(f"{report} cannot be written: {error.strerror}.")
        print(f"Report: {report}", file=sys.stderr)
    if any(outcome.refused for outcome in results.outcomes):
        return WRONG_USE
    return 0 if results.contained else BROKEN


class ProgressDisplay:
    """A progress bar in a terminal, and a line for each drill elsewhere."""

    def __init__(self, count: int) -> None:
        """Prepare the display for a number of drills."""
        self._count = count
        self._console = Console(file=sys.stderr, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task("Starting", total=None)
        self._done = 0
        self._title = ""

    def __enter__(self) -> Self:
        """Start to draw."""
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the bar from the terminal."""
        self._progress.stop()

    def __call__(self, phase: "Phase", second: "Second | None") -> None:
        """Show a new phase, or one more second of it."""
        if phase.title != self._title:
            self._title = phase.title
            self._done += bool(phase.number)
            if not self._console.is_terminal:
                number = f"Drill {self._done} of {self._count}: " if phase.number else ""
                self._console.print(f"{number}{phase.title}; at most {phase.left:.0f} s left", soft_wrap=True)
        elapsed = self._progress.tasks[0].elapsed or 0.0
        if second is None:
            self._progress.update(self._task, description=phase.title, total=elapsed + phase.left)
        self._progress.update(self._task, completed=elapsed)
