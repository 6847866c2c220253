"""The report of a comparison: the verdict, what forbids or weakens it, the pairs, every metric, every step."""

import math
from collections.abc import Sequence
from typing import Final

import altair as alt
import numpy as np

from festgate.rehearsal import figures
from festgate.rehearsal.report.document import Chart, Document, Notice, Section, Table, Tone
from festgate.rehearsal.report.drawing import BAD, COLOURS, INK, SHADE, SOFT, Row, finished, inline, short
from festgate.rehearsal.report.words import comparison_in_words, plan_in_words, worse_beside
from festgate.rehearsal.runs import Run
from festgate.rehearsal.verdict.comparison import Comparison, Effect
from festgate.rehearsal.verdict.findings import Finding
from festgate.rehearsal.verdict.observed import STEP_METRICS

VERDICTS: Final[dict[str, tuple[str, Tone]]] = {
    "improved": ("Better", "good"),
    "regressed": ("Worse", "bad"),
    "changed": ("Changed, but not beyond the margin", "plain"),
    "equivalent": ("No difference that matters", "good"),
    "inconclusive": ("Not decided", "warn"),
    "refused": ("Not a valid comparison", "warn"),
}
_MEAN: Final = "all pairs"
_STEP_COLUMNS: Final = ("requests", "errors", "p50", "p95")
"""Of STEP_METRICS."""


def comparison_document(comparison: Comparison, before: Sequence[Run], after: Sequence[Run]) -> Document:
    """Everything there is to say of it. Pairs and steps need the runs; without them those parts are left out."""
    verdict, tone = VERDICTS[comparison.verdict]
    if worse_beside(comparison) and comparison.verdict != "regressed":
        # The exit code says so too: a gate is not to be green when another metric, corrected, regressed.
        verdict, tone = f"{verdict}, but worse beside it", "bad"
    effects = [*([comparison.primary] if comparison.primary is not None else []), *comparison.others]
    charts = [_pairs_chart(comparison), _effects_chart(effects, comparison.margin)]
    sections = (
        Section(
            "Why it is refused", notices=tuple(_finding(finding, "bad") for finding in comparison.refusals)
        ),
        Section("What weakens it", notices=tuple(_finding(finding, "warn") for finding in comparison.flags)),
        Section("The difference", charts=tuple(chart for chart in charts if chart is not None)),
        Section("Every metric", tables=_effects_tables(effects)),
        Section("Every step", tables=_step_tables(comparison)),
        Section("What was compared", words=_plans(before, after), tables=_run_tables(before, after)),
    )
    return Document(
        title=_title(before, after),
        tone=tone,
        verdict=verdict,
        words=comparison_in_words(comparison),
        sections=tuple(
            section for section in sections if section.notices or section.charts or section.tables
        ),
        facts=_facts(comparison),
    )


def _title(before: Sequence[Run], after: Sequence[Run]) -> str:
    if not before or not after:
        return "Two builds compared"
    named = [runs[0].plan.label or runs[0].name for runs in (before, after)]
    if named[0] == named[1]:
        named = ["before", "after"]
    return f"{before[0].plan.journey}: {named[0]} and {named[1]} compared"


def _facts(comparison: Comparison) -> tuple[tuple[str, str], ...]:
    effect = comparison.primary
    if effect is None or comparison.verdict == "refused":
        return ()
    return (
        (f"{effect.metric.text} before", effect.metric.shown(effect.before)),
        ("after", effect.metric.shown(effect.after)),
        ("change", figures.change(effect.change)),
        ("margin", f"±{figures.share(comparison.margin)}"),
        ("pairs", str(comparison.pairs)),
    )


def _finding(finding: Finding, tone: Tone) -> Notice:
    title = finding.code.replace("-", " ").replace("_", " ")
    return Notice(tone, title[:1].upper() + title[1:], finding.figure, finding.meaning, finding.remedy)


def _pairs_chart(comparison: Comparison) -> Chart | None:
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
        title="Each pair, and all together",
        says="Each point is the difference between two runs played next to each other; the bar is where the true"
        f" difference lies with 95 % confidence: {figures.change(effect.low)} to {figures.change(effect.high)}. Grey is"
        f" the margin of ±{figures.share(comparison.margin)}, within which a difference does not matter.",
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


