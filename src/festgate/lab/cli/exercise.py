"""The commands of the exercise: `festgate lab new`, `serve`, `load`, `crash` and `status`."""

import signal
import time
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from festgate.lab.cli.description import StarterFolder, starter_at, starter_of_lab
from festgate.lab.description.starter import JOURNEY, ROUTES
from festgate.lab.student import crash as looking
from festgate.lab.student import server as serving
from festgate.lab.student.folder import (
    RUNS,
    NoLab,
    interpreter,
    lab_in,
    locustfile,
    quoted,
    remember_starter,
    write_starter,
)
from festgate.rehearsal.cli.options import make_load, make_plan, parse_seconds, require_extra
from festgate.terminal import fail

MISSING = 1
"""Exit code when a part is not done, or a page failed."""
HERE = Path()
Folder = Annotated[
    Path, typer.Argument(metavar="[DIR]", help="The lab's folder. Default: the current folder.")
]
Host = Annotated[str, typer.Option(help="The app's address: http://HOST:PORT.")]


def mount(app: typer.Typer) -> None:
    """Add the commands to the group."""
    for command in (new, serve, crash, load, status):
        app.command()(command)


def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    starter: StarterFolder = None,
) -> None:
    """Write the starter: a small fest portal, its load, and the questions."""
    described = starter_at(starter)
    try:
        write_starter(described, folder)
        if starter is not None:
            remember_starter(folder, starter)
    except NoLab as error:
        fail(str(error))
    except OSError as error:
        fail(f"{folder} cannot be written: {error.strerror}.")
    readme = folder / "README.md"
    read = f"Read {readme}, and start" if readme.is_file() else "Start"
    print(f"The lab is in {folder}. {read} the app with `festgate lab serve {quoted(folder)}`.")


