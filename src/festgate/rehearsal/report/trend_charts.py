"""The chart of a trend: one metric of kept runs."""

import math
from datetime import UTC, datetime

import altair as alt

from festgate.rehearsal.report.document import Chart, Table
from festgate.rehearsal.report.drawing import COLOURS, FIGURE_FORMAT, Row, finished, inline, lines, short
from festgate.rehearsal.report.words import target_of, workload_of
from festgate.rehearsal.stats.metrics import Metric
from festgate.rehearsal.stats.trend import Trend

_UNITS = {"errors": ("%", 100.0), "rate": ("/s", 1.0), "turned_away": ("people", 1.0)}
"""The unit of a metric that is no time, and the factor to it."""
_MAX_TICKS = 20


def trend_chart(trend: Trend, number: int) -> Chart:
    """Draw metric `number` of each run, in their order; runs of one workload are connected."""
    metric = trend.metrics[number]
    unit, factor = _unit(metric)
    rows: list[Row] = [
        {
            "order": float(place),
            "run": point.run.name,
            "start": f"{datetime.fromtimestamp(point.run.began, UTC):%m-%d %H:%M}",
            "target": target_of(point.run),
            "workload": workload_of(point.run),
            "value": short(point.values[number] * factor),
            "shown": metric.shown(point.values[number]),
            "sure": "no" if point.few[number] else "yes",
        }
        for place, point in enumerate(trend.points, 1)
        if math.isfinite(point.values[number])
    ]
    workloads = list(dict.fromkeys(str(row["workload"]) for row in rows))
    count = len(trend.points)
    ticks = list(range(1, count + 1, -(-count // _MAX_TICKS)))
    axis = alt.Axis(title="runs in their order", values=ticks, format="d", grid=False)
    base = alt.Chart(inline(rows)).encode(
        x=alt.X("order:Q", axis=axis, scale=alt.Scale(nice=False, padding=12)),
        y=alt.Y("value:Q", title=f"{metric.text}, {unit}", scale=alt.Scale(zero=True)),
        **lines("workload", workloads, colours=COLOURS),
    )
    tooltip = [
        *(alt.Tooltip(f"{field}:N") for field in ("run", "start", "target", "workload")),
        alt.Tooltip("value:Q", title=f"{metric.text}, {unit}", format=FIGURE_FORMAT),
    ]
    dots = base.mark_point(size=60, filled=True).encode(
        tooltip=tooltip, fillOpacity=alt.condition("datum.sure == 'yes'", alt.value(1), alt.value(0.25))
    )
    return Chart(
        title=f"{metric.text} of each run",
        description="Each dot is one run; a line connects runs of the same workload. A pale dot has too few requests.",
        spec=finished(alt.layer(base.mark_line(), dots)),
        table=Table(
            f"{metric.text} of each run",
            ("run", "workload", metric.text),
            tuple((str(row["run"]), str(row["workload"]), str(row["shown"])) for row in rows),
            words=frozenset({0, 1}),
        ),
    )


def _unit(metric: Metric) -> tuple[str, float]:
    return _UNITS.get(metric.kind, ("ms", 1000.0))
