"""`festgate compare`, `ab`, `calibrate` and `capacity`: two builds and the verdict, or one and its end."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from festgate.rehearsal.cli import execution as performing
from festgate.rehearsal.cli import locust_files as describing
from festgate.rehearsal.cli.options import (
    BROKEN,
    FORMATS,
    RUNS,
    RunsFolder,
    Workers,
    can_be_shared,
    can_see,
    find_run,
    label_of,
    load_of,
    needs_extra,
    plan_of,
    seconds_of,
)
from festgate.rehearsal.stats.limits import MIN_PAIRS
from festgate.terminal import WRONG_USE, fail

if TYPE_CHECKING:
    from festgate.rehearsal.report import Reported
    from festgate.rehearsal.runner.run import Second
    from festgate.rehearsal.runs.plan import Plan
    from festgate.rehearsal.runs.store import Run
    from festgate.rehearsal.stats.metrics import Metric

MIN_WARM_UP = "3s"
SIGN_UP = 0.1
"""Seconds for one person: a password's hash is slow on purpose. Seventy-seven at once took 6.6 s on two busy cores."""
PLANNED = (6, 10, 20)
"""Numbers of pairs for which `calibrate` tells the smallest effect."""

Metrics = Annotated[
    list[str] | None,
    typer.Option(
        "--metric", help="What is compared, the primary one first: 'p95(/events)', 'p50', 'mean(/checkout)'."
    ),
]
Margin = Annotated[str, typer.Option(help="Differences below it do not matter.")]
Format = Annotated[str, typer.Option("--format", help="On standard output: text, markdown, json or junit.")]
Users = Annotated[int | None, typer.Option(min=1, help="A closed loop of that many people.")]
Rate = Annotated[
    float | None, typer.Option(min=0.01, help="An open loop: that many journeys begin a second.")
]
Pairs = Annotated[int, typer.Option(min=2, help="Pairs of runs, decided before the first is played.")]
Duration = Annotated[str, typer.Option(help="How long each run is measured: 10s, 1m.")]
WarmUp = Annotated[str, typer.Option(help="How long before that is not counted.")]
Seed = Annotated[int | None, typer.Option(help="Repeats the people and the arrivals of another comparison.")]
Accept = Annotated[
    list[str] | None, typer.Option(help="A refusal that you answer for, by its name: responses-differ.")
]
Report = Annotated[Path | None, typer.Option(help="Write the report as HTML to this file.")]
AtOnce = Annotated[
    bool,
    typer.Option(
        "--at-once",
        help="Both runs of a pair in the same seconds, for the metric cpu alone: a smaller difference is seen.",
    ),
]


