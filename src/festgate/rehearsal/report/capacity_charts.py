"""The charts of a capacity search: the metric of each limit at each rate."""

import math

import altair as alt

from festgate.rehearsal.report.document import Chart, Table
from festgate.rehearsal.runner.capacity import Capacity


def limit_chart(capacity: Capacity, number: int, table: Table) -> Chart:
    """Draw the metric of limit `number` at each rate; `table` has the same figures."""
    limit = capacity.limits[number]
    points = [
        {
            "rate": step.rate,
            "value": step.values[number],
            "result": "met" if limit.holds(step.values[number]) else "not met",
        }
        for step in capacity.steps
        if math.isfinite(step.values[number])
    ]
    base = alt.Chart(alt.Data(values=points))  # type: ignore[no-untyped-call]
    x = alt.X("rate:Q", title="journeys/s")
    y = alt.Y("value:Q", title=limit.metric.text)
    dots = base.mark_point(filled=True, size=70).encode(
        x=x,
        y=y,
        shape=alt.Shape(
            "result:N", title=None, scale=alt.Scale(domain=["met", "not met"], range=["circle", "cross"])
        ),
        color=alt.Color(
            "result:N", title=None, scale=alt.Scale(domain=["met", "not met"], range=["#0b6e4f", "#b3261e"])
        ),
    )
    line = (
        alt.Chart(alt.Data(values=[{"limit": limit.limit}]))  # type: ignore[no-untyped-call]
        .mark_rule(strokeDash=[6, 4])
        .encode(y=alt.Y("limit:Q"))
    )
    drawn = alt.layer(dots, line).properties(width="container", height=260)
    return Chart(
        f"{limit.metric.text} at each rate",
        f"Each mark is one run; the dashed line is the limit, {limit.text}.",
        drawn.to_dict(),
        table,
    )
