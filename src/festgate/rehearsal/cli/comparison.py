"""`festgate compare`, `ab`, `calibrate` and `capacity`: comparisons of two builds, and the capacity of one."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from festgate.rehearsal.cli import locust_files
from festgate.rehearsal.cli.execution import exit_on_failure, follow_locustfile, run_comparison
from festgate.rehearsal.cli.failures import reports_failure
from festgate.rehearsal.cli.options import (
    BROKEN,
    RUNS,
    ExcludeTags,
    Format,
    LocustArguments,
    RunsFolder,
    Stages,
    Tags,
    Workers,
    check_label,
    check_metrics,
    check_workers,
    choose_load,
    find_run,
    locust_arguments,
    make_load,
    make_plan,
    make_times,
    require_extra,
)
from festgate.rehearsal.stats.limits import MIN_PAIRS
from festgate.terminal import WRONG_USE, fail

if TYPE_CHECKING:
    from festgate.rehearsal.report import Reported
    from festgate.rehearsal.runner.builds import Build
    from festgate.rehearsal.runner.run import Second
    from festgate.rehearsal.runs.plan import Load, Plan
    from festgate.rehearsal.runs.store import Run
    from festgate.rehearsal.stats.metrics import Metric
    from festgate.rehearsal.verdict.looks import Looks

PAIRS = 10
MAX_PAIRS_UNTIL_DECIDED = 40
"""Default numbers of pairs. With the measured variation, nine of ten comparisons are decided after 36 pairs."""
MIN_WARM_UP = "3s"
SIGN_UP_SECONDS = 0.1
"""Seconds for one user to sign up: a password's hash is slow on purpose. 77 at once took 6.6 s on two busy cores."""
CALIBRATED_PAIRS = (6, 10, 20)
"""Numbers of pairs for which `calibrate` prints the smallest detectable difference."""

Metrics = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        help="Metrics to compare, the primary one first: 'p95(/events)', 'p50', 'mean(/checkout)'.",
    ),
]
Margin = Annotated[str, typer.Option(help="Differences below this share do not matter.")]
Users = Annotated[int | None, typer.Option(min=1, help="A closed loop with that many users.")]
Rate = Annotated[float | None, typer.Option(min=0.01, help="An open loop with that many journeys a second.")]
Duration = Annotated[str, typer.Option(help="Measured time of each run: 10s, 1m.")]
WarmUp = Annotated[str, typer.Option(help="Time before the measurement, which does not count.")]
Seed = Annotated[int | None, typer.Option(help="Repeats the users and arrivals of another comparison.")]
Accept = Annotated[
    list[str] | None,
    typer.Option(help="Name of a refusal to override, on your own responsibility: responses-differ."),
]
Report = Annotated[Path | None, typer.Option(help="Also write the report as HTML to this file.")]
AtOnce = Annotated[
    bool,
    typer.Option(
        "--at-once",
        help="Run both sides of a pair at the same time, for the metric cpu alone: detects smaller differences.",
    ),
]


