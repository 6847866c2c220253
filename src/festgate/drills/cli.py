"""`festgate drill`: break one part on purpose, and see what holds. Needs the extra `rehearsal`."""

import sys
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from festgate.rehearsal.cli.options import BROKEN, INTERRUPTED, RUNS, RunsFolder, parse_seconds, require_extra
from festgate.terminal import WRONG_USE, fail

if TYPE_CHECKING:
    from festgate.drills.execution import Phase
    from festgate.drills.plan import Drill
    from festgate.drills.runner import Drilled, Given
    from festgate.rehearsal.runner.run import Second

FORMATS = ("text", "markdown", "json", "html")
EVERY = 5
"""Seconds between two lines where there is no terminal."""
drill_app = typer.Typer(no_args_is_help=True)


def mount(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(drill_app, name="drill", help="Break one part on purpose, and see what holds: list, run.")


@drill_app.command("list")
def list_drills() -> None:
    """The drills that come with Festgate."""
    require_extra()
    from festgate.drills.file import drills  # noqa: PLC0415  (only these commands need it)

    table = Table("Drill", "What is broken", "Lasts")
    for drill in drills():
        table.add_row(drill.name, drill.title, f"{drill.lasts:g} s")
    Console(highlight=False).print(table)


@drill_app.command()
def run(
    names: Annotated[
        list[str] | None, typer.Argument(help="Drills by name, or files of your own that end in .toml.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every drill that comes with Festgate.")] = False,
    against: Annotated[
        str,
        typer.Option(
            help="A portal on this machine that runs already, as http://127.0.0.1:PORT, with FESTGATE_DRILLS_TOKEN set;"
            " without it, a scratch portal."
        ),
    ] = "",
    token: Annotated[
        str, typer.Option(envvar="FESTGATE_DRILLS_TOKEN", help="The drills token of that portal.")
    ] = "",
    journey: Annotated[
        str,
        typer.Option(
            help="What the crowd does: a journey's name or a locustfile; without it, a whole fest at once."
        ),
    ] = "",
    rate: Annotated[float, typer.Option(min=0.5, max=500, help="Journeys that begin a second.")] = 12.0,
    duration: Annotated[
        str, typer.Option(help="How long each fault lasts: 5s, 1m; without it, what each file says.")
    ] = "",
    quiet: Annotated[str, typer.Option(help="How long the window without a fault is.")] = "8s",
    without_bulkheads: Annotated[
        bool,
        typer.Option(
            "--without-bulkheads", help="Switch containment off on the scratch portal, to see a drill fail."
        ),
    ] = False,
    database: Annotated[
        str,
        typer.Option(
            help="An empty PostgreSQL database for the scratch portal, as postgresql://user@host/name."
        ),
    ] = "",
    form: Annotated[
        str, typer.Option("--format", help="On standard output: text, markdown, json or html.")
    ] = "text",
    report: Annotated[Path | None, typer.Option(help="Write the report as HTML to this file, too.")] = None,
    runs: RunsFolder = RUNS,
) -> None:
    """Break one part of a fest under load, undo it, and say what was harmed.

    Exit code 0 when all was contained, 1 when something leaked, 2 when a drill could not be run.
    """
    require_extra()
    if form not in FORMATS:
        fail(f"--format is one of {', '.join(FORMATS)}.")
    from festgate.drills.runner import WHOLE_FEST, Given  # noqa: PLC0415  (numpy and its kin take a second)
    from festgate.rehearsal.runs.plan import journey_file  # noqa: PLC0415

    given = Given(
        journey=journey or str(WHOLE_FEST),
        rate=rate,
        quiet=parse_seconds(quiet),
        lasts=parse_seconds(duration) if duration else None,
        bulkheads=not without_bulkheads,
        database=database,
        against=against,
        token=token,
        runs=runs,
    )
    try:
        journey_file(given.journey)
    except FileNotFoundError as error:
        fail(str(error))
    drilled = _played(_chosen(names or [], given, every=every), given)
    raise typer.Exit(_told(drilled, form, report))


def _chosen(names: list[str], given: "Given", *, every: bool) -> "list[Drill]":
    from festgate.drills.file import BadDrill, drills, find_drill  # noqa: PLC0415

    if every == bool(names):
        fail("Name one drill or more, or --all. `festgate drill list` shows them.")
    if given.against and (not given.bulkheads or given.database):
        fail("--without-bulkheads and --database are for a scratch portal: leave them out, or --against.")
    try:
        found = drills() if every else [find_drill(name) for name in dict.fromkeys(names)]
    except BadDrill as error:
        fail(str(error))
    possible = []
    for drill in found:
        why = _impossible(drill, given)
        if not why:
            possible.append(drill)
        elif every:
            print(f"Left out: {why}", file=sys.stderr)
        else:
            fail(why)
    if not possible:
        fail("None of the drills can be run this way.")
    return possible


def _impossible(drill: "Drill", given: "Given") -> str:
    if given.against and drill.needs_process:
        return (
            f"{drill.name} {drill.needs_process}, which cannot be done over HTTP: run it on a scratch portal, without"
            " --against."
        )
    if drill.setup.database and not given.database:
        return f"{drill.name} needs PostgreSQL: give the address of an empty database with --database."
    return ""


def _played(drills: "list[Drill]", given: "Given") -> "Drilled":
    from festgate.drills.portal import Refuses  # noqa: PLC0415
    from festgate.drills.runner import Undone, play  # noqa: PLC0415
    from festgate.rehearsal.runner.preflight import NotThere  # noqa: PLC0415
    from festgate.rehearsal.runner.run import CannotRun  # noqa: PLC0415
    from festgate.rehearsal.runner.servers import CannotServe  # noqa: PLC0415

    try:
        with Shown(len(drills)) as shown:
            return play(drills, given, shown)
    except (Refuses, Undone, NotThere, CannotRun, CannotServe) as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("Cut off. Everything that was broken has been undone.", INTERRUPTED)


def _told(drilled: "Drilled", form: str, report: Path | None) -> int:
    from festgate.drills.report import render, write_report  # noqa: PLC0415

    print(render(drilled, form), end="")
    if report is not None:
        try:
            write_report(drilled, report)
        except OSError as error:
            fail(f"{report} cannot be written: {error.strerror}.")
        print(f"The report is {report}", file=sys.stderr)
    if any(outcome.refused for outcome in drilled.outcomes):
        return WRONG_USE
    return 0 if drilled.contained else BROKEN


class Shown:
    """Where the drills are and how long they will take: a bar in a terminal, a line now and then elsewhere."""

    def __init__(self, count: int) -> None:
        """Shows nothing before it is entered."""
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
        self._until = 0.0

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""
        self._progress.stop()

    def __call__(self, phase: "Phase", second: "Second | None") -> None:
        """A new phase, or one more second of it."""
        if phase.title != self._title:
            self._title = phase.title
            self._done += bool(phase.number)
            if not self._console.is_terminal:
                number = f"Drill {self._done} of {self._count}: " if phase.number else ""
                self._console.print(
                    f"{number}{phase.title}; at most {phase.left:.0f} s to go", soft_wrap=True
                )
        if second is None:
            begun = self._progress.tasks[0].elapsed or 0.0
            self._until = begun + phase.left
            self._progress.update(self._task, description=phase.title, total=self._until)
        self._progress.update(self._task, completed=self._progress.tasks[0].elapsed or 0.0)
