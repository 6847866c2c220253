"""The three kinds of chart that hints draw: requests over time, the median of each run, and bars."""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, islice
from typing import Any, Final

import altair as alt
import numpy as np

from festgate.rehearsal.report.document import Chart, Table
from festgate.rehearsal.report.drawing import (
    BAD,
    COLOURS,
    FIGURE_FORMAT,
    SHADE,
    SOFT,
    Row,
    finished,
    inline,
    latency_axis,
    milliseconds,
    short,
    time_axis,
)
from festgate.rehearsal.runs.samples import Flags, Samples
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats import figures
from festgate.rehearsal.stats.metrics import measure, parse_metric

MAX_POINTS: Final = 1_500
"""Requests in one chart: more of them would overlap."""
MAX_ROWS: Final = 20
"""Rows of the table beside a chart of requests."""
_SHAPES: Final = ("circle", "diamond", "square", "triangle-up", "cross", "triangle-down")
_MAX_TICKS: Final = 12
_BAR: Final = 26
"""Height of a bar in pixels."""


def median_of(run: Run) -> float:
    """Return the run's median in seconds, the figure that comparisons use; NaN if nothing was measured."""
    return measure(parse_metric("p50"), run.measured(), run.plan.duration)


def colours_and_shapes(field: str, names: Sequence[str], colours: Sequence[str] = ()) -> Mapping[str, Any]:
    """Give each of `names` a colour and a shape, in one legend."""
    domain = list(names)
    legend = alt.Legend(
        title=None, orient="top", columns=alt.ExprRef("width < 500 ? 1 : 3"), labelLimit=260, symbolOpacity=1
    )
    chosen = [*colours, *(colour for colour in COLOURS if colour not in colours)]

    def encoded(channel: type[alt.Color | alt.Shape], values: Sequence[str]) -> alt.Color | alt.Shape:
        scale = alt.Scale(domain=domain, range=list(islice(cycle(values), len(domain))))
        return channel(f"{field}:N", sort=domain, legend=legend, scale=scale)

    return {"color": encoded(alt.Color, chosen), "shape": encoded(alt.Shape, _SHAPES)}


def requests_over_time(
    title: str,
    sentence: str,
    samples: Samples,
    highlighted: Flags,
    *,
    label: str,
    others: str = "other requests",
    shaded: tuple[float, float] | None = None,
) -> Chart:
    """Draw a point for each request, at the time when it was sent and with its waiting time; some are highlighted.

    `label` is the legend of the highlighted requests, `others` of the rest; `shaded` is a range of time in seconds.
    """
    shown = _thinned(highlighted)
    rows: list[Row] = [
        {
            "at": short(float(samples.start[place])),
            "waited": milliseconds(float(samples.latency[place])),
            "kind": label if highlighted[place] else others,
        }
        for place in np.flatnonzero(shown)
    ]
    points = (
        alt.Chart(inline(rows))
        .mark_point(filled=True, size=55, opacity=0.85)
        .encode(
            x=time_axis(),
            y=latency_axis("waited", rows),
            **colours_and_shapes("kind", [others, label], (SOFT, BAD)),
            tooltip=[
                alt.Tooltip("kind:N", title="request"),
                alt.Tooltip("at:Q", title="second of the run", format=FIGURE_FORMAT),
                alt.Tooltip("waited:Q", title="waited, ms", format=FIGURE_FORMAT),
            ],
        )
    )
    layers: list[Any] = [points]
    if shaded is not None:
        shade = alt.Chart(inline([{"begin": shaded[0], "end": shaded[1]}]))
        layers.insert(0, shade.mark_rect(color=SHADE, opacity=1).encode(x=alt.X("begin:Q"), x2="end:Q"))
    slowest = np.argsort(samples.latency)[::-1][:MAX_ROWS]
    table = Table(
        f"The slowest {len(slowest)} of {figures.count(len(samples))} requests",
        ("waited", "sent at", "kind"),
        tuple(
            (
                figures.latency(float(samples.latency[place])),
                f"{samples.start[place]:.2f} s",
                label if highlighted[place] else others,
            )
            for place in slowest
        ),
        words=frozenset({2}),
    )
    return Chart(title, sentence, finished(alt.layer(*layers)), table)