def _effects_chart(effects: list[Effect], margin: float) -> Chart | None:
    shown = [effect for effect in effects if np.isfinite([effect.change, effect.low, effect.high]).all()]
    if len(shown) < 2:  # noqa: PLR2004  (one is the picture of the pairs)
        return None
    order = [effect.metric.text for effect in shown]
    place = alt.Y(
        "pair:N", sort=order, title=None, scale=alt.Scale(domain=order), axis=alt.Axis(labelLimit=130)
    )
    drawn = _interval([_effect_row(effect, effect.metric.text) for effect in shown], place)
    return Chart(
        title="Every metric",
        says="The change of each metric with its 95 % interval, and the margin in grey. The first was declared the one"
        " that decides; of the others, one in twenty clears zero by chance.",
        spec=finished(alt.layer(*_ground(margin), *drawn), 28 * len(order) + 20),
        table=Table(
            "Change of every metric",
            ("metric", "change", "from", "to"),
            tuple(
                (effect.metric.text, *(figures.change(x) for x in (effect.change, effect.low, effect.high)))
                for effect in shown
            ),
        ),
    )


def _effect_row(effect: Effect, name: str) -> Row:
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
    # The same title in every layer, or they are all written one after the other.
    axis = alt.Axis(labelExpr="datum.value ? format(datum.value, '+~r') : '0'", tickCount=7)
    return alt.X(f"{field}:Q", axis=axis, title="change from before to after, %", scale=alt.Scale(zero=True))


def _effects_tables(effects: list[Effect]) -> tuple[Table, ...]:
    if not effects:
        return ()
    rows = tuple(
        (
            f"{effect.metric.text}{' (decides)' if number == 0 else ''}",
            effect.verdict,
            effect.metric.shown(effect.before),
            effect.metric.shown(effect.after),
            figures.change(effect.change),
            f"{figures.change(effect.low)} to {figures.change(effect.high)}",
            _chance(effect.p),
            _chance(effect.p_adjusted),
            f"{figures.count(effect.samples_before)} / {figures.count(effect.samples_after)}",
            "" if effect.pairs_to_decide is None else figures.count(effect.pairs_to_decide),
        )
        for number, effect in enumerate(effects)
    )
    columns = (
        "metric",
        "verdict",
        "before",
        "after",
        "change",
        "95 % interval",
        "p",
        "p, Holm",
        "requests",
        "to decide",
    )
    note = (
        "Before and after are medians over the runs; the change is the mean of the pairs' log ratios, so it need not be"
        " the ratio of the medians. p is of the sign-flip test, and after Holm's correction. Requests: the fewest of a"
        " run, before and after. To decide: about how many pairs it takes."
    )
    return (Table("Effects", columns, rows, words=frozenset({0, 1}), note=note),)


def _step_tables(comparison: Comparison) -> tuple[Table, ...]:
    if not comparison.steps:
        return ()
    rows = tuple(
        (
            step,
            *(
                " to ".join(metric.shown(side[place]) if side else figures.NOTHING for side in sides)
                for place, metric in enumerate(STEP_METRICS)
            ),
        )
        for step, sides in comparison.steps.items()
    )
    columns = ("step", *_STEP_COLUMNS)
    note = (
        "Medians over the runs. A difference here is no verdict: only what was declared beforehand is tested."
    )
    return (Table("Steps, from before to after", columns, rows, note=note),)


def _run_tables(before: Sequence[Run], after: Sequence[Run]) -> tuple[Table, ...]:
    if not before or not after:
        return ()
    sides = [(run, "before") for run in before] + [(run, "after") for run in after]
    rows = tuple(
        (
            run.name,
            side,
            ", ".join(f"{name} {value}" for name, value in run.server.items()) or figures.NOTHING,
            figures.moment(run.began),
        )
        for run, side in sorted(sides, key=lambda pair: pair[0].began)
    )
    columns = ("run", "side", "target", "began")
    return (
        Table("The runs in the order in which they were played", columns, rows, words=frozenset(range(3))),
    )


def _plans(before: Sequence[Run], after: Sequence[Run]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{plan_in_words(run.plan)}." for run in (*before, *after)))


def _chance(p: float) -> str:
    return f"{p:.3f}" if np.isfinite(p) else figures.NOTHING
