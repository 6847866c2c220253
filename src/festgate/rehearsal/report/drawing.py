"""The common parts of all charts: colours, axes of time and latency, rounding.

Colours are CSS custom properties of the page, which SVG accepts. So one chart serves light mode, dark mode and paper.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import altair as alt
from altair.utils import schemapi

# Altair validates each part of a chart against the schema of Vega-Lite, which takes as long as the rest of a report.
# Our charts are always of the same few kinds, which the tests validate.
schemapi.disable_debug_mode()

Drawn: TypeAlias = alt.Chart | alt.LayerChart | alt.FacetChart
Row: TypeAlias = dict[str, float | str | None]

COLOURS: Final = tuple(f"var(--line-{number})" for number in range(1, 7))
DASHES: Final = ([1, 0], [6, 3], [2, 2], [9, 3, 2, 3], [4, 2, 1, 2], [12, 4])
"""In addition to the colours, for colour-blind readers and for paper."""
GOOD: Final = "var(--good)"
BAD: Final = "var(--bad)"
INK: Final = "var(--ink)"
SOFT: Final = "var(--soft)"
GRID: Final = "var(--grid)"
SHADE: Final = "var(--shade)"
HEIGHT: Final = 260
_LATENCY = "datum.value >= 1000 ? format(datum.value / 1000, '~g') + ' s' : format(datum.value, '~g') + ' ms'"
_TIME = "floor(datum.value / 60) + ':' + format(datum.value % 60, '02d')"
_SECOND = 1000
_MIN_LATENCY = 0.01
"""Milliseconds; a logarithmic axis cannot show 0."""

FIGURE_FORMAT: Final = ",.3~r"


def short(value: float) -> float | None:
    """Round to four digits, more than a pixel can show; None for NaN and infinity."""
    return float(f"{value:.4g}") if math.isfinite(value) else None


def milliseconds(seconds: float) -> float | None:
    """Convert seconds to the milliseconds of a latency axis."""
    return short(max(seconds * 1000, _MIN_LATENCY))


def inline(rows: list[Row]) -> alt.InlineData:
    """Return the rows as data inside the chart."""
    return alt.InlineData(values=rows)


def time_axis() -> alt.X:
    """Return the axis of the field `at`, in seconds since the start of the run."""
    axis = alt.Axis(labelExpr=_TIME, tickMinStep=1, title="minutes:seconds since the start", grid=False)
    return alt.X("at:Q", axis=axis, scale=alt.Scale(nice=False))


def latency_axis(
    field: str, rows: Iterable[Row], fields: Iterable[str] | None = None, title: str = "latency"
) -> alt.Y:
    """Return the axis of a field of milliseconds; it is logarithmic, so that both 5 ms and 2 s are readable.

    `fields` are the fields of `rows` that the chart folds into `field`.
    """
    keys = tuple(fields or (field,))
    values = [value for row in rows for key in keys if isinstance(value := row.get(key), float)]
    domain = [min(values, default=1.0) / 1.1, max(values, default=1000.0) * 1.1]
    axis = alt.Axis(labelExpr=_LATENCY, title=f"{title}, {_unit(*domain)}", values=_ticks(*domain))
    return alt.Y(f"{field}:Q", axis=axis, scale=alt.Scale(type="log", nice=False, domain=domain))


def _unit(low: float, high: float) -> str:
    """Return the unit of the ticks between two latencies in milliseconds."""
    return "s" if low >= _SECOND else "ms" if high < _SECOND else "ms and s"


def _ticks(low: float, high: float) -> list[float]:
    """Return 1, 2, 5, 10 ..., or 1, 10, 100 ... over more than three decades; evenly spaced ticks within a decade.

    There is always at least one tick: a legend without ticks gets an infinite height.
    """
    wide = high / low > 1000  # noqa: PLR2004
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [round(digit * 10.0**power, 6) for power in powers for digit in ((1,) if wide else (1, 2, 5))]
    ticks = [tick for tick in ticks if low <= tick <= high]
    if len(ticks) > 1 or high == low:
        return ticks or [low]
    power = 10.0 ** math.floor(math.log10(high - low))
    steps = (power, power / 2)
    even = [[round(step * number, 6) for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
            for step in steps]  # fmt: skip
    return next((ticks for ticks in even if len(ticks) > 1), [low])


def lines(
    field: str, names: Sequence[str], *, colours: Sequence[str] = COLOURS, dashed: bool = True
) -> Mapping[str, Any]:
    """Return a colour and a dash for each of `names`, with one legend."""
    legend = alt.Legend(
        title=None,
        orient="top",
        columns=alt.ExprRef("width < 500 ? 1 : 3"),
        symbolType="stroke",
        symbolSize=400,
        symbolOpacity=1,
        labelLimit=alt.ExprRef("width < 500 ? 200 : 260"),
    )
    domain = list(names)
    colour = alt.Scale(domain=domain, range=list(colours)[: len(domain)])
    dash = alt.Scale(domain=domain, range=(list(DASHES) * 2)[: len(domain)])
    encoded: dict[str, Any] = {"color": alt.Color(f"{field}:N", sort=domain, legend=legend, scale=colour)}
    if dashed:
        encoded["strokeDash"] = alt.StrokeDash(f"{field}:N", sort=domain, legend=legend, scale=dash)
    return encoded


def over_time(
    rows: list[Row], layers: Iterable[alt.Chart], tooltip: Mapping[str, str], warm_up: float
) -> dict[str, Any]:
    """Return layers over the field `at` with a shaded warm-up; a line with a tooltip follows the pointer.

    `tooltip` maps fields to their titles. Dragging moves the time axis, scrolling with Shift zooms, a double click
    resets.
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
                    for field, title in tooltip.items()
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
    """Return a row of cells (`at` to `end`) for each name; the stronger the colour, the longer `waited` (ms)."""
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
    tooltip = [
        alt.Tooltip("step:N"),
        alt.Tooltip("at:Q", title="second"),
        alt.Tooltip("waited:Q", title="p95, ms", format=FIGURE_FORMAT),
    ]
    cell = (
        alt.Chart(data)
        .mark_rect(color=COLOURS[1])
        .encode(x=time_axis(), x2="end:Q", y=place, opacity=strength, tooltip=tooltip)
    )
    # The name stands above its row: a phone has no room for it on the left.
    name = (
        alt.Chart(inline([{"step": name} for name in names]))
        .mark_text(
            align="left", baseline="bottom", color=INK, fontSize=12, yOffset=-3, limit=alt.ExprRef("width")
        )
        .encode(x=alt.value(0), y=alt.Y("step:N", sort=list(names), bandPosition=0), text="step:N")
    )
    return alt.layer(cell, name)


def finished(chart: Drawn, height: int = HEIGHT) -> dict[str, Any]:
    """Return the chart as Vega-Lite, as wide as its container on the page."""
    whole = chart.properties(width="container", height=height).configure(**_config())
    spec: dict[str, Any] = whole.to_dict(validate=False)
    # The page does not need the address of the schema.
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
        # The page has a description of the chart; a list of hundreds of marks does not help users of screen readers.
        "aria": False,
        "view": {"stroke": None},
        "axis": {**words, "gridColor": GRID, "domainColor": GRID, "tickColor": GRID},
        "legend": {**words, "labelColor": INK},
        "line": {"strokeWidth": 2, "interpolate": "monotone"},
    }
