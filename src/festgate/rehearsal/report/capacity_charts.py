"""The charts of a capacity search: the metric of each limit at each rate."""

import math
from typing import Final

import altair as alt

from festgate.rehearsal.report.document import Chart, Table
from festgate.rehearsal.report.drawing import (
    BAD,
    FIGURE_FORMAT,
    GOOD,
    INK,
    Row,
    finished,
    inline,
    latency_axis,
    milliseconds,
    short,
)
from festgate.rehearsal.runner.capacity import Capacity
from festgate.rehearsal.stats.metrics import Kind, Metric

_UNITS: Final[dict[Kind, str]] = {"errors": "%", "rate": "requests/s", "turned_away": "people"}
_RESULTS: Final = {"met": (GOOD, "circle"), "not met": (BAD, "cross")}


def limit_chart(capacity: Capacity, number: int, table: Table) -> Chart:
    """Draw the metric of limit `number` at each rate; `table` has the same figures."""
    limit = capacity.limits[number]
    metric = limit.metric
    rows: list[Row] = [
        {
            "rate": short(step.rate),
            "value": _drawn(metric, step.values[number]),
            "result": "met" if limit.holds(step.values[number]) else "not met",
        }
        for step in capacity.steps
        if math.isfinite(step.values[number])
    ]
    edge: Row = {"value": _drawn(metric, limit.limit)}
    unit = _UNITS.get(metric.kind, "ms")
    if metric.kind in _UNITS:
        axis = alt.Y("value:Q", title=f"{metric.text}, {unit}")
    else:
        axis = latency_axis("value", [*rows, edge], title=metric.text)
    legend = alt.Legend(title=None, orient="top")
    domain = list(_RESULTS)
    dots = (
        alt.Chart(inline(rows))
        .mark_point(filled=True, size=90, opacity=1)
        .encode(
            x=alt.X("rate:Q", title="journeys/s"),
            y=axis,
            shape=alt.Shape(
                "result:N",
                legend=legend,
                scale=alt.Scale(domain=domain, range=[shape for _, shape in _RESULTS.values()]),
            ),
            color=alt.Color(
                "result:N",
                legend=legend,
                scale=alt.Scale(domain=domain, range=[colour for colour, _ in _RESULTS.values()]),
            ),
            tooltip=[
                alt.Tooltip("rate:Q", title="journeys/s", format=FIGURE_FORMAT),
                alt.Tooltip("value:Q", title=f"{metric.text}, {unit}", format=FIGURE_FORMAT),
            ],
        )
    )
    line = alt.Chart(inline([edge])).mark_rule(strokeDash=[6, 4], color=INK).encode(y=axis)
    return Chart(
        f"{metric.text} at each rate",
        f"Each mark is one run; the dashed line is the limit, {limit.text}.",
        finished(alt.layer(dots, line)),
        table,
    )


def _drawn(metric: Metric, value: float) -> float | None:
    """Return the value in the unit of its axis."""
    if metric.kind == "errors":
        return short(value * 100)
    return short(value) if metric.kind in _UNITS else milliseconds(value)
