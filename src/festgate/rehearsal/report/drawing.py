"""What every chart has in common: colours that follow the page, axes of time and of latency, how figures are thinned.

Colours are the page's own custom properties, which SVG takes: light, dark and paper are one chart, CSS decides.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import altair as alt
from altair.utils import schemapi

# Altair holds each part of a chart to Vega-Lite's schema while it is put together, which takes as long as all the rest
# of a report. Ours are always of the same few kinds: the tests hold them to it.
schemapi.disable_debug_mode()

Drawn: TypeAlias = alt.Chart | alt.LayerChart | alt.FacetChart
Row: TypeAlias = dict[str, float | str | None]

COLOURS: Final = tuple(f"var(--line-{number})" for number in range(1, 7))
DASHES: Final = ([1, 0], [6, 3], [2, 2], [9, 3, 2, 3], [4, 2, 1, 2], [12, 4])
"""Beside the colours, for who does not see them and for paper."""
BAD: Final = "var(--bad)"
INK: Final = "var(--ink)"
SOFT: Final = "var(--soft)"
GRID: Final = "var(--grid)"
SHADE: Final = "var(--shade)"
HEIGHT: Final = 260
_LATENCY = "datum.value >= 1000 ? format(datum.value / 1000, '~g') + ' s' : format(datum.value, '~g') + ' ms'"
_TIME = "floor(datum.value / 60) + ':' + format(datum.value % 60, '02d')"
_MIN_LATENCY = 0.01
"""Milliseconds: a logarithm has no place for nothing."""

FIGURE_FORMAT: Final = ",.3~r"


def short(value: float) -> float | None:
    """Four digits, which is what a pixel can show; None for what is not a number."""
    return float(f"{value:.4g}") if math.isfinite(value) else None


def milliseconds(seconds: float) -> float | None:
    """For an axis of latency."""
    return short(max(seconds * 1000, _MIN_LATENCY))


def inline(rows: list[Row]) -> alt.InlineData:
    """Rows that are written into the chart itself."""
    return alt.InlineData(values=rows)


def time_axis() -> alt.X:
    """Of the field `at`, in seconds of the run."""
    axis = alt.Axis(labelExpr=_TIME, tickMinStep=1, title="minutes:seconds since the start", grid=False)
    return alt.X("at:Q", axis=axis, scale=alt.Scale(nice=False))


def latency_axis(field: str, rows: Iterable[Row], fields: Iterable[str] | None = None) -> alt.Y:
    """Of a field of milliseconds, logarithmic: 5 ms and 2 s are both to be read.

    `fields` are those of `rows` that are drawn on it, where they are folded into `field`.
    """
    keys = tuple(fields or (field,))
    values = [value for row in rows for key in keys if isinstance(value := row.get(key), float)]
    domain = [min(values, default=1.0) / 1.1, max(values, default=1000.0) * 1.1]
    axis = alt.Axis(labelExpr=_LATENCY, title="waited", values=_ticks(*domain))
    return alt.Y(f"{field}:Q", axis=axis, scale=alt.Scale(type="log", nice=False, domain=domain))


def _ticks(low: float, high: float) -> list[float]:
    """1, 2, 5, 10 ..., or 1, 10, 100 ... over more than three decades."""
    wide = high / low > 1000  # noqa: PLR2004
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [round(digit * 10.0**power, 6) for power in powers for digit in ((1,) if wide else (1, 2, 5))]
    return [tick for tick in ticks if low <= tick <= high]


def lines(
    field: str, names: Sequence[str], *, colours: Sequence[str] = COLOURS, dashed: bool = True
) -> Mapping[str, Any]:
    """A colour for each of `names`, and a dash, told apart in one legend."""
    legend = alt.Legend(
        title=None,
        orient="top",
        columns=alt.ExprRef("width < 500 ? 1 : 3"),
        symbolType="stroke",
        symbolSize=400,
        symbolOpacity=1,
        labelLimit=260,
    )
    domain = list(names)
    colour = alt.Scale(domain=domain, range=list(colours)[: len(domain)])
    dash = alt.Scale(domain=domain, range=(list(DASHES) * 2)[: len(domain)])
    encoded: dict[str, Any] = {"color": alt.Color(f"{field}:N", sort=domain, legend=legend, scale=colour)}
    if dashed:
        encoded["strokeDash"] = alt.StrokeDash(f"{field}:N", sort=domain, legend=legend, scale=dash)
    return encoded


def over_time(
    rows: list[Row], layers: Iterable[alt.Chart], told: Mapping[str, str], warm_up: float
) -> dict[str, Any]:
    """Layers over the field `at`, the warm-up shaded; a rule follows the pointer and tells the fields of `told`.

    `told` maps fields to what they are called. Dragging moves the time, the wheel with Shift zooms, a double click
    brings everything back.
    """
    pointed = alt.selection_point(
        name="pointed", fields=["at"], nearest=True, on="pointermove", empty=False, clear="pointerout"
    )
    moved = alt.selection_interval(
        name="moved", bind="scales", encodings=["x"], zoom="wheel![event.shiftKey]"
    )
    rule = (
        alt.Chart()
        .mark_rule(color=SOFT)
        .encode(
            x=time_axis(),
            opacity=alt.when(pointed).then(alt.value(0.7)).otherwise(alt.value(0)),
            tooltip=[
                alt.Tooltip("at:Q", title="second"),
                *(
                    alt.Tooltip(f"{field}:Q", title=title, format=FIGURE_FORMAT)
                    for field, title in told.items()
                ),
            ],
        )
        .add_params(pointed)
    )
    drawn: list[Any] = [*layers, rule]
    if warm_up:
        drawn.insert(0, _warm_up(warm_up))
    return finished(alt.layer(*drawn, data=inline(rows)).add_params(moved))


def cells(rows: list[Row], names: Sequence[str]) -> Drawn:
    """A row for each of `names`, its cells (`at` to `end`) the stronger the longer was `waited`, in milliseconds."""
    values = [value for row in rows if isinstance(value := row["waited"], float)]
    domain = [min(values, default=1.0), max(values, default=1000.0)]
    legend = alt.Legend(
        title=None,
        orient="top",
        values=_ticks(*domain),
        labelExpr=_LATENCY,
        columns=alt.ExprRef("width < 500 ? 3 : 9"),
        symbolFillColor=COLOURS[1],
        symbolStrokeWidth=0,
        symbolSize=160,
    )
    strength = alt.Opacity(
        "waited:Q",
        legend=legend,
        scale=alt.Scale(type="log", domain=domain, range=[0.06, 1], nice=False),
    )
    place = alt.Y(
        "step:N", sort=list(names), axis=None, scale=alt.Scale(domain=list(names), paddingInner=0.5)
    )
    data = inline(rows)
    told = [
        alt.Tooltip("step:N"),
        alt.Tooltip("at:Q", title="second"),
        alt.Tooltip("waited:Q", title="p95, ms", format=FIGURE_FORMAT),
    ]
    cell = (
        alt.Chart(data)
        .mark_rect(color=COLOURS[1])
        .encode(x=time_axis(), x2="end:Q", y=place, opacity=strength, tooltip=told)
    )
    # The name stands above its row: beside it, a phone would have no room left.
    name = (
        alt.Chart(inline([{"step": name} for name in names]))
        .mark_text(align="left", baseline="bottom", color=INK, fontSize=12, yOffset=-3)
        .encode(x=alt.value(0), y=alt.Y("step:N", sort=list(names), bandPosition=0), text="step:N")
    )
    return alt.layer(cell, name)


def finished(chart: Drawn, height: int = HEIGHT) -> dict[str, Any]:
    """The chart as Vega-Lite, as wide as its place on the page."""
    whole = chart.properties(width="container", height=height).configure(**_config())
    spec: dict[str, Any] = whole.to_dict(validate=False)
    # The page says it in the words of its language attribute; the address of a schema is nothing a page needs.
    del spec["$schema"]
    return spec


def _warm_up(seconds: float) -> alt.Chart:
    chart = alt.Chart(inline([{"begin": 0, "end": seconds}])).mark_rect(color=SHADE, opacity=1)
    shaded: alt.Chart = chart.encode(x=alt.X("begin:Q"), x2="end:Q")
    return shaded


def _config() -> dict[str, Any]:
    words = {
        "labelColor": SOFT,
        "titleColor": SOFT,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    }
    return {
        "background": "transparent",
        "font": "system-ui, sans-serif",
        # The page's own figure tells what it shows; a list of hundreds of marks helps nobody who listens.
        "aria": False,
        "view": {"stroke": None},
        "axis": {**words, "gridColor": GRID, "domainColor": GRID, "tickColor": GRID},
        "legend": {**words, "labelColor": INK},
        "line": {"strokeWidth": 2, "interpolate": "monotone"},
    }
