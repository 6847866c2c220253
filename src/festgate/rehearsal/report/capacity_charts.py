"""The pictures of a search for the capacity: a limit's metric at each rate."""

import math

import altair as alt

from festgate.rehearsal.report.document import Chart, Table
from festgate.rehearsal.runner.capacity import Capacity


def limit_chart(found: Capacity, number: int, table: Table) -> Chart:
    """Of the limit at that place in `found.limits`; `table` has the same figures."""
    limit = found.limits[number]
    points = [
        {
            "rate": step.rate,
            "value": step.values[number],
            "holds": "holds" if limit.holds(step.values[number]) else "breaks",
        }
        for step in found.steps
        if math.isfinite(step.values[number])
    ]
    base = alt.Chart(alt.Data(values=points))  # type: ignore[no-untyped-call]
    x = alt.X("rate:Q", title="journeys that begin a second")
    y = alt.Y("value:Q", title=limit.metric.text)
    dots = base.mark_point(filled=True, size=70).encode(
        x=x,
        y=y,
        shape=alt.Shape(
            "holds:N", title=None, scale=alt.Scale(domain=["holds", "breaks"], range=["circle", "cross"])
        ),
        color=alt.Color(
            "holds:N", title=None, scale=alt.Scale(domain=["holds", "breaks"], range=["#0b6e4f", "#b3261e"])
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
        f"Each mark is one play; the dashed line is the limit, {limit.text}.",
        drawn.to_dict(),
        table,
    )