def serve(
    folder: Folder = HERE,
    starter: StarterFolder = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = serving.PORT,
    python: Annotated[
        str, typer.Option(help="The Python with the app's packages, which runs it. Default: Festgate's own.")
    ] = "",
) -> None:
    """Run your app, and restart it when its code changes. Ctrl-C stops it."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        described = starter_of_lab(folder, starter)
        lab = lab_in(described, folder)
        serving.require_free_port(port)
        first = described.others.get("register", described.paths["events"])
        if described.fill and not (lab / described.database).is_file():
            print(
                f"{Path(described.database)} does not exist yet: run `{quoted(Path(python or 'python'))}"
                f" {quoted(Path(described.fill))}` once in {lab}."
            )
        print(f"The fest is at http://{serving.HOST}:{port}{first}. Ctrl-C stops it.", flush=True)
        raise typer.Exit(serving.serve(described, lab, port, interpreter(python)))
    except NoLab as error:
        fail(str(error))


def load(
    route: Annotated[str, typer.Argument(help=f"One of {', '.join(ROUTES)}, {JOURNEY}.")],
    folder: Folder = HERE,
    starter: StarterFolder = None,
    host: Host = f"http://localhost:{serving.PORT}",
    users: Annotated[
        int, typer.Option(min=1, help="Concurrent users; each waits for a response, then pauses.")
    ] = 1,
    spawn_rate: Annotated[float, typer.Option(min=0.01, help="Users started per second.")] = 1.0,
    duration: Annotated[str, typer.Option(help="Length of the run: 30s, 2m.")] = "30s",
    warm_up: Annotated[str, typer.Option(help="Time before the measurement that does not count.")] = "5s",
    ui: Annotated[bool, typer.Option("--ui", help="Also show Locust's web page during the run.")] = False,
    ui_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of that page on 127.0.0.1.")] = 8089,
) -> None:
    """Load a route of your running app with its locustfile, and keep the run in the folder `runs`.

    Exit code 0 when the run passed, 1 when it did not (failed requests, exceptions, missing users), 2 when the load
    could not be run, 130 when interrupted.
    """
    require_extra()
    from festgate.lab.hints.selection import findings_of_one  # noqa: PLC0415
    from festgate.lab.student.code import UnreadableCode  # noqa: PLC0415  (numpy and others take a second to import, and only runs need them)
    from festgate.lab.student.load import UNKNOWN_CODE, code_now, describe_code, with_code  # noqa: PLC0415
    from festgate.rehearsal.cli.execution import report_run, run_journey  # noqa: PLC0415
    from festgate.rehearsal.runs.plan import RunOptions  # noqa: PLC0415

    try:
        described = starter_of_lab(folder, starter)
        lab = lab_in(described, folder)
        plan = make_plan(
            str(locustfile(described, lab, route)),
            make_load(users, spawn_rate, None, constant=False),
            seed=None,
            host=host,
            duration=parse_seconds(duration),
            warm_up=parse_seconds(warm_up),
            label=route,
        )
        code = code_now(described, lab, route) if serving.is_served(lab, host) else ""
        run = with_code(
            described,
            run_journey(plan, lab / RUNS, RunOptions(web_port=ui_port if ui else 0), load_given=True),
            lab,
            route,
            code,
        )
        ended = report_run(run, "text")
        findings = findings_of_one(run)
        if findings:
            print(
                f"Hints: {', '.join(finding.code for finding in findings)}. Show one with `festgate lab hint CODE`."
            )
        print(describe_code(described, lab, route) if code else UNKNOWN_CODE)
    except (NoLab, UnreadableCode) as error:
        fail(str(error))
    except OSError as error:
        fail(f"The run cannot be saved in {folder / RUNS}: {error.strerror}.")
    raise typer.Exit(ended)


def crash(
    folder: Folder = HERE,
    starter: StarterFolder = None,
    host: Host = f"http://{serving.HOST}:{serving.PORT}",
) -> None:
    """Request every page of your running app, and show which fail, now and before.

    Exit code 0 when every page responds, 1 when a page fails, 2 when the app does not run.
    """
    try:
        described = starter_of_lab(folder, starter)
        lab = lab_in(described, folder)
        now = looking.take_snapshot(described, host)
        earlier = looking.snapshots_in(lab)
        looking.keep_snapshots(lab, [*earlier, now])
    except NoLab as error:
        fail(str(error))
    except OSError as error:
        fail(f"The result cannot be saved in {folder}: {error.strerror}.")
    before = looking.last_different(earlier, now)
    table = Table("Page", *([f"Before, at {_clock(before.at)}"] if before else []), "Now")
    for number, page in enumerate(now.pages):
        cells = [_shown(before.pages[number])] if before and number < len(before.pages) else []
        table.add_row(page.name, *cells, _shown(page))
    Console(highlight=False).print(table)
    print(_summary(now, before))
    raise typer.Exit(MISSING if now.failed else 0)


def status(folder: Folder = HERE, starter: StarterFolder = None) -> None:
    """Show which parts are done, and what is missing, judged by the files in the folder.

    Exit code 0 when all parts are done, 1 when something is missing.
    """
    require_extra()
    from festgate.lab.student.progress import parts  # noqa: PLC0415  (it reads runs with numpy)

    try:
        described = starter_of_lab(folder, starter)
        all_parts = parts(described, lab_in(described, folder))
    except (NoLab, ValueError) as error:
        fail(str(error))
    table = Table("Part", "", "Missing")
    for part in all_parts:
        state = Text("done", "green") if part.done else Text("open", "yellow")
        table.add_row(f"{part.number} {part.title}", state, Text("\n".join(part.missing)))
    Console(highlight=False).print(table)
    done = sum(part.done for part in all_parts)
    print(f"{done} of {len(all_parts)} parts are done.")
    raise typer.Exit(0 if done == len(all_parts) else MISSING)


def _summary(now: looking.Snapshot, before: looking.Snapshot | None) -> str:
    """Summarise the check, and ask the student a question about it."""
    rest = len(now.pages) - len(now.failed)
    if not rest:
        return "Every page failed. Read the end of the server's output: did a request fail, or the start of the app?"
    if now.failed:
        return (
            f"{', '.join(now.failed)} failed; the other {rest} responded. All run in one process: what contained the"
            " error, and which error would not be contained?"
        )
    if before is not None and before.failed:
        return f"{', '.join(before.failed)} failed before. Now every page responds."
    return "Every page responds."


def _shown(page: looking.Page) -> Text:
    if page.status == 0:
        return Text("no response", "red")
    return Text(f"{page.status}, {page.milliseconds:,.0f} ms", "red" if page.failed else "")


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
