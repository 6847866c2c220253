"""`festgate rehearse` and `festgate runs`: the tools that need the extra `rehearsal`."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from festgate.rehearsal.cli import comparison as comparing
from festgate.rehearsal.cli import execution as performing
from festgate.rehearsal.cli import locust_files as describing
from festgate.rehearsal.cli.options import (
    FORMATS,
    INTERRUPTED,
    RUNS,
    RunsFolder,
    Workers,
    address_of,
    can_be_shared,
    can_see,
    find_run,
    label_of,
    load_of,
    needs_extra,
    plan_of,
    seconds_of,
)
from festgate.terminal import fail

if TYPE_CHECKING:
    from festgate.rehearsal.runs.plan import Plan
    from festgate.rehearsal.stats.metrics import Threshold


runs_app = typer.Typer(no_args_is_help=True)


def mount(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command()(rehearse)
    comparing.mount(app)
    app.add_typer(runs_app, name="runs", help="Kept runs: list, show, export, prune.")


def rehearse(
    journey: Annotated[
        str, typer.Argument(help="events, my_events, checkout, attendee, opening_day, or a locustfile.")
    ],
    host: Annotated[
        str,
        typer.Option(
            help="Whom to ask, as http://HOST:PORT; without it, a portal of its own on scratch data."
        ),
    ] = "",
    users: Annotated[
        int | None,
        typer.Option(
            min=1, help="A closed loop of that many people; with --rate, at most that many at once."
        ),
    ] = None,
    spawn_rate: Annotated[
        float | None, typer.Option(min=0.01, help="People a second until all are there.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.01, help="An open loop: that many journeys begin a second.")
    ] = None,
    constant: Annotated[
        bool, typer.Option("--constant", help="Arrivals at equal distances, not at random.")
    ] = False,
    duration: Annotated[str, typer.Option(help="How long is measured: 90s, 5m.")] = "60s",
    warm_up: Annotated[str, typer.Option(help="How long before that is not counted.")] = "10s",
    label: Annotated[str, typer.Option(help="A word for the run's folder.")] = "",
    fail_if: Annotated[
        list[str] | None,
        typer.Option(help="A threshold that must hold: 'p95(/events) < 200ms', 'errors < 0.1%'."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Repeats the people and the arrivals of another run.")
    ] = None,
    workers: Workers = 1,
    join_at: Annotated[
        str, typer.Option(help="HOST:PORT of this machine: wait there for workers, and start none here.")
    ] = "",
    join_wait: Annotated[str, typer.Option(help="How long to wait for all workers: 60s, 5m.")] = "60s",
    worker_of: Annotated[
        str,
        typer.Option(
            help="HOST:PORT: be a worker of the rehearsal that waits there; its plan counts, not these options."
        ),
    ] = "",
    ui: Annotated[bool, typer.Option("--ui", help="Locust's own web page too, while it is played.")] = False,
    ui_port: Annotated[int, typer.Option(min=1, max=65535, help="Where on 127.0.0.1.")] = 8089,
    report: Annotated[
        str, typer.Option("--format", help="On standard output: text, markdown, json or junit.")
    ] = "text",
    runs: RunsFolder = RUNS,
) -> None:
    """Play a journey against the portal, or against any web application, and keep the run.

    Exit code 0 when every threshold holds, 1 when one is broken, 2 when it could not be played, or not be kept to its
    end (a full disk), 130 when it was cut off.
    """
    needs_extra()
    wait = seconds_of(join_wait)
    if worker_of:
        raise typer.Exit(_take_part(journey, *address_of("--worker-of", worker_of), wait))
    if report not in FORMATS:
        fail(f"--format is one of {', '.join(FORMATS)}.")
    thresholds = [_threshold(text) for text in fail_if or ()]
    plan = plan_of(
        journey,
        load_of(users, spawn_rate, rate, constant=constant),
        host=host,
        duration=seconds_of(duration),
        warm_up=seconds_of(warm_up),
        seed=seed,
        workers=workers,
        label=label_of(label),
        fail_if=tuple(fail_if or ()),
    )
    _know_steps(plan, thresholds)
    can_see((threshold.metric for threshold in thresholds), host)
    can_be_shared(plan)
    if join_at and not plan.host:
        fail("--join-at needs a --host: a portal of its own answers on this machine only.")
    from festgate.rehearsal.runs.plan import Staging  # noqa: PLC0415  (numpy and its kin take a second, and only runs need them)

    staging = Staging(
        page=ui_port if ui else 0,
        join_at=address_of("--join-at", join_at) if join_at else None,
        patience=wait,
    )
    raise typer.Exit(performing.tell(performing.perform(plan, runs, staging), report))


def _take_part(journey: str, host: str, port: int, patience: float) -> int:
    from festgate.rehearsal.runner.participant import CannotJoin, join  # noqa: PLC0415
    from festgate.rehearsal.runs.plan import journey_file  # noqa: PLC0415

    try:
        journey_file(journey)
        return join(journey, host, port, patience, say=lambda sentence: print(sentence, file=sys.stderr))
    except (CannotJoin, FileNotFoundError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("It did not take part.", INTERRUPTED)


@runs_app.command("list")
def list_runs(runs: RunsFolder = RUNS) -> None:
    """The kept runs, the newest first."""
    needs_extra()
    from festgate.rehearsal.runs import store as kept  # noqa: PLC0415

    table = Table("Run", "Journey", "Load", "Requests", "State")
    for run in kept.list_runs(runs):
        table.add_row(run.name, run.plan.journey, run.plan.load.shown, f"{len(run.samples()):,}", run.state)
    Console(highlight=False).print(table)


@runs_app.command()
def show(
    run: Annotated[
        str,
        typer.Argument(
            help="A run's name, or its folder; or a file of Locust's own: --csv, --html, or its table as text."
        ),
    ],
    report: Annotated[str, typer.Option("--format", help="text, markdown, json or junit.")] = "text",
    runs: RunsFolder = RUNS,
) -> None:
    """A run's report, or what Locust's own files tell of one."""
    needs_extra()
    from festgate.rehearsal.report import render  # noqa: PLC0415

    if report not in FORMATS:
        fail(f"--format is one of {', '.join(FORMATS)}.")
    outputs = describing.read([run], runs)
    print(render(outputs[0] if outputs else find_run(run, runs), report), end="")


@runs_app.command()
def export(
    run: Annotated[str, typer.Argument(help="A run's name, or its folder.")],
    file: Annotated[Path, typer.Argument(help="The CSV file to write.")],
    runs: RunsFolder = RUNS,
) -> None:
    """Every request of a run as CSV."""
    needs_extra()
    from festgate.rehearsal.runs.export import write_csv  # noqa: PLC0415

    found = find_run(run, runs)
    try:
        count = write_csv(found, file)
    except FileExistsError:
        fail(f"{file} is there already. Choose another name, or remove it first.")
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}.")
    print(f"{count} requests in {file}.")


@runs_app.command()
def prune(
    keep: Annotated[int, typer.Option(min=0, help="How many of the newest to keep.")],
    yes: Annotated[bool, typer.Option("--yes", help="Without asking.")] = False,
    runs: RunsFolder = RUNS,
) -> None:
    """Delete the oldest runs."""
    needs_extra()
    from festgate.rehearsal.runs import store as kept  # noqa: PLC0415

    old = kept.list_runs(runs)[keep:]
    if not old:
        print("There is none to delete.")
        return
    for run in old:
        print(run.name)
    if not yes:
        typer.confirm(f"Delete these {len(old)}?", abort=True)
    for run in old:
        shutil.rmtree(run.folder)
    print(f"{len(old)} deleted.")


def _threshold(text: str) -> "Threshold":
    from festgate.rehearsal.stats.metrics import parse_threshold  # noqa: PLC0415

    try:
        return parse_threshold(text)
    except ValueError as error:
        fail(f"--fail-if {text!r}: {error}")


def _know_steps(plan: "Plan", thresholds: "list[Threshold]") -> None:
    """Refuse a threshold of a step that the journey does not have, before anything is sent."""
    from festgate.rehearsal.runner.steps import steps_of  # noqa: PLC0415
    from festgate.rehearsal.runs.plan import journey_file  # noqa: PLC0415

    file = journey_file(plan.journey)
    known = steps_of(file)
    for threshold in thresholds:
        step = threshold.metric.step
        # `POST /checkout`: a step that is not a GET has its method before it.
        if step is not None and known and step.rpartition(" ")[2] not in known:
            fail(f"--fail-if: {file.name} has no step {step}. It has {', '.join(known)}.")
