"""The report of a comparison: verdict, refusals, flags, differences, metrics, steps and runs."""

import math
from collections.abc import Sequence
from typing import Final

from festgate.rehearsal.report.document import Chart, Document, Notice, Section, Table, Tone
from festgate.rehearsal.report.words import comparison_in_words, plan_in_words, secondary_regressions
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats import figures
from festgate.rehearsal.verdict.comparison import Comparison, EffectSize
from festgate.rehearsal.verdict.findings import LoadFinding
from festgate.rehearsal.verdict.observed import STEP_METRICS

VERDICTS: Final[dict[str, tuple[str, Tone]]] = {
    "improved": ("Improved", "good"),
    "regressed": ("Regressed", "bad"),
    "changed": ("Changed, perhaps within the margin", "plain"),
    "equivalent": ("No relevant difference", "good"),
    "inconclusive": ("Inconclusive", "warn"),
    "refused": ("Not a valid comparison", "warn"),
}
_STEP_COLUMNS: Final = ("rate", "errors", "p50", "p95")
"""The headings of STEP_METRICS."""
_FIXED: Final = "The p-value is that of the sign-flip test."
_ANYTIME: Final = "The intervals and p-values hold at every look, as the comparison may stop after any pair."
_AT_ONCE: Final = (
    "Both sides were under load at once and delayed each other; only processor time can be compared."
)


def comparison_document(
    comparison: Comparison, before: Sequence[Run], after: Sequence[Run], *, drawn: bool = True
) -> Document:
    """Create the report of a comparison; with its charts only if it is `drawn`.

    Without the runs, the parts about pairs and steps are omitted.
    """
    verdict, tone = VERDICTS[comparison.verdict]
    if secondary_regressions(comparison) and comparison.verdict != "regressed":
        # Like the exit code: a gate must not pass if another metric regressed after the correction.
        verdict, tone = f"{verdict}, but another metric regressed", "bad"
    if comparison.same_target and comparison.verdict != "refused":
        verdict, tone = (
            f"A/A comparison: {verdict[:1].lower()}{verdict[1:]}",
            tone if tone != "good" else "plain",
        )
    effects = [*([comparison.primary] if comparison.primary is not None else []), *comparison.others]
    charts = _charts(comparison, effects) if drawn else ()
    sections = (
        Section(
            "Reasons for the refusal",
            notices=tuple(_finding(finding, "bad") for finding in comparison.refusals),
        ),
        Section("Warnings", notices=tuple(_finding(finding, "warn") for finding in comparison.flags)),
        Section("Differences", charts=charts),
        Section("Metrics", tables=_effects_tables(effects, anytime=comparison.anytime)),
        Section("Steps", tables=_step_tables(comparison)),
        Section("Runs", words=_plans(before, after), tables=_run_tables(before, after)),
    )
    return Document(
        title=_title(before, after, same_target=comparison.same_target),
        tone=tone,
        verdict=verdict,
        words=comparison_in_words(comparison),
        sections=tuple(
            section for section in sections if section.notices or section.charts or section.tables
        ),
        facts=_facts(comparison),
    )


def _charts(comparison: Comparison, effects: list[EffectSize]) -> tuple[Chart, ...]:
    # Importing Altair takes 0.3 s, and text reports do not need it.
    from festgate.rehearsal.report.comparison_charts import effects_chart, pairs_chart  # noqa: PLC0415

    charts = (pairs_chart(comparison), effects_chart(effects, comparison.margin))
    return tuple(chart for chart in charts if chart is not None)


def _title(before: Sequence[Run], after: Sequence[Run], *, same_target: bool) -> str:
    if not before or not after:
        return "Comparison of two builds"
    if same_target:
        return f"{before[0].plan.journey}: A/A comparison of one target with itself"
    named = [runs[0].plan.label or runs[0].name for runs in (before, after)]
    if named[0] == named[1]:
        named = ["before", "after"]
    return f"{before[0].plan.journey}: comparison of {named[0]} and {named[1]}"


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


def _finding(finding: LoadFinding, tone: Tone) -> Notice:
    title = finding.code.replace("-", " ").replace("_", " ")
    return Notice(tone, title[:1].upper() + title[1:], finding.figure, finding.meaning, finding.remedy)


def _effects_tables(effects: list[EffectSize], *, anytime: bool) -> tuple[Table, ...]:
    if not effects:
        return ()
    rows = tuple(
        (
            f"{effect.metric.text}{' (primary)' if number == 0 else ''}",
            effect.verdict,
            effect.metric.shown(effect.before),
            effect.metric.shown(effect.after),
            figures.change(effect.change),
            f"{figures.change(effect.low)} to {figures.change(effect.high)}",
            _p_value(effect.p_value),
            _p_value(effect.p_value_adjusted),
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
        "p-value",
        "adjusted",
        "requests",
        "pairs needed",
    )
    note = (
        "Before and after are geometric means of the runs, whose ratio is the change; an error rate includes half a"
        f" failure for each run. {_ANYTIME if anytime else _FIXED} Adjusted: after Holm's correction. Requests: the"
        " lowest number in a run, before / after. Pairs needed: the approximate number that decides the metric."
    )
    return (Table("Effect on each metric", columns, rows, words=frozenset({0, 1}), note=note),)


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
    note = "Medians of the runs. A difference here is not a verdict: only the declared metrics are tested."
    return (Table("Steps, before and after", columns, rows, note=note),)


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
    columns = ("run", "side", "target", "start")
    return (Table("Runs in order of their start", columns, rows, words=frozenset(range(3))),)


def _plans(before: Sequence[Run], after: Sequence[Run]) -> tuple[str, ...]:
    words = dict.fromkeys(f"{plan_in_words(run.plan)}." for run in (*before, *after))
    if any(run.overlaps(other) for run in before for other in after):
        words[_AT_ONCE] = None
    return tuple(words)


def _p_value(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else figures.NOTHING
