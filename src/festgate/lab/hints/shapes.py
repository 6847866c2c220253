"""What the pictures of hints have in common: requests over time, a point for each run, bars."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import altair as alt
import numpy as np

from festgate.rehearsal.report.document import Chart, Table
from festgate.rehearsal.report.drawing import (
    BAD,
    COLOURS,
    FIGURE_FORMAT,
    HEIGHT,
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
"""Requests in one picture: more lie on top of each other."""
MAX_ROWS: Final = 20
"""Of a table beside a picture of requests."""
_SHAPES: Final = ("circle", "diamond", "square", "triangle-up", "cross", "triangle-down")
_MAX_TICKS: Final = 12
_BAR: Final = 26
"""Pixels of height for each bar."""


def median_of(run: Run) -> float:
    """The figure that is compared, in seconds; not-a-number where nothing was measured."""
    return measure(parse_metric("p50"), run.measured(), run.plan.duration)


def most(runs: Sequence[Run], by: Callable[[Run], float]) -> Run:
    """The run that shows it best. `runs` is not empty."""
    return max(runs, key=by)


def kinds(field: str, names: Sequence[str], colours: Sequence[str] = ()) -> Mapping[str, Any]:
    """A colour and a shape for each of `names`, in one legend."""
    domain = list(names)
    legend = alt.Legend(
        title=None, orient="top", columns=alt.ExprRef("width < 500 ? 1 : 3"), labelLimit=260, symbolOpacity=1
    )
    chosen = [*colours, *(colour for colour in COLOURS if colour not in colours)]
    return {
        "color": alt.Color(
            f"{field}:N",
            sort=domain,
            legend=legend,
            scale=alt.Scale(
                domain=domain, range=[chosen[place % len(chosen)] for place in range(len(domain))]
            ),
        ),
        "shape": alt.Shape(
            f"{field}:N",
            sort=domain,
            legend=legend,
            scale=alt.Scale(
                domain=domain, range=[_SHAPES[place % len(_SHAPES)] for place in range(len(domain))]
            ),
        ),
    }


def requests_over_time(
    title: str,
    says: str,
    samples: Samples,
    marked: Flags,
    *,
    marks: str,
    others: str = "other requests",
    shaded: tuple[float, float] | None = None,
) -> Chart:
    """A point for each request, at when it was sent and how long it waited; `marked` ones stand out.

    `marks` says in the legend what they are, `others` what the rest is; `shaded` is a stretch of the time, in seconds.
    """
    shown = _thinned(marked)
    rows: list[Row] = [
        {
            "at": short(float(samples.start[place])),
            "waited": milliseconds(float(samples.latency[place])),
            "kind": marks if marked[place] else others,
        }
        for place in np.flatnonzero(shown)
    ]
    points = (
        alt.Chart(inline(rows))
        .mark_point(filled=True, size=55, opacity=0.85)
        .encode(
            x=time_axis(),
            y=latency_axis("waited", rows),
            **kinds("kind", [others, marks], (SOFT, BAD)),
            tooltip=[
                alt.Tooltip("kind:N", title="it"),
                alt.Tooltip("at:Q", title="second", format=FIGURE_FORMAT),
                alt.Tooltip("waited:Q", title="waited, ms", format=FIGURE_FORMAT),
            ],
        )
    )
    drawn: list[Any] = [points]
    if shaded is not None:
        ground = alt.Chart(inline([{"begin": shaded[0], "end": shaded[1]}]))
        drawn.insert(0, ground.mark_rect(color=SHADE, opacity=1).encode(x=alt.X("begin:Q"), x2="end:Q"))
    slowest = np.argsort(samples.latency)[::-1][:MAX_ROWS]
    table = Table(
        f"The slowest {len(slowest)} of {figures.count(len(samples))} requests",
        ("waited", "sent at", "it was"),
        tuple(
            (
                figures.latency(float(samples.latency[place])),
                f"{samples.start[place]:.2f} s",
                marks if marked[place] else others,
            )
            for place in slowest
        ),
        words=frozenset({2}),
    )
    return Chart(title, says, finished(alt.layer(*drawn)), table)


def _thinned(marked: Flags) -> Flags:
    """All that are marked, and so many of the others, in equal steps, that the picture can be read."""
    shown = marked.copy()
    rest = np.flatnonzero(~marked)
    step = max(1, -(-len(rest) // MAX_POINTS))
    shown[rest[::step]] = True
    return shown


def point_a_run(
    title: str, says: str, runs: Sequence[Run], group: Callable[[Run], str], groups: Sequence[str]
) -> Chart:
    """The median of each run, in the order in which they were played, told apart by `group`, one of `groups`."""
    played = sorted(runs, key=lambda run: run.began)
    rows: list[Row] = []
    table = []
    for number, run in enumerate(played, 1):
        middle = median_of(run)
        table.append((run.name, group(run), figures.latency(middle)))
        if np.isfinite(middle):
            rows.append(
                {"run": number, "waited": milliseconds(middle), "group": group(run), "name": run.name}
            )
    places = list(range(1, len(played) + 1, max(1, len(played) // _MAX_TICKS)))
    axis = alt.Axis(
        values=places, format="d", title="run, in the order in which they were played", grid=False
    )
    # Room above and below, so that the axis has more than one figure where the points lie close.
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
            x=alt.X("run:Q", axis=axis, scale=alt.Scale(domain=[0.5, len(played) + 0.5], nice=False)),
            y=latency_axis("waited", room),
            **kinds("group", groups),
            tooltip=[
                alt.Tooltip("name:N", title="run"),
                alt.Tooltip("group:N", title="of"),
                alt.Tooltip("waited:Q", title="median, ms", format=FIGURE_FORMAT),
            ],
        )
    )
    shown = Table("Each run's median", ("run", "of", "median"), tuple(table), words=frozenset({0, 1}))
    return Chart(title, says, finished(points), shown)


def bars(
    title: str,
    says: str,
    values: Sequence[tuple[str, str, float, str]],
    *,
    axis: str,
    groups: Sequence[str],
) -> Chart:
    """Bars that lie: (what, its group, how much, the same in words); `axis` names their length."""
    names = list(dict.fromkeys(what for what, *_ in values))
    rows: list[Row] = [
        {"what": what, "group": group, "value": short(value), "said": said}
        for what, group, value, said in values
    ]
    encoded: dict[str, Any] = {
        "y": alt.Y("what:N", sort=names, title=None, axis=alt.Axis(labelLimit=230)),
        "x": alt.X("value:Q", title=axis, scale=alt.Scale(zero=True)),
    }
    colour = kinds("group", groups)["color"]
    if len(groups) > 1:
        encoded["yOffset"] = alt.YOffset("group:N", sort=list(groups), scale=alt.Scale(domain=list(groups)))
    bar = (
        alt.Chart(inline(rows))
        .mark_bar()
        .encode(
            **encoded,
            color=colour if len(groups) > 1 else alt.value(COLOURS[0]),
            tooltip=[
                alt.Tooltip("what:N", title=" "),
                alt.Tooltip("group:N", title="of"),
                alt.Tooltip("said:N", title=axis),
            ],
        )
    )
    shown = Table(
        title,
        ("", "of", axis),
        tuple((what, group, said) for what, group, _, said in values),
        words=frozenset({0, 1}),
    )
    return Chart(title, says, finished(bar, max(90, _BAR * len(rows) + 40)), shown)


__all__ = ["HEIGHT", "bars", "kinds", "median_of", "most", "point_a_run", "requests_over_time"]
