"""The charts of a comparison: all pairs and all metrics, with intervals and the margin."""

import math
from collections.abc import Sequence
from typing import Final

import altair as alt
import numpy as np

from festgate.rehearsal.report.document import Chart, Table
from festgate.rehearsal.report.drawing import BAD, COLOURS, INK, SHADE, SOFT, Row, finished, inline, short
from festgate.rehearsal.stats import figures
from festgate.rehearsal.verdict.comparison import Comparison, EffectSize

_MEAN: Final = "all pairs"


def pairs_chart(comparison: Comparison) -> Chart | None:
    """Draw the primary metric's difference in each pair and its interval; None if there is none."""
    effect = comparison.primary
    if effect is None or not np.isfinite(effect.change):
        return None
    changes = [math.expm1(difference) for difference in effect.differences]
    rows: list[Row] = [
        {"pair": f"pair {number}", "change": short(change * 100)} for number, change in enumerate(changes, 1)
    ]
    table = [(f"pair {number}", figures.change(change)) for number, change in enumerate(changes, 1)]
    if not rows:
        return None
    order = [str(row["pair"]) for row in rows] + [_MEAN]
    place = alt.Y("pair:N", sort=order, title=None, scale=alt.Scale(domain=order))
    points = alt.Chart(inline(rows)).mark_point(filled=True, size=90, color=COLOURS[0], opacity=1)
    points = points.encode(
        x=_change_axis(),
        y=place,
        tooltip=[alt.Tooltip("pair:N"), alt.Tooltip("change:Q", title="change, %", format="+.1f")],
    )
    mean = _interval([_effect_row(effect, _MEAN)], place)
    return Chart(
        title="Differences of the pairs",
        description="Each point is the difference of one pair of runs. The bar is the 95 % confidence interval of the"
        f" mean difference: {figures.change(effect.low)} to {figures.change(effect.high)}. The grey area is the margin"
        f" of ±{figures.share(comparison.margin)}, within which a difference does not matter.",
        spec=finished(alt.layer(*_ground(comparison.margin), points, *mean), 28 * len(order) + 20),
        table=Table(
            f"Change of {effect.metric.text} in each pair",
            ("pair", "change"),
            (
                *table,
                (
                    _MEAN,
                    f"{figures.change(effect.change)} ({figures.change(effect.low)} to {figures.change(effect.high)})",
                ),
            ),
        ),
    )


def effects_chart(effects: Sequence[EffectSize], margin: float) -> Chart | None:
    """Draw the interval of every metric; None for a single metric. `margin` is a share."""
    shown = [effect for effect in effects if np.isfinite([effect.change, effect.low, effect.high]).all()]
    if len(shown) < 2:  # noqa: PLR2004  (the chart of the pairs shows a single one)
        return None
    order = [effect.metric.text for effect in shown]
    place = alt.Y(
        "pair:N", sort=order, title=None, scale=alt.Scale(domain=order), axis=alt.Axis(labelLimit=130)
    )
    drawn = _interval([_effect_row(effect, effect.metric.text) for effect in shown], place)
    return Chart(
        title="Changes of all metrics",
        description="The change of each metric with its 95 % interval; the margin is grey. The verdict is that of the"
        " first metric. One in twenty of the other intervals excludes zero by chance alone.",
        spec=finished(alt.layer(*_ground(margin), *drawn), 28 * len(order) + 20),
        table=Table(
            "Changes of all metrics",
            ("metric", "change", "interval from", "to"),
            tuple(
                (effect.metric.text, *(figures.change(x) for x in (effect.change, effect.low, effect.high)))
                for effect in shown
            ),
        ),
    )


def _effect_row(effect: EffectSize, name: str) -> Row:
    percents = {key: short(getattr(effect, key) * 100) for key in ("change", "low", "high")}
    return {"pair": name, **percents, "colour": BAD if effect.verdict == "regressed" else INK}


def _interval(rows: list[Row], place: alt.Y) -> tuple[alt.Chart, alt.Chart]:
    base = alt.Chart(inline(rows)).encode(
        y=place,
        color=alt.Color("colour:N", scale=None),
        tooltip=[
            alt.Tooltip(f"{field}:Q", title=f"{field}, %", format="+.1f")
            for field in ("change", "low", "high")
        ],
    )
    bar = base.mark_rule(strokeWidth=5, strokeCap="round", opacity=0.55).encode(
        x=_change_axis("low"), x2="high:Q"
    )
    return bar, base.mark_point(shape="diamond", filled=True, size=150, opacity=1).encode(x=_change_axis())


def _ground(margin: float) -> tuple[alt.Chart, alt.Chart]:
    data = inline([{"low": -margin * 100, "high": margin * 100, "zero": 0}])
    band = alt.Chart(data).mark_rect(color=SHADE, opacity=1).encode(x=_change_axis("low"), x2="high:Q")
    return band, alt.Chart(data).mark_rule(color=SOFT).encode(x=_change_axis("zero"))


def _change_axis(field: str = "change") -> alt.X:
    # With the same title in every layer, it is shown once.
    axis = alt.Axis(labelExpr="datum.value ? format(datum.value, '+~r') : '0'", tickCount=7)
    return alt.X(f"{field}:Q", axis=axis, title="change from before to after, %", scale=alt.Scale(zero=True))