def mount(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("compare")(reports_failure(compare_runs))
    app.command()(reports_failure(ab))
    app.command()(calibrate)
    app.command()(reports_failure(capacity))


def compare_runs(
    names: Annotated[
        list[str],
        typer.Argument(
            help="Kept runs: those of the build before, then as many of the build after. Or Locust's own output files,"
            " which are only described."
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

    Locust's own output (--csv, --json, --html, its table as text) is shown side by side, and the comparison is refused
    with the reasons.

    Exit code 0: no regression. 1: a regression. 2: the comparison is refused. 3: the result is inconclusive.
    """
    require_extra()
    from festgate.rehearsal.verdict.comparison import is_interleaved  # noqa: PLC0415

    _parse_metrics(metric, ())
    share = _parse_share(margin)
    outputs = locust_files.read(names, runs)
    if outputs:
        _show(locust_files.set_beside(outputs), form, report)
        raise typer.Exit(WRONG_USE)
    if len(names) % 2:
        fail(f"{len(names)} runs cannot be split into two halves, before and after.")
    kept = [find_run(name, runs) for name in names]
    before, after = kept[: len(kept) // 2], kept[len(kept) // 2 :]
    metrics = _parse_metrics(metric, before)
    interleaved = is_interleaved(before, after)
    raise typer.Exit(_judge(before, after, metrics, share, form, report, accept, interleaved=interleaved))


def ab(
    journey: Annotated[
        str,
        typer.Argument(help="events, my_events, checkout, attendee, tickets, opening_day, or a locustfile."),
    ],
    before: Annotated[
        str, typer.Option(help="A URL, a command with {port} in it, or a git revision of this checkout.")
    ],
    after: Annotated[str, typer.Option(help="The same for the other build.")],
    arguments: LocustArguments = None,
    metric: Metrics = None,
    pairs: Annotated[
        int | None,
        typer.Option(
            help=f"Pairs of runs, fixed before the first run; by default {PAIRS}. Not with --until-decided."
        ),
    ] = None,
    until_decided: Annotated[
        bool,
        typer.Option(
            "--until-decided",
            help=f"End the comparison as soon as it is decided, after {MIN_PAIRS} pairs or more. Its intervals are"
            " wider, so that at most 5 of 100 comparisons are wrong at any of their looks.",
        ),
    ] = False,
    at_most: Annotated[
        int | None,
        typer.Option(
            help=f"The largest number of pairs with --until-decided; by default {MAX_PAIRS_UNTIL_DECIDED}."
        ),
    ] = None,
    margin: Margin = "5%",
    users: Users = None,
    rate: Rate = None,
    stages: Stages = "",
    duration: Annotated[
        str,
        typer.Option(help="Measured time of each run: 10s, 1m; by default 10s. Stages have their own."),
    ] = "",
    warm_up: Annotated[
        str,
        typer.Option(
            help="Time before the measurement, which does not count; by default 3 s, and with --users 0.1 s more for"
            " each user, to sign up."
        ),
    ] = "",
    seed: Seed = None,
    label: Annotated[str, typer.Option(help="Part of the names of the runs' folders.")] = "",
    form: Format = "text",
    report: Report = None,
    accept: Accept = None,
    at_once: AtOnce = False,
    tags: Tags = None,
    exclude_tags: ExcludeTags = None,
    workers: Workers = 1,
    runs: RunsFolder = RUNS,
) -> None:
    """Run two builds in turn (ABBA BAAB), each run on a freshly started server, and report the differences.

    Exit code 0: no regression. 1: a regression. 2: the comparison is refused. 3: the result is inconclusive.
    """
    load = choose_load(stages, users, None, rate, constant=False)
    plan = _make_plan(
        journey, load, make_times(load, duration, warm_up, ("10s", MIN_WARM_UP)), seed, label, workers
    )
    plan = replace(plan, arguments=locust_arguments(arguments, tags, exclude_tags))
    if not warm_up and not stages:
        plan = replace(plan, warm_up=plan.warm_up + sign_up_time(plan))
    metric = _check_at_once(metric, at_once=at_once)
    metrics, share = _parse_metrics(metric, ()), _parse_share(margin)
    check_metrics(metrics, before, after)
    pairs = _number_of_pairs(pairs, at_most, until_decided=until_decided)
    same_target = _is_same_target(before, after)
    primary = None if "too-few-samples" in (accept or ()) else metrics[0]
    looks = _looks(metric, share, accept, calibration=same_target) if until_decided else None
    plan = replace(plan, until_decided=until_decided)
    with exit_on_failure(runs):
        plan = _follow_locustfile(plan, users, rate, stages)
        first, second = run_comparison(
            plan, before, after, pairs, runs, primary=primary, looks=looks, at_once=at_once
        )
    metrics = _parse_metrics(metric, first)
    code = _judge(
        first, second, metrics, share, form, report, accept, interleaved=True, calibration=same_target
    )
    raise typer.Exit(code)


def calibrate(
    journey: Annotated[str, typer.Argument(help="The journey of the comparisons that you plan.")] = "events",
    arguments: LocustArguments = None,
    target: Annotated[
        str,
        typer.Option(
            help="A URL, a command with {port} in it, or a git revision; by default, the users' own hosts, or else a"
            " temporary portal."
        ),
    ] = "",
    metric: Metrics = None,
    pairs: Annotated[int, typer.Option(min=2, help="Pairs of runs, fixed before the first run.")] = 6,
    users: Users = None,
    rate: Rate = None,
    duration: Duration = "10s",
    warm_up: WarmUp = "3s",
    seed: Seed = None,
    at_once: AtOnce = False,
    tags: Tags = None,
    exclude_tags: ExcludeTags = None,
    workers: Workers = 1,
    runs: RunsFolder = RUNS,
) -> None:
    """Compare a build with itself, and print the smallest difference detectable here with 6, 10 and 20 pairs."""
    load = make_load(users, None, rate, constant=False)
    plan = _make_plan(journey, load, make_times(load, duration, warm_up), seed, "calibrate", workers)
    plan = replace(plan, arguments=locust_arguments(arguments, tags, exclude_tags))
    metric = _check_at_once(metric, at_once=at_once)
    metrics = _parse_metrics(metric, ())
    check_metrics(metrics, target)
    with exit_on_failure(runs):
        plan = _follow_locustfile(plan, users, rate, own_host=not target)
        check_metrics(metrics, *plan.targets)
        build = target or _own_target(plan)
        first, second = run_comparison(plan, build, build, pairs, runs, primary=metrics[0], at_once=at_once)
    from festgate.rehearsal.verdict.comparison import compare  # noqa: PLC0415
    from festgate.rehearsal.verdict.paired import smallest_effect  # noqa: PLC0415

    comparison = compare(first, second, _parse_metrics(metric, first), interleaved=True, calibration=True)
    if comparison.primary is None:
        for refusal in comparison.refusals:
            print(f"{refusal.meaning} ({refusal.figure}) {refusal.remedy}", file=sys.stderr)
        raise typer.Exit(comparison.exit_code)
    for effect in (comparison.primary, *comparison.others):
        import numpy as np  # noqa: PLC0415

        differences = np.array(effect.differences)
        sizes = ", ".join(
            f"{smallest_effect(differences, count):.1%} with {count} pairs" for count in CALIBRATED_PAIRS
        )
        print(f"{effect.metric.text}: the smallest detectable difference is {sizes}.")
    print(f"The verdict on the build compared with itself is: {comparison.verdict}.")


def capacity(
    journey: Annotated[str, typer.Argument(help="A journey's name, or a locustfile.")],
    slo: Annotated[str, typer.Option(help="Limits, separated by commas: 'p95 < 300ms, errors < 0.1%'.")],
    arguments: LocustArguments = None,
    target: Annotated[
        str,
        typer.Option(
            help="A URL, a command with {port} in it, or a git revision; by default, the users' own hosts, or else a"
            " temporary portal."
        ),
    ] = "",
    begin: Annotated[float, typer.Option(min=0.01, help="The first rate, in journeys a second.")] = 5.0,
    rates: Annotated[
        int, typer.Option(min=1, help="Rates between the last that held and the first that did not.")
    ] = 4,
    repeats: Annotated[int, typer.Option(min=1, help="Runs at each of these rates.")] = 2,
    duration: Duration = "15s",
    warm_up: WarmUp = "3s",
    seed: Seed = None,
    tags: Tags = None,
    exclude_tags: ExcludeTags = None,
    workers: Workers = 1,
    form: Format = "text",
    report: Report = None,
    runs: RunsFolder = RUNS,
) -> None:
    """Find the largest rate of an open loop at which every limit holds.

    Exit code 0: a rate holds. 1: none does.
    """
    load = make_load(None, None, begin, constant=False)
    plan = _make_plan(journey, load, make_times(load, duration, warm_up), seed, "", workers)
    plan = replace(plan, arguments=locust_arguments(arguments, tags, exclude_tags))
    from festgate.rehearsal.runner.builds import resolve_build  # noqa: PLC0415
    from festgate.rehearsal.runner.capacity import find_capacity  # noqa: PLC0415
    from festgate.rehearsal.stats.metrics import parse_thresholds  # noqa: PLC0415

    try:
        limits = parse_thresholds(slo)
    except ValueError as error:
        fail(f"--slo: {error}")
    check_metrics((limit.metric for limit in limits), target)
    console = Console(file=sys.stderr, highlight=False)

    def on_second(rate: float, number: int, second: "Second") -> None:
        if second.at >= plan.warm_up + plan.duration:
            console.print(f"Step {number + 1}, {rate:g} journeys a second: {second.requests} requests")

    with exit_on_failure(runs), ExitStack() as stack:
        plan = _follow_locustfile(plan, None, begin, own_host=not target)
        check_metrics((limit.metric for limit in limits), *plan.targets)
        build = stack.enter_context(resolve_build(target, Path.cwd())) if target else _own_target(plan)
        result = find_capacity(
            plan, build, limits, runs, begin=begin, rates=rates, repeats=repeats, on_second=on_second
        )
    _show(result, form, report)
    raise typer.Exit(0 if result.max_rate is not None else BROKEN)


def _follow_locustfile(
    plan: "Plan", users: int | None, rate: float | None, stages: str = "", *, own_host: bool = False
) -> "Plan":
    load_given = bool(users is not None or rate is not None or stages)
    return follow_locustfile(plan, load_given=load_given, own_host=own_host)[0]


def _own_target(plan: "Plan") -> "Build":
    """Return the servers at the hosts of the plan's users; a temporary portal if they have none."""
    from festgate.rehearsal.runner.builds import Installed, Running  # noqa: PLC0415

    return Running(plan.host) if plan.targets else Installed()


def _judge(
    before: "Sequence[Run]",
    after: "Sequence[Run]",
    metrics: "Sequence[Metric]",
    margin: float,
    form: str,
    report: Path | None,
    accepted: list[str] | None,
    *,
    interleaved: bool,
    calibration: bool = False,
) -> int:
    """Compare the runs and show the report; return the exit code."""
    from festgate.rehearsal.report import Compared  # noqa: PLC0415
    from festgate.rehearsal.verdict.comparison import compare  # noqa: PLC0415

    comparison = compare(
        before,
        after,
        metrics,
        margin=margin,
        interleaved=interleaved,
        calibration=calibration,
        accepted=accepted or (),
    )
    _show(Compared(comparison, before, after), form, report)
    return comparison.exit_code


def _number_of_pairs(pairs: int | None, at_most: int | None, *, until_decided: bool) -> int:
    """Return the number of pairs, or the largest number with --until-decided; end the command if they are wrong."""
    if until_decided and pairs is not None:
        fail(f"--pairs {pairs} is a fixed number of pairs. With --until-decided, set --at-most {pairs}.")
    if not until_decided and at_most is not None:
        fail(
            f"--at-most {at_most} needs --until-decided. For a fixed number of pairs, set --pairs {at_most}."
        )
    option, number = (
        ("at-most", at_most or MAX_PAIRS_UNTIL_DECIDED) if until_decided else ("pairs", pairs or PAIRS)
    )
    if number < MIN_PAIRS:
        fail(
            f"--{option} {number}: fewer than {MIN_PAIRS} pairs cannot show anything; {PAIRS} is a good number."
        )
    return number


def _is_same_target(before: str, after: str) -> bool:
    """Return whether both sides are one target, and print that the comparison is an A/A then."""
    from festgate.rehearsal.runner.builds import is_same_target  # noqa: PLC0415

    same = is_same_target(before, after, Path.cwd())
    if same:
        print(
            "--before and --after are the same target, so this is an A/A comparison: it shows differences that have"
            " nothing to do with a change.",
            file=sys.stderr,
        )
    return same


def _looks(
    metric: list[str] | None, margin: float, accepted: list[str] | None, *, calibration: bool
) -> "Looks":
    """Return the looks of a comparison that ends as soon as it is decided, each printed on standard error."""
    from festgate.rehearsal.report.words import look_in_words  # noqa: PLC0415
    from festgate.rehearsal.verdict.looks import Looks  # noqa: PLC0415

    return Looks(
        choose_metrics=lambda runs: _parse_metrics(metric, runs),
        margin=margin,
        on_look=lambda comparison: print(look_in_words(comparison), file=sys.stderr),
        calibration=calibration,
        accepted=accepted or (),
    )


def _show(subject: "Reported", form: str, report: Path | None) -> None:
    from festgate.rehearsal.report import render, write_report  # noqa: PLC0415

    print(render(subject, form), end="")
    if report is None:
        return
    try:
        write_report(subject, report)
    except OSError as error:
        # The result is on standard output already.
        print(f"{report} cannot be written: {error.strerror}.", file=sys.stderr)
        raise typer.Exit(WRONG_USE) from None
    print(f"The report is {report}", file=sys.stderr)


def _check_at_once(metric: list[str] | None, *, at_once: bool) -> list[str] | None:
    """Return the metrics; end the command if --at-once is combined with another metric than cpu."""
    if not at_once:
        return metric
    other = next(
        (parsed.text for parsed in _parse_metrics(metric or ["cpu"], ()) if parsed.kind != "cpu"), ""
    )
    if other:
        fail(
            f"--at-once compares cpu alone, not {other}: two builds that run at the same time compete for the"
            " processor, so each slows down the other. Leave out --at-once to compare anything else."
        )
    return ["cpu"]


def _make_plan(
    journey: str, load: "Load", times: tuple[float, float], seed: int | None, label: str, workers: int
) -> "Plan":
    """Return the plan of each run; `times` are the measured time and the warm-up."""
    duration, warm_up = times
    require_extra()
    plan = make_plan(
        journey,
        load,
        duration=duration,
        warm_up=warm_up,
        seed=seed,
        workers=workers,
        label=check_label(label),
    )
    check_workers(plan)
    return plan


def sign_up_time(plan: "Plan") -> float:
    """Return the seconds in which all users of a closed loop sign up, if the journey leaves time for it."""
    load = plan.load
    # The first users of an open loop are ready before the run begins. An opening day measures the ten seconds before
    # its doors open as well.
    if load.kind != "users" or plan.journey.replace("-", "_") == "opening_day":
        return 0.0
    return SIGN_UP_SECONDS * load.users


def _parse_metrics(texts: list[str] | None, runs: "Sequence[Run]") -> "list[Metric]":
    """Return the named metrics; by default the p95 of all requests, and of each step of the runs."""
    from festgate.rehearsal.stats.metrics import LIMITS_ONLY, parse_metric  # noqa: PLC0415

    steps = runs[0].samples().names if runs else ()
    wanted = texts or ["p95", *(f"p95({step})" for step in steps if len(steps) > 1)]
    try:
        metrics = [parse_metric(text) for text in wanted]
    except ValueError as error:
        fail(f"--metric: {error}")
    for metric in metrics:
        if metric.kind in LIMITS_ONLY:
            fail(
                f"--metric: {metric.text} can be a limit of a run, but no metric of a comparison. Use p95 or p99."
            )
    return metrics


def _parse_share(text: str) -> float:
    try:
        share = float(text.strip().removesuffix("%")) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        fail(f"--margin {text!r}: write a share between 0 and 1, as 5%.")
    return share