def _thinned(highlighted: Flags) -> Flags:
    """Keep all highlighted requests, and of the others every n-th, so that the chart stays readable."""
    shown = highlighted.copy()
    rest = np.flatnonzero(~highlighted)
    step = max(1, -(-len(rest) // MAX_POINTS))
    shown[rest[::step]] = True
    return shown


def median_of_each_run(
    title: str, sentence: str, runs: Sequence[Run], group: Callable[[Run], str], groups: Sequence[str]
) -> Chart:
    """Draw the median of each run in their order in time; `group` gives a run's group, one of `groups`."""
    ordered = sorted(runs, key=lambda run: run.began)
    rows: list[Row] = []
    table = []
    for number, run in enumerate(ordered, 1):
        middle = median_of(run)
        table.append((run.name, group(run), figures.latency(middle)))
        if np.isfinite(middle):
            rows.append(
                {"run": number, "waited": milliseconds(middle), "group": group(run), "name": run.name}
            )
    places = list(range(1, len(ordered) + 1, max(1, len(ordered) // _MAX_TICKS)))
    axis = alt.Axis(values=places, format="d", title="runs in their order in time", grid=False)
    # Space above and below gives the axis more than one label if the points are close together.
    room: list[Row] = [
        {"waited": waited * times}
        for row in rows
        if isinstance(waited := row["waited"], float)
        for times in (0.6, 1.6)
    ]
    points = (
        alt.Chart(inline(rows))
        .mark_point(filled=True, size=110, opacity=1)
        .encode(
            x=alt.X("run:Q", axis=axis, scale=alt.Scale(domain=[0.5, len(ordered) + 0.5], nice=False)),
            y=latency_axis("waited", room),
            **colours_and_shapes("group", groups),
            tooltip=[
                alt.Tooltip("name:N", title="run"),
                alt.Tooltip("group:N", title="group"),
                alt.Tooltip("waited:Q", title="median, ms", format=FIGURE_FORMAT),
            ],
        )
    )
    shown = Table("Each run's median", ("run", "group", "median"), tuple(table), words=frozenset({0, 1}))
    return Chart(title, sentence, finished(points), shown)


def bars(
    title: str,
    sentence: str,
    values: Sequence[tuple[str, str, float, str]],
    *,
    axis: str,
    groups: Sequence[str] = ("",),
) -> Chart:
    """Draw horizontal bars from (name, group, value, the value in words); `axis` is the unit of the values."""
    names = list(dict.fromkeys(name for name, *_ in values))
    rows: list[Row] = [
        {"name": name, "group": group, "value": short(value), "shown": shown}
        for name, group, value, shown in values
    ]
    encoded: dict[str, Any] = {
        "y": alt.Y("name:N", sort=names, title=None, axis=alt.Axis(labelLimit=230)),
        "x": alt.X("value:Q", title=axis, scale=alt.Scale(zero=True)),
    }
    colour = colours_and_shapes("group", groups)["color"]
    if len(groups) > 1:
        encoded["yOffset"] = alt.YOffset("group:N", sort=list(groups), scale=alt.Scale(domain=list(groups)))
    bar = (
        alt.Chart(inline(rows))
        .mark_bar()
        .encode(
            **encoded,
            color=colour if len(groups) > 1 else alt.value(COLOURS[0]),
            tooltip=[
                alt.Tooltip("name:N", title=" "),
                alt.Tooltip("group:N", title="group"),
                alt.Tooltip("shown:N", title=axis),
            ],
        )
    )
    table = Table(
        title,
        ("", "group", axis),
        tuple((name, group, shown) for name, group, _, shown in values),
        words=frozenset({0, 1}),
    )
    return Chart(title, sentence, finished(bar, max(90, _BAR * len(rows) + 40)), table)
