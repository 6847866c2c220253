"""The charts of one run."""

from collections.abc import Sequence

import altair as alt
import numpy as np

from festgate.rehearsal.report.document import Chart, Table
from festgate.rehearsal.report.drawing import (
    BAD,
    COLOURS,
    FIGURE_FORMAT,
    INK,
    Row,
    cells,
    finished,
    inline,
    latency_axis,
    lines,
    milliseconds,
    over_time,
    short,
    time_axis,
)
from festgate.rehearsal.report.words import SIDES, load_in_words
from festgate.rehearsal.runs.plan import Rate
from festgate.rehearsal.stats import figures
from festgate.rehearsal.stats.limits import MIN_TAIL
from festgate.rehearsal.stats.summary import MAX_BINS, QUANTILES, Series, Summary

MAX_STEPS = 6
"""Steps in one chart; more cannot be distinguished."""
_MAX_CELLS = 150
"""Bins per row; each is a separate mark in the chart."""
_ALL_STEPS = "all steps"
_LATENCIES = {"p50": "median", "p95": "95th percentile", "slowest": "maximum"}


def run_charts(summary: Summary) -> tuple[Chart, ...]:
    """Draw latency over time and by step, percentiles, throughput, errors and CPU use, if there is data for them."""
    if not summary.all.requests:
        return ()
    drawn = [
        _load(summary),
        _latency(summary),
        _by_step(summary),
        _curves(summary),
        _throughput(summary),
        _errors(summary),
        _cpu(summary),
    ]
    return tuple(chart for chart in drawn if chart is not None)


def slowest_steps(summary: Summary) -> list[str]:
    """Return the steps to draw: those with the highest p95, in the order of the run."""
    ranked = sorted(summary.steps, key=lambda step: -step.quantiles["p95"])[:MAX_STEPS]
    return [step.name for step in summary.steps if step in ranked]


def _latency(summary: Summary) -> Chart:
    series = summary.series
    rows: list[Row] = [
        {
            "at": short(at),
            "p50": milliseconds(p50),
            "p95": milliseconds(p95),
            "slowest": milliseconds(slowest),
        }
        for at, p50, p95, slowest in zip(series.at, series.p50, series.p95, series.slowest, strict=True)
        if np.isfinite(p50)
    ]
    names = list(_LATENCIES.values())
    line = (
        alt.Chart()
        .transform_fold(list(_LATENCIES), as_=["field", "value"])
        .transform_calculate(line=_renamed("field", _LATENCIES))
        .mark_line()
        .encode(x=time_axis(), y=latency_axis("value", rows, _LATENCIES), **lines("line", names))
    )
    tooltip = {field: f"{title}, ms" for field, title in _LATENCIES.items()}
    total = summary.all.quantiles
    return Chart(
        title="Latency over time",
        description=f"The median, the 95th percentile and the maximum of every {figures.span(series.width)}. Over the"
        f" whole run the median is {figures.latency(total['p50'])}, the 95th percentile"
        f" {figures.latency(total['p95'])} and the maximum {figures.latency(summary.all.slowest)}."
        + (" The warm-up is shaded and does not count." if summary.run.plan.warm_up else ""),
        spec=over_time(rows, [line], tooltip, summary.run.plan.warm_up),
        table=_over_time_table(
            "Latency over time",
            series,
            tuple(_LATENCIES.values()),
            [[figures.latency(x) for x in column] for column in (series.p50, series.p95, series.slowest)],
        ),
    )


