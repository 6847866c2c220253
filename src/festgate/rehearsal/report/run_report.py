"""The report of one run: whether it held, what was slow, the limits, the pictures, the plan, the figures."""

import math
from pathlib import Path
from typing import Final

from festgate.rehearsal.report.document import Chart, Document, Notice, Section, Table, Tone
from festgate.rehearsal.report.words import (
    VERDICTS,
    Outcome,
    limit_in_words,
    load_in_words,
    outcome,
    plan_in_words,
    run_in_words,
)
from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.stats import figures
from festgate.rehearsal.stats.limits import MAX_CPU, min_requests
from festgate.rehearsal.stats.metrics import parse_metric
from festgate.rehearsal.stats.summary import LATE, QUANTILES, Figures, LimitResult, Machine, Summary

TONES: Final[dict[Outcome, Tone]] = {"held": "good", "failed": "bad", "cut": "warn", "nothing": "warn"}
_LATE: Final = f"{LATE * 1000:.0f} ms"
FEW: Final = "?"
"""Marks a percentile that too few requests stand behind."""


def run_document(summary: Summary, *, drawn: bool = True) -> Document:
    """Everything there is to say of a run; without its charts unless it is `drawn`."""
    run = summary.run
    came_out = outcome(summary)
    name = Path(run.plan.journey).stem if run.plan.journey.endswith(".py") else run.plan.journey
    label = f" ({run.plan.label})" if run.plan.label else ""
    charts = _charts(summary) if drawn else ()
    sections = [
        Section("Limits", notices=tuple(_limit(check) for check in summary.checks)),
        Section("What to know", notices=(*_warnings(summary),)),
        Section("Charts", charts=charts),
        Section("Steps", tables=_step_tables(summary)),
        Section("What was played", tables=_plan_tables(summary)),
    ]
    return Document(
        title=f"{name}{label}, {figures.moment(run.began)}",
        tone=TONES[came_out],
        verdict=VERDICTS[came_out],
        words=run_in_words(summary),
        sections=tuple(
            section
            for section in sections
            if section.notices or section.charts or section.tables or section.words
        ),
        facts=_facts(summary),
    )


def _charts(summary: Summary) -> tuple[Chart, ...]:
    # Altair takes 0.3 s to import, and text has no use of it.
    from festgate.rehearsal.report.run_charts import run_charts  # noqa: PLC0415

    return run_charts(summary)


def _facts(summary: Summary) -> tuple[tuple[str, str], ...]:
    everything = summary.all
    if not everything.requests:
        return ()
    return (
        ("requests", figures.count(everything.requests)),
        ("a second", figures.rate(everything.rate).removesuffix("/s")),
        ("failed", figures.share(everything.failed)),
        ("half within", _quantile(everything, "p50")),
        ("95 % within", _quantile(everything, "p95")),
        ("99 % within", _quantile(everything, "p99")),
    )


def _limit(check: LimitResult) -> Notice:
    meaning = ""
    if check.metric is None:
        meaning = "This is no limit that can be measured, so it is not kept."
    elif math.isnan(check.value) and check.metric.kind == "cpu":
        meaning = "The processor's time is only seen where the rehearsal has started the target itself."
    elif math.isnan(check.value):
        meaning = "No request was measured for it, so it is not kept."
    elif check.few:
        meaning = "Too few requests stand behind this figure: play longer before relying on it."
    return Notice(
        tone="bad" if not check.held else "warn" if check.few else "good",
        title=f"{'Held' if check.held else 'Broken'}: {check.text}",
        figure=limit_in_words(check),
        meaning=meaning,
    )


def _warnings(summary: Summary) -> list[Notice]:
    run, everything = summary.run, summary.all
    found = [Notice("plain", note) for note in run.notes]
    if run.state != "whole":
        planned = figures.span(run.plan.duration)
        found.append(
            Notice(
                "warn",
                "Cut off",
                f"{figures.span(summary.seconds)} of {planned}",
                "The run ended before its time; what had been sent until then is counted.",
                "Play it again for a figure to rely on.",
            )
        )
    if run.dropped:
        found.append(
            Notice(
                "bad",
                "People were turned away by the generator",
                figures.count(run.dropped),
                "They came while every simulated visitor was still waiting, so what they would have waited is in"
                " none of these latencies: they look better than the truth.",
                "Lower the rate, or make the target faster.",
            )
        )
    found += _generator_warnings(summary)
    if everything.requests and not run.plan.warm_up:
        found.append(
            Notice(
                "plain",
                "No warm-up was cut off",
                "0 s",
                "The first requests open connections and fill caches, and count in every figure.",
                "Play with --warm-up 10.",
            )
        )
    if not isinstance(run.plan.load, Rate):
        found.append(
            Notice(
                "plain",
                "Closed loop",
                load_in_words(run.plan.load),
                "Each of them asks again only when answered, so a slow target is asked less: the rate says little of"
                " what it can do, and a pause is seen by few.",
                "Play with --rate to learn what a crowd would see that does not wait for each other.",
            )
        )
    few = [text for text, _ in QUANTILES if everything.requests and everything.few(text)]
    if few:
        found.append(
            Notice(
                "plain",
                f"Too few requests for {', '.join(few)}",
                figures.count(everything.requests),
                f"{few[0]} asks for {figures.count(min_requests(dict(QUANTILES)[few[0]]))}: with fewer, a handful of"
                " requests make it."
                f" Such figures are marked {FEW}.",
                "Play longer.",
            )
        )
    return found


