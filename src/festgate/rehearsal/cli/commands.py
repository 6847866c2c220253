"""`festgate rehearse` and `festgate runs`, and the mounting of all commands of the rehearsal."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from festgate.rehearsal.cli import comparison, locust_files
from festgate.rehearsal.cli.execution import report_run, run_journey
from festgate.rehearsal.cli.failures import reports_failure
from festgate.rehearsal.cli.options import (
    INTERRUPTED,
    RUNS,
    ExcludeTags,
    Format,
    LocustArguments,
    RunsFolder,
    Stages,
    Tags,
    Workers,
    check_label,
    check_workers,
    choose_load,
    find_run,
    locust_arguments,
    make_plan,
    make_times,
    parse_address,
    parse_seconds,
    require_extra,
)
from festgate.rehearsal.cli.trend import show_trend
from festgate.terminal import fail

if TYPE_CHECKING:
    from festgate.rehearsal.runs.plan import Plan
    from festgate.rehearsal.stats.metrics import Threshold


MAX_NAMES = 20
"""Names of steps that a warning lists."""

runs_app = typer.Typer(no_args_is_help=True)
runs_app.command("trend")(show_trend)


def mount(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command()(reports_failure(rehearse))
    comparison.mount(app)
    app.add_typer(runs_app, name="runs", help="Kept runs: list, show, trend, export, prune.")


def rehearse(
    journey: Annotated[
        str,
        typer.Argument(help="events, my_events, checkout, attendee, tickets, opening_day, or a locustfile."),
    ],
    arguments: LocustArguments = None,
    host: Annotated[
        str,
        typer.Option(
            help="The server under test, as http://HOST:PORT; by default, the users' own hosts, or else a portal with"
            " temporary data."
        ),
    ] = "",
    users: Annotated[
        int | None,
        typer.Option(
            min=1, help="A closed loop with that many users; with --rate, at most that many at once."
        ),
    ] = None,
    spawn_rate: Annotated[
        float | None, typer.Option(min=0.01, help="Users that start each second, until all have.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.01, help="An open loop with that many journeys a second.")
    ] = None,
    constant: Annotated[
        bool, typer.Option("--constant", help="Arrivals at equal intervals, not at random ones.")
    ] = False,
    stages: Stages = "",
    duration: Annotated[
        str, typer.Option(help="Measured time: 90s, 5m; by default 60s. Stages have their own.")
    ] = "",
    warm_up: Annotated[
        str,
        typer.Option(
            help="Time before the measurement, which does not count; by default 10s. Of stages, it is the beginning;"
            " by default none."
        ),
    ] = "",
    label: Annotated[str, typer.Option(help="Part of the name of the run's folder.")] = "",
    fail_if: Annotated[
        list[str] | None,
        typer.Option(help="A threshold that must hold: 'p95(/events) < 200ms', 'errors < 0.1%'."),
    ] = None,
    abort_on_fail: Annotated[
        str,
        typer.Option(
            help="End the run as soon as a --fail-if is broken, at the earliest this long after the warm-up: 30s."
        ),
    ] = "",
    seed: Annotated[int | None, typer.Option(help="Repeats the users and arrivals of another run.")] = None,
    tags: Tags = None,
    exclude_tags: ExcludeTags = None,
    workers: Workers = 1,
    join_at: Annotated[
        str, typer.Option(help="HOST:PORT of this machine: wait there for workers, and start none here.")
    ] = "",
    join_wait: Annotated[str, typer.Option(help="Time to wait for all workers: 60s, 5m.")] = "60s",
    worker_of: Annotated[
        str,
        typer.Option(
            help="HOST:PORT: be a worker of the rehearsal that waits there; its plan replaces these options."
        ),
    ] = "",
    ui: Annotated[bool, typer.Option("--ui", help="Show Locust's web page during the run.")] = False,
    ui_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of Locust's web page on 127.0.0.1.")
    ] = 8089,
    form: Format = "text",
    runs: RunsFolder = RUNS,
) -> None:
    """Run a journey against the portal, or against any web application, and keep the run.

    Exit code 0: the target held the load. 1: it did not: a threshold is broken, more than 1 % of the requests failed
    without a threshold for errors, a person was turned away, fewer than 95 % of the planned users were present, the
    locustfile set `environment.process_exit_code`, or nothing was measured. 2: the run could not start, or could not be
    written to its end (a full disk). 130: the run was interrupted.
    """
    require_extra()
    timeout = parse_seconds(join_wait)
    if worker_of:
        raise typer.Exit(_join(journey, *parse_address("--worker-of", worker_of), timeout))
    thresholds = [_parse_threshold(text) for text in fail_if or ()]
    load = choose_load(stages, users, spawn_rate, rate, constant=constant)
    measured, cut = make_times(load, duration, warm_up)
    plan = make_plan(
        journey,
        load,
        host=host,
        duration=measured,
        warm_up=cut,
        seed=seed,
        machines=workers if join_at else 1,
        workers=workers,
        label=check_label(label),
        fail_if=tuple(fail_if or ()),
        arguments=locust_arguments(arguments, tags, exclude_tags),
    )
    _check_steps(plan, thresholds)
    check_workers(plan)
    if abort_on_fail and not thresholds:
        fail("--abort-on-fail needs a --fail-if.")
    from festgate.rehearsal.runs.plan import RunOptions  # noqa: PLC0415

    options = RunOptions(
        web_port=ui_port if ui else 0,
        join_at=parse_address("--join-at", join_at) if join_at else None,
        timeout=timeout,
        abort_after=parse_seconds(abort_on_fail) if abort_on_fail else None,
    )
    load_given = bool(users is not None or rate is not None or stages)
    raise typer.Exit(report_run(run_journey(plan, runs, options, load_given=load_given), form))


def _join(journey: str, host: str, port: int, timeout: float) -> int:
    from festgate.rehearsal.runner.participant import CannotJoin, join  # noqa: PLC0415
    from festgate.rehearsal.runs.plan import journey_file  # noqa: PLC0415

    try:
        journey_file(journey)
        return join(journey, host, port, timeout, on_notice=lambda sentence: print(sentence, file=sys.stderr))
    except (CannotJoin, FileNotFoundError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("Interrupted before the run began.", INTERRUPTED)


@runs_app.command("list")
def list_runs(runs: RunsFolder = RUNS) -> None:
    """List the kept runs, the newest first."""
    require_extra()
    from festgate.rehearsal.report.text import UNLIMITED  # noqa: PLC0415
    from festgate.rehearsal.runs import store  # noqa: PLC0415

    table = Table("Run", "Journey", "Load", "Requests", "State")
    for run in store.list_runs(runs):
        table.add_row(run.name, run.plan.journey, run.plan.load.shown, f"{len(run.samples()):,}", run.state)
    width = None if sys.stdout.isatty() else UNLIMITED
    Console(highlight=False, width=width).print(table)


@runs_app.command()
@reports_failure
def show(
    run: Annotated[
        str,
        typer.Argument(
            help="A run's name, or its folder; or an output file of Locust: --csv, --json, --html, or its table."
        ),
    ],
    form: Format = "text",
    runs: RunsFolder = RUNS,
) -> None:
    """Show a run's report, or the content of Locust's own output files."""
    require_extra()
    from festgate.rehearsal.report import render  # noqa: PLC0415

    outputs = locust_files.read([run], runs)
    print(render(outputs[0] if outputs else find_run(run, runs), form), end="")


@runs_app.command()
def export(
    run: Annotated[str, typer.Argument(help="A run's name, or its folder.")],
    file: Annotated[Path, typer.Argument(help="The CSV file to write.")],
    runs: RunsFolder = RUNS,
) -> None:
    """Export every request of a run as CSV."""
    require_extra()
    from festgate.rehearsal.runs.export import write_csv  # noqa: PLC0415

    kept = find_run(run, runs)
    try:
        count = write_csv(kept, file)
    except FileExistsError:
        fail(f"{file} exists already. Choose another name, or remove it first.")
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}.")
    print(f"{count} requests in {file}.")


@runs_app.command()
def prune(
    keep: Annotated[int, typer.Option(min=0, help="Number of the newest runs to keep.")],
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    runs: RunsFolder = RUNS,
) -> None:
    """Delete the oldest runs."""
    require_extra()
    from festgate.rehearsal.runs import store  # noqa: PLC0415

    old = store.list_runs(runs)[keep:]
    if not old:
        print("There are no runs to delete.")
        return
    for run in old:
        print(run.name)
    if not yes:
        typer.confirm(f"Delete these {len(old)}?", abort=True)
    for run in old:
        shutil.rmtree(run.folder)
    print(f"{len(old)} deleted.")


def _parse_threshold(text: str) -> "Threshold":
    from festgate.rehearsal.stats.metrics import parse_threshold  # noqa: PLC0415

    try:
        return parse_threshold(text)
    except ValueError as error:
        fail(f"--fail-if {text!r}: {error}")


def _check_steps(plan: "Plan", thresholds: "list[Threshold]") -> None:
    """Warn if a threshold names a step that is not in the journey's code: the name may be misspelt, or computed."""
    from festgate.rehearsal.runner.steps import written_steps  # noqa: PLC0415
    from festgate.rehearsal.runs.plan import journey_file  # noqa: PLC0415

    file = journey_file(plan.journey)
    steps = written_steps(file)
    for step in dict.fromkeys(threshold.metric.step for threshold in thresholds):
        if step is not None and not steps.can_have(step):
            shown = sorted(steps.names)
            others = f" and {len(shown) - MAX_NAMES} others" if len(shown) > MAX_NAMES else ""
            names = f", which has {', '.join(shown[:MAX_NAMES])}{others}" if shown else ""
            print(
                f"--fail-if: no step {step} was found in {file.name}{names}. The run fails if no request has that"
                " name.",
                file=sys.stderr,
            )