def _load(summary: Summary) -> Chart | None:
    """Draw the planned and the reached load of a run whose load varies."""
    run = summary.run
    seconds = run.load_seconds()
    if not seconds:
        return None
    arrivals = isinstance(run.plan.load, Rate)
    names = ("due", "begun") if arrivals else ("planned", "present")
    unit = "arrivals/s" if arrivals else "users"
    together = max(1, -(-len(seconds) // MAX_BINS))
    rows: list[Row] = []
    begin = 0.0
    for first in range(0, len(seconds), together):
        some = seconds[first : first + together]
        parts = (sum(second.asked for second in some), sum(second.reached for second in some))
        # Arrivals are counts of their seconds, users are numbers at a moment.
        end = some[-1].at
        number = end - begin if arrivals else len(some)
        values = {name: short(part / number) for name, part in zip(names, parts, strict=True)}
        rows.append({"at": short((begin + end) / 2), **values})
        begin = end
    base = (
        alt.Chart()
        .transform_fold([*names], as_=["line", "value"])
        .encode(
            x=time_axis(), y=alt.Y("value:Q", title=unit, stack=None), **lines("line", names, dashed=False)
        )
    )
    asked = base.transform_filter(f"datum.line == '{names[0]}'").mark_area(interpolate="linear", opacity=0.3)
    reached = base.transform_filter(f"datum.line == '{names[1]}'").mark_line(interpolate="linear")
    table = tuple((figures.at(row["at"]), *(f"{row[name]:g}" for name in names)) for row in rows)  # type: ignore[arg-type]
    return Chart(
        title="Load over time",
        description=f"The load of the plan, {load_in_words(run.plan.load)}, and the load that was reached.",
        spec=over_time(rows, [asked, reached], {name: f"{name}, {unit}" for name in names}, run.plan.warm_up),
        table=Table("Load over time", ("time", *names), table),
    )


def _by_step(summary: Summary) -> Chart | None:
    steps = slowest_steps(summary)
    if len(steps) < 2:  # noqa: PLR2004  (one step is in the chart above)
        return None
    series = summary.step_series[steps[0]]
    together = max(1, -(-len(series.at) // _MAX_CELLS))
    rows: list[Row] = []
    for name in steps:
        slow = summary.step_series[name].p95
        for first in range(0, len(series.at), together):
            some = slow[first : first + together]
            some = some[np.isfinite(some)]
            if len(some):
                begin = float(series.at[first])
                rows.append(
                    {
                        "step": name,
                        "at": short(begin),
                        "end": short(begin + together * series.width),
                        "waited": milliseconds(float(some.max())),
                    }
                )
    return Chart(
        title="95th percentile of each step over time",
        description="The stronger the colour, the higher the 95th percentile of"
        f" {figures.span(together * series.width)}; with few requests, their maximum."
        + (
            f" These are the {MAX_STEPS} slowest of {len(summary.steps)} steps."
            if len(summary.steps) > len(steps)
            else ""
        ),
        spec=finished(cells(rows, steps), 46 * len(steps)),
        table=_over_time_table(
            "95th percentile of each step over time",
            series,
            steps,
            [[figures.latency(x) for x in summary.step_series[name].p95] for name in steps],
        ),
    )


def _curves(summary: Summary) -> Chart:
    steps = slowest_steps(summary)
    named = {name: name for name in steps}
    names = {"": _ALL_STEPS, **named} if len(steps) > 1 else named
    of_name = {step.name: step for step in (*summary.steps, summary.all)}
    rows: list[Row] = []
    for key, name in names.items():
        for share, waited in zip(*summary.curves[key], strict=True):
            beyond = 1 - share
            rows.append(
                {
                    "beyond": short(beyond),
                    "percentile": short(share * 100),
                    "waited": milliseconds(waited),
                    "line": name,
                    # The last reliable point belongs to both parts of the line, so that they meet.
                    "reliable": int(of_name[key].requests * beyond >= MIN_TAIL - 1e-9),
                }
            )
    labels = "datum.value >= 1 ? '0 %' : format(100 - 100 * datum.value, '~r') + ' %'"
    axis = alt.Axis(
        values=[1, 0.5, 0.1, 0.05, 0.01, 0.001],
        labelExpr=labels,
        title="share of the requests with at most this latency",
    )
    scale = alt.Scale(type="log", domain=[1, 0.001], nice=False)
    tooltip = [
        alt.Tooltip("line:N", title="step"),
        alt.Tooltip("percentile:Q", title="percentile", format="~r"),
        alt.Tooltip("waited:Q", title="latency, ms", format=FIGURE_FORMAT),
    ]
    chart = alt.Chart().encode(
        x=alt.X("beyond:Q", axis=axis, scale=scale),
        y=latency_axis("waited", rows),
        **lines("line", list(names.values()), colours=(*((INK,) if len(steps) > 1 else ()), *COLOURS)),
    )
    unreliable = chart.mark_line(opacity=0.3)
    reliable = chart.transform_filter("datum.reliable == 1").mark_line()
    near = chart.mark_point(opacity=0, size=120).encode(tooltip=tooltip)
    return Chart(
        title="Percentiles of the latency",
        description="The axis is stretched towards the slowest requests. A pale line marks percentiles with fewer than"
        f" {MIN_TAIL} slower requests, which chance decides.",
        spec=finished(alt.layer(unreliable, reliable, near, data=inline(rows))),
        table=Table(
            "Percentiles",
            ("step", *(text for text, _ in QUANTILES)),
            tuple(
                (name, *(figures.latency(of_name[key].quantiles[text]) for text, _ in QUANTILES))
                for key, name in names.items()
            ),
        ),
    )


def _throughput(summary: Summary) -> Chart:
    series = summary.series
    names = ("due", "answered")
    rows: list[Row] = [
        {"at": short(at), "due": short(due), "answered": short(answered)}
        for at, due, answered in zip(series.at, series.asked, series.answered, strict=True)
    ]
    base = (
        alt.Chart()
        .transform_fold([*names], as_=["line", "value"])
        .encode(
            x=time_axis(),
            y=alt.Y("value:Q", title="requests/s", stack=None),
            **lines("line", names, dashed=False),
        )
    )
    due = base.transform_filter("datum.line == 'due'").mark_area(interpolate="step-after", opacity=0.3)
    answered = base.transform_filter("datum.line == 'answered'").mark_line(interpolate="step-after")
    tooltip = {"due": "due, /s", "answered": "answered, /s"}
    return Chart(
        title="Requests due and answered",
        description=f"The mean rate is {figures.rate(summary.all.rate)}. A queue grows while more requests are due than"
        " answered.",
        spec=over_time(rows, [due, answered], tooltip, summary.run.plan.warm_up),
        table=_over_time_table(
            "Throughput over time",
            series,
            names,
            [[figures.rate(x) for x in column] for column in (series.asked, series.answered)],
        ),
    )


def _errors(summary: Summary) -> Chart | None:
    series = summary.series
    if not series.failed.any():
        return None
    rows: list[Row] = [
        {"at": short(at), "failed": short(failed), "end": short(at + series.width)}
        for at, failed in zip(series.at, series.failed, strict=True)
    ]
    bar = (
        alt.Chart()
        .mark_rect(color=BAD)
        .encode(x=time_axis(), x2="end:Q", y=alt.Y("failed:Q", title="failed requests/s"))
    )
    return Chart(
        title="Errors",
        description=f"{figures.count(summary.all.failures)} of {figures.count(summary.all.requests)} measured requests"
        f" failed ({figures.share(summary.all.failed)}). Each is shown at the time at which it was due.",
        spec=over_time(rows, [bar], {"failed": "failed, /s"}, summary.run.plan.warm_up),
        table=_over_time_table(
            "Errors over time", series, ("failed",), [[figures.rate(x) for x in series.failed]]
        ),
    )


def _cpu(summary: Summary) -> Chart | None:
    if not summary.machines:
        return None
    rows: list[Row] = []
    table = []
    for machine in summary.machines:
        step = max(1, -(-len(machine.seconds) // MAX_BINS))
        for first in range(0, len(machine.seconds), step):
            some = machine.seconds[first : first + step]
            cpu = sum(second.cpu for second in some) / len(some)
            rows.append({"at": short(some[0].at), SIDES[machine.side]: short(cpu * 100)})
        table.append(
            (
                SIDES[machine.side],
                figures.share(machine.cpu),
                figures.share(machine.max_cpu),
                figures.size(machine.max_memory),
            )
        )
    sides = [SIDES[machine.side] for machine in summary.machines]
    line = (
        alt.Chart()
        .transform_fold([*sides], as_=["line", "value"])
        .transform_filter("isValid(datum.value)")
        .mark_line()
        .encode(x=time_axis(), y=alt.Y("value:Q", title="% of one core"), **lines("line", sides))
    )
    used = " and ".join(
        f"the {SIDES[machine.side]} used {figures.share(machine.cpu)}" for machine in summary.machines
    )
    return Chart(
        title="CPU use",
        description=f"On average {used} of one core. A saturated load generator measures its own delays.",
        spec=over_time(rows, [line], {side: f"{side}, %" for side in sides}, summary.run.plan.warm_up),
        table=Table(
            "CPU use and memory", ("side", "CPU, mean", "CPU, maximum", "memory, maximum"), tuple(table)
        ),
    )


def _renamed(field: str, names: dict[str, str]) -> str:
    """Return a Vega expression that replaces a field's value by its name."""
    pairs = ", ".join(f"{key}: '{name}'" for key, name in names.items())
    return f"({{{pairs}}})[datum.{field}]"


def _over_time_table(caption: str, series: Series, names: Sequence[str], columns: list[list[str]]) -> Table:
    rows = tuple((figures.at(at), *cells) for at, *cells in zip(series.at, *columns, strict=True))
    return Table(caption, ("time", *names), rows)
