"""`festgate lab new`, `serve`, `load`, `crash` and `status`: the exercise, on the student's side."""

import signal
import time
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from festgate.lab.student import crash as looking
from festgate.lab.student import server as serving
from festgate.lab.student.folder import (
    JOURNEY,
    ROUTES,
    RUNS,
    NoLab,
    interpreter,
    lab_in,
    locustfile,
    write_starter,
)
from festgate.rehearsal.cli.options import load_of, needs_extra, plan_of, seconds_of
from festgate.terminal import fail

MISSING = 1
"""Exit code where a part is not done, or a page failed."""
HERE = Path()
Folder = Annotated[Path, typer.Argument(metavar="[DIR]", help="The lab's folder; without it, this one.")]
Host = Annotated[str, typer.Option(help="Where the app runs, as http://HOST:PORT.")]


def mount(app: typer.Typer) -> None:
    """Add the commands to the group."""
    app.command()(new)
    app.command()(serve)
    app.command()(crash)
    app.command()(load)
    app.command()(status)


def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet, or empty.")],
) -> None:
    """Write the starter: a small fest to work on, its load, and the questions."""
    try:
        write_starter(folder)
    except NoLab as error:
        fail(str(error))
    print(
        f"The lab is in {folder}. Read {folder / 'README.md'}; `festgate lab serve {folder}` opens the fest."
    )


def serve(
    folder: Folder = HERE,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where on 127.0.0.1.")] = serving.PORT,
    python: Annotated[
        str, typer.Option(help="The Python that runs the app, with its packages; without it, Festgate's own.")
    ] = "",
) -> None:
    """Run your app, and start it anew whenever its code is saved. Ctrl-C ends it."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        lab = lab_in(folder)
        serving.require_free_port(port)
        print(f"The fest is at http://{serving.HOST}:{port}/register. Ctrl-C ends it.", flush=True)
        raise typer.Exit(serving.serve(lab, port, interpreter(python)))
    except NoLab as error:
        fail(str(error))


def load(
    route: Annotated[str, typer.Argument(help=f"{', '.join(ROUTES)}, or {JOURNEY}.")],
    folder: Folder = HERE,
    host: Host = f"http://localhost:{serving.PORT}",
    users: Annotated[
        int, typer.Option(min=1, help="People at once; each waits for an answer, and thinks.")
    ] = 1,
    spawn_rate: Annotated[float, typer.Option(min=0.01, help="People a second until all are there.")] = 1.0,
    duration: Annotated[str, typer.Option(help="How long is measured: 30s, 2m.")] = "30s",
    warm_up: Annotated[str, typer.Option(help="How long before that is not counted.")] = "5s",
    ui: Annotated[bool, typer.Option("--ui", help="Locust's own web page too, while it is played.")] = False,
    ui_port: Annotated[int, typer.Option(min=1, max=65535, help="Where on 127.0.0.1.")] = 8089,
) -> None:
    """Play your locustfile of a route against your running app with Locust, and keep the run in the folder `runs`.

    Exit code 0 when it was played, 2 when it could not be played, 130 when it was cut off.
    """
    needs_extra()
    from festgate.lab.hints.selection import findings_of_one  # noqa: PLC0415
    from festgate.lab.student.code import UnreadableCode  # noqa: PLC0415  (numpy and its kin take a second, and only runs need them)
    from festgate.lab.student.load import UNKNOWN_CODE, code_now, describe_code, with_code  # noqa: PLC0415
    from festgate.rehearsal.cli.execution import perform, tell  # noqa: PLC0415
    from festgate.rehearsal.runs.plan import Staging  # noqa: PLC0415

    try:
        lab = lab_in(folder)
        plan = plan_of(
            str(locustfile(lab, route)),
            load_of(users, spawn_rate, None, constant=False),
            seed=None,
            host=host,
            duration=seconds_of(duration),
            warm_up=seconds_of(warm_up),
            label=route,
        )
        code = code_now(lab, route) if serving.is_served(lab, host) else ""
        run = with_code(perform(plan, lab / RUNS, Staging(page=ui_port if ui else 0)), lab, route, code)
        ended = tell(run, "text")
        met = findings_of_one(run)
        if met:
            print(f"Hints: {', '.join(finding.code for finding in met)}. `festgate lab hint CODE` shows one.")
        print(describe_code(lab, route) if code else UNKNOWN_CODE)
    except (NoLab, UnreadableCode) as error:
        fail(str(error))
    except OSError as error:
        fail(f"The run cannot be kept in {folder / RUNS}: {error.strerror}.")
    raise typer.Exit(ended)


def crash(folder: Folder = HERE, host: Host = f"http://{serving.HOST}:{serving.PORT}") -> None:
    """Ask every page of your running app, and show what one bug did to each, before and now.

    Exit code 0 when every page answers, 1 when one fails, 2 when there is no app to ask.
    """
    try:
        lab = lab_in(folder)
        now = looking.take_snapshot(host)
        earlier = looking.snapshots_in(lab)
        looking.keep_snapshots(lab, [*earlier, now])
    except NoLab as error:
        fail(str(error))
    except OSError as error:
        fail(f"What was seen cannot be kept in {folder}: {error.strerror}.")
    before = looking.last_different(earlier, now)
    table = Table("Page", *([f"Before, at {_clock(before.at)}"] if before else []), "Now")
    for number, page in enumerate(now.pages):
        cells = [_shown(before.pages[number])] if before and number < len(before.pages) else []
        table.add_row(page.name, *cells, _shown(page))
    Console(highlight=False).print(table)
    print(_said(now, before))
    raise typer.Exit(MISSING if now.failed else 0)


def status(folder: Folder = HERE) -> None:
    """Which of the seven parts are done, and what is missing, by what lies in the folder.

    Exit code 0 when all are done, 1 when something is missing.
    """
    needs_extra()
    from festgate.lab.student.progress import parts  # noqa: PLC0415  (it reads runs, in columns of numpy)

    try:
        found = parts(lab_in(folder))
    except (NoLab, ValueError) as error:
        fail(str(error))
    table = Table("Part", "", "Missing")
    for part in found:
        mark = Text("done", "green") if part.done else Text("open", "yellow")
        table.add_row(f"{part.number} {part.title}", mark, Text("\n".join(part.missing)))
    Console(highlight=False).print(table)
    done = sum(part.done for part in found)
    print(f"{done} of {len(found)} parts are done.")
    raise typer.Exit(0 if done == len(found) else MISSING)


def _said(now: looking.Snapshot, before: looking.Snapshot | None) -> str:
    """What was seen, and the question that it asks."""
    rest = len(now.pages) - len(now.failed)
    if not rest:
        return "No page is well. Read the end of what the server wrote: did a request fail, or the start?"
    if now.failed:
        return (
            f"{', '.join(now.failed)} failed; the other {rest} answer. All of them run in one process: what kept the"
            " error to where it happened, and what would not have?"
        )
    if before is not None and before.failed:
        return f"{', '.join(before.failed)} failed before. Now every page answers."
    return "Every page answers."


def _shown(page: looking.Page) -> Text:
    if page.status == 0:
        return Text("no answer", "red")
    return Text(f"{page.status}, {page.milliseconds:,.0f} ms", "red" if page.failed else "")


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