def mount(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("compare")(compare_runs)
    app.command()(ab)
    app.command()(calibrate)
    app.command()(capacity)


def compare_runs(
    names: Annotated[
        list[str],
        typer.Argument(
            help="Kept runs: those of the build before, then as many of the build after. Or files of Locust's own,"
            " which are described."
        ),
    ],
    metric: Metrics = None,
    margin: Margin = "5%",
    form: Format = "text",
    report: Report = None,
    accept: Accept = None,
    runs: RunsFolder = RUNS,
) -> None:
    """Compare kept runs, the first half with the second, in pairs by their order.

    What Locust itself wrote (--csv, --html, its table as text) is set side by side and then refused, with the reasons.

    Exit code 0 when there is no regression, 1 for a regression, 2 when the comparison is refused, 3 when it decides
    nothing.
    """
    needs_extra()
    from festgate.rehearsal.verdict.comparison import is_interleaved  # noqa: PLC0415

    _check(metric, margin, form)
    outputs = describing.read(names, runs)
    if outputs:
        _show(describing.set_beside(outputs), form, report)
        raise typer.Exit(WRONG_USE)
    if len(names) % 2:
        fail(f"{len(names)} runs cannot be halved into those before and those after.")
    found = [find_run(name, runs) for name in names]
    first, second = found[: len(found) // 2], found[len(found) // 2 :]
    metrics = _metrics(metric, first)
    interleaved = is_interleaved(first, second)
    raise typer.Exit(_judge(first, second, metrics, margin, form, report, accept, interleaved=interleaved))


def ab(
    journey: Annotated[
        str, typer.Argument(help="events, my_events, checkout, attendee, opening_day, or a locustfile.")
    ],
    before: Annotated[
        str, typer.Option(help="A URL, a command with {port} in it, or a git revision of this checkout.")
    ],
    after: Annotated[str, typer.Option(help="The same for the other build.")],
    metric: Metrics = None,
    pairs: Pairs = 10,
    margin: Margin = "5%",
    users: Users = None,
    rate: Rate = None,
    duration: Duration = "10s",
    warm_up: Annotated[
        str,
        typer.Option(
            help="How long before that is not counted; without it, 3 s, and with --users a tenth of one for each,"
            " who may have to sign up."
        ),
    ] = "",
    seed: Seed = None,
    label: Annotated[str, typer.Option(help="A word for the runs' folders.")] = "",
    form: Format = "text",
    report: Report = None,
    accept: Accept = None,
    at_once: AtOnce = False,
    workers: Workers = 1,
    runs: RunsFolder = RUNS,
) -> None:
    """Play two builds in turn (ABBA BAAB), each run with a server of its own, and say what differs.

    Exit code 0 when there is no regression, 1 for a regression, 2 when the comparison is refused, 3 when it decides
    nothing.
    """
    plan = _plan(journey, users, rate, duration, warm_up or MIN_WARM_UP, seed, label, workers)
    if not warm_up:
        plan = replace(plan, warm_up=plan.warm_up + sign_ups(plan))
    metric = _compared(metric, at_once=at_once)
    _check(metric, margin, form)
    can_see(_metrics(metric, ()), before, after)
    if pairs < MIN_PAIRS:
        fail(f"--pairs {pairs}: fewer than {MIN_PAIRS} pairs decide nothing; 10 is a good number.")
    primary = None if "too-few-samples" in (accept or ()) else _metrics(metric, ())[0]
    first, second = _play(plan, before, after, pairs, runs, primary=primary, at_once=at_once)
    raise typer.Exit(
        _judge(first, second, _metrics(metric, first), margin, form, report, accept, interleaved=True)
    )


def calibrate(
    journey: Annotated[str, typer.Argument(help="The journey that comparisons will play.")] = "events",
    target: Annotated[
        str,
        typer.Option(
            help="A URL, a command with {port} in it, or a git revision; without it, a portal of its own."
        ),
    ] = "",
    metric: Metrics = None,
    pairs: Pairs = 6,
    users: Users = None,
    rate: Rate = None,
    duration: Duration = "10s",
    warm_up: WarmUp = "3s",
    seed: Seed = None,
    at_once: AtOnce = False,
    workers: Workers = 1,
    runs: RunsFolder = RUNS,
) -> None:
    """Compare a build with itself: the smallest difference that this machine can see with 6, 10 and 20 pairs."""
    plan = _plan(journey, users, rate, duration, warm_up, seed, "calibrate", workers)
    metric = _compared(metric, at_once=at_once)
    can_see(_metrics(metric, ()), target)
    primary = _metrics(metric, ())[0]
    first, second = _play(plan, target, target, pairs, runs, primary=primary, at_once=at_once)
    from festgate.rehearsal.verdict.comparison import compare  # noqa: PLC0415
    from festgate.rehearsal.verdict.paired import smallest_effect  # noqa: PLC0415

    metrics = _metrics(metric, first)
    found = compare(first, second, metrics, interleaved=True, calibration=True)
    if found.primary is None:
        for finding in found.refusals:
            print(f"{finding.meaning} ({finding.figure}) {finding.remedy}", file=sys.stderr)
        raise typer.Exit(found.exit_code)
    for effect in (found.primary, *found.others):
        import numpy as np  # noqa: PLC0415

        differences = np.array(effect.differences)
        sizes = ", ".join(
            f"{smallest_effect(differences, count):.1%} with {count} pairs" for count in PLANNED
        )
        print(f"{effect.metric.text}: the smallest difference to be seen here is {sizes}.")
    print(f"The same build against itself came out as {found.verdict}.")


def capacity(
    journey: Annotated[str, typer.Argument(help="A journey's name, or a locustfile.")],
    slo: Annotated[
        str, typer.Option(help="What has to hold, with commas between: 'p95 < 300ms, errors < 0.1%'.")
    ],
    target: Annotated[str, typer.Option(help="As for ab; without it, a portal of its own.")] = "",
    begin: Annotated[float, typer.Option(min=0.01, help="Journeys a second to begin with.")] = 5.0,
    rates: Annotated[
        int, typer.Option(min=1, help="Rates between the last that held and the first that did not.")
    ] = 4,
    repeats: Annotated[int, typer.Option(min=1, help="How often each is played.")] = 2,
    duration: Duration = "15s",
    warm_up: WarmUp = "3s",
    seed: Seed = None,
    workers: Workers = 1,
    form: Format = "text",
    report: Report = None,
    runs: RunsFolder = RUNS,
) -> None:
    """Find the largest rate of an open loop at which every limit holds.

    Exit code 0 when there is one, 1 when no rate holds.
    """
    plan = _plan(journey, None, begin, duration, warm_up, seed, "", workers)
    from festgate.rehearsal.runner.builds import Installed, candidate  # noqa: PLC0415
    from festgate.rehearsal.runner.capacity import find_capacity  # noqa: PLC0415
    from festgate.rehearsal.stats.metrics import parse_thresholds  # noqa: PLC0415

    if form not in FORMATS:
        fail(f"--format is one of {', '.join(FORMATS)}.")
    try:
        limits = parse_thresholds(slo)
    except ValueError as error:
        fail(f"--slo: {error}")
    can_see((limit.metric for limit in limits), target)
    console = Console(file=sys.stderr, highlight=False)

    def tell(rate: float, number: int, second: "Second") -> None:
        if second.at >= plan.warm_up + plan.duration:
            console.print(f"Step {number + 1}, {rate:g} journeys a second: {second.requests} requests")

    with performing.sentences(runs), ExitStack() as stack:
        serving = stack.enter_context(candidate(target, Path.cwd())) if target else Installed()
        found = find_capacity(
            plan, serving, limits, runs, begin=begin, rates=rates, repeats=repeats, tell=tell
        )
    _show(found, form, report)
    raise typer.Exit(0 if found.most is not None else BROKEN)


def _check(metric: list[str] | None, margin: str, form: str) -> None:
    """What is written wrongly is said before anything is played, and not minutes after."""
    _metrics(metric, ())
    _share(margin)
    if form not in FORMATS:
        fail(f"--format is one of {', '.join(FORMATS)}.")


def _judge(
    before: "Sequence[Run]",
    after: "Sequence[Run]",
    metrics: "Sequence[Metric]",
    margin: str,
    form: str,
    report: Path | None,
    accepted: list[str] | None,
    *,
    interleaved: bool,
) -> int:
    from festgate.rehearsal.report import Compared  # noqa: PLC0415
    from festgate.rehearsal.verdict.comparison import compare  # noqa: PLC0415

    found = compare(
        before, after, metrics, margin=_share(margin), interleaved=interleaved, accepted=accepted or ()
    )
    _show(Compared(found, before, after), form, report)
    return found.exit_code


def _show(thing: "Reported", form: str, report: Path | None) -> None:
    from festgate.rehearsal.report import render, write_report  # noqa: PLC0415

    print(render(thing, form), end="")
    if report is None:
        return
    try:
        write_report(thing, report)
    except OSError as error:
        fail(f"{report} cannot be written: {error.strerror}.")
    print(f"The report is {report}", file=sys.stderr)


def _compared(metric: list[str] | None, *, at_once: bool) -> list[str] | None:
    """The metrics that were named. Builds that are under load at once are compared by what they use alone."""
    if not at_once:
        return metric
    other = next((each.text for each in _metrics(metric or ["cpu"], ()) if each.kind != "cpu"), "")
    if other:
        fail(
            f"--at-once compares cpu alone, not {other}: two builds in the same seconds take the processor from each"
            " other, and so wait for each other. Play them in turn to compare anything else."
        )
    return ["cpu"]


def _play(
    plan: "Plan",
    before: str,
    after: str,
    pairs: int,
    runs: Path,
    *,
    primary: "Metric | None",
    at_once: bool,
) -> "tuple[list[Run], list[Run]]":
    from festgate.rehearsal.runner.builds import Installed, candidate  # noqa: PLC0415

    with performing.sentences(runs), ExitStack() as stack:
        one, other = (
            stack.enter_context(candidate(text, Path.cwd())) if text else Installed()
            for text in (before, after)
        )
        return performing.perform_pairs(plan, one, other, pairs, runs, primary=primary, at_once=at_once)


def _plan(
    journey: str,
    users: int | None,
    rate: float | None,
    duration: str,
    warm_up: str,
    seed: int | None,
    label: str,
    workers: int,
) -> "Plan":
    needs_extra()
    plan = plan_of(
        journey,
        load_of(users, None, rate, constant=False),
        duration=seconds_of(duration),
        warm_up=seconds_of(warm_up),
        seed=seed,
        workers=workers,
        label=label_of(label),
    )
    can_be_shared(plan)
    return plan


def sign_ups(plan: "Plan") -> float:
    """Seconds until all of a closed loop have signed up, where the journey leaves time for it."""
    load = plan.load
    # The first people of an open loop are ready before it begins. The doors of an opening day open ten seconds after
    # its beginning, and that is to be measured.
    if load.kind != "users" or plan.journey.replace("-", "_") == "opening_day":
        return 0.0
    return SIGN_UP * load.users


def _metrics(texts: list[str] | None, runs: "Sequence[Run]") -> "list[Metric]":
    """Those that were named; else the p95 of all, and of each step."""
    from festgate.rehearsal.stats.metrics import parse_metric  # noqa: PLC0415

    names = runs[0].samples().names if runs else ()
    wanted = texts or ["p95", *(f"p95({name})" for name in names if len(names) > 1)]
    try:
        return [parse_metric(text) for text in wanted]
    except ValueError as error:
        fail(f"--metric: {error}")


def _share(text: str) -> float:
    try:
        value = float(text.strip().removesuffix("%")) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        fail(f"--margin {text!r}: write a share between 0 and 1, as 5%.")
    return value