def _generator_warnings(summary: Summary) -> list[Notice]:
    plan = summary.run.plan
    found = []
    sent_from = next((machine for machine in summary.machines if machine.side == "generator"), None)
    if sent_from is not None and sent_from.cpu > MAX_CPU * plan.workers:
        found.append(
            Notice(
                "warn",
                "The generator was busy",
                f"{figures.share(sent_from.cpu)} of a core, {plan.workers} sending",
                "Part of the latency may be its own.",
                "Send less, or send from a machine of its own.",
            )
        )
    if summary.all.late:
        found.append(
            Notice(
                "plain",
                "Some were sent late",
                f"{figures.count(summary.all.late)} of {figures.count(summary.all.requests)}",
                f"They left more than {_LATE} after their time; the wait counts in their latency, as people"
                " who queue count it.",
            )
        )
    return found


def _step_tables(summary: Summary) -> tuple[Table, ...]:
    shown = (*summary.steps, summary.all) if len(summary.steps) > 1 else summary.steps
    marked = any(step.few(text) for step in shown for text, _ in QUANTILES)
    tables = [
        Table(
            "Each step, as it was measured",
            ("step", "requests", "failed", "rate", "mean", *(text for text, _ in QUANTILES), "slowest"),
            tuple(
                (
                    step.name or "all",
                    figures.count(step.requests),
                    figures.share(step.failed),
                    figures.rate(step.rate),
                    figures.latency(step.mean),
                    *(_quantile(step, text) for text, _ in QUANTILES),
                    figures.latency(step.slowest),
                )
                for step in shown
            ),
            note=f"{FEW}: fewer than 30 requests were slower, so that chance made this figure."
            if marked
            else "",
        ),
        Table(
            "On the wire",
            ("step", "bytes a second", "new connections", f"sent over {_LATE} late"),
            tuple(
                (
                    step.name or "all",
                    figures.size(step.bytes_a_second),
                    figures.count(step.new_connections),
                    figures.count(step.late),
                )
                for step in shown
            ),
        ),
    ]
    if summary.failures:
        tables.append(
            Table(
                "What failed",
                ("step", "answer", "times"),
                tuple(
                    (step, f"HTTP {status}" if status else "no answer", figures.count(times))
                    for (step, status), times in summary.failures.items()
                ),
                words=frozenset({0, 1}),
                note="An answer of HTTP 200 can fail too: it was not what the step looks for.",
            )
        )
    return tuple(tables) if summary.steps else ()


def _plan_tables(summary: Summary) -> tuple[Table, ...]:
    run, plan = summary.run, summary.run.plan
    rows = [
        ("plan", plan_in_words(plan)),
        ("target", plan.host),
        ("load", _load(plan)),
        ("seed", str(plan.seed)),
        ("processes that send", str(plan.workers)),
        ("began", figures.moment(run.began)),
        ("kept as", run.name),
        ("late on the 99th percentile", figures.latency(summary.lateness)),
        *((f"target's {name}", value) for name, value in run.server.items()),
        *((f"generator's {name}", value) for name, value in run.generator.items()),
        *(
            (
                f"{machine.side}'s use",
                _use(machine, summary.processor),
            )
            for machine in summary.machines
        ),
    ]
    return (Table("The plan and both sides", ("what", "value"), tuple(rows), words=frozenset({0, 1})),)


def _use(machine: Machine, processor: float) -> str:
    cpu = f"{figures.share(machine.cpu)} of a core (most {figures.share(machine.max_cpu)})"
    if machine.side == "server" and math.isfinite(processor):
        cpu = f"{cpu}, {parse_metric('cpu').shown(processor)} of it for each request"
    return f"{cpu}, {figures.size(machine.max_memory)} of memory"


def _load(plan: Plan) -> str:
    if isinstance(plan.load, Rate):
        return f"open loop, {plan.load.rate:g}/s, {plan.load.arrivals} arrivals"
    return f"closed loop, {plan.load.users} users, {plan.load.spawn_rate:g}/s until all are there"


def _quantile(step: Figures, text: str) -> str:
    waited = figures.latency(step.quantiles[text])
    return f"{waited} {FEW}" if step.few(text) and waited != figures.NOTHING else waited
