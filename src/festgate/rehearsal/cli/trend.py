"""`festgate runs trend`: the same metrics of kept runs, in their order."""

from pathlib import Path
from typing import Annotated

import typer

from festgate.rehearsal.cli.failures import reports_failure
from festgate.rehearsal.cli.options import RUNS, Format, RunsFolder, require_extra
from festgate.terminal import fail

DEFAULT_METRICS = ("p95", "p50", "errors")


@reports_failure
def show_trend(
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Metrics to show: 'p95(/events)', 'rate', 'max'; by default p95, p50 and errors."),
    ] = None,
    journey: Annotated[str, typer.Option(help="Only runs of this journey, or of this locustfile.")] = "",
    label: Annotated[str, typer.Option(help="Only runs with this label.")] = "",
    last: Annotated[int, typer.Option(min=1, help="Number of the newest runs to show.")] = 20,
    form: Format = "text",
    report: Annotated[Path | None, typer.Option(help="Also write the report as HTML to this file.")] = None,
    runs: RunsFolder = RUNS,
) -> None:
    """Show metrics of the kept runs as a chart. It is not a verdict: compare builds with `festgate ab`.

    Runs that were stopped early are left out. Exit code 0, or 2 if there is no run to show.
    """
    require_extra()
    from festgate.rehearsal.report import render, write_report  # noqa: PLC0415
    from festgate.rehearsal.runs.store import list_runs  # noqa: PLC0415
    from festgate.rehearsal.stats.metrics import parse_metric  # noqa: PLC0415
    from festgate.rehearsal.stats.trend import trend_of  # noqa: PLC0415

    try:
        metrics = [parse_metric(text) for text in metric or DEFAULT_METRICS]
    except ValueError as error:
        fail(f"--metric: {error}")
    chosen = [
        run
        for run in list_runs(runs)
        if run.state == "whole"
        and (not journey or Path(run.plan.journey).stem == Path(journey).stem)
        and (not label or run.plan.label == label)
    ][:last]
    if not chosen:
        fail(f"There is no complete run to show in {runs}. See the kept runs with `festgate runs list`.")
    shown = trend_of(chosen, metrics)
    print(render(shown, form), end="")
    if report is not None:
        try:
            write_report(shown, report)
        except OSError as error:
            fail(f"{report} cannot be written: {error.strerror}.")
