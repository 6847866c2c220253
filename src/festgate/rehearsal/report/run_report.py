"""The report of one run: the result, limits, notes, charts, figures of each step, and the configuration."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from festgate.rehearsal.report.document import Chart, Document, Notice, Section, Table, Tone
from festgate.rehearsal.report.words import (
    SIDES,
    VERDICTS,
    limit_in_words,
    load_in_words,
    plan_in_words,
    response_in_words,
    run_in_words,
    stage_in_words,
)
from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.runs.stages import slopes
from festgate.rehearsal.stats import figures
from festgate.rehearsal.stats.limits import MANY_NAMES, MAX_CPU, MIN_TAIL, min_requests
from festgate.rehearsal.stats.metrics import parse_metric
from festgate.rehearsal.stats.names import VALUE
from festgate.rehearsal.stats.summary import LATE, QUANTILES, Figures, LimitResult, Machine, Summary
from festgate.rehearsal.verdict.outcome import Result, outcome_of

TONES: Final[dict[Result, Tone]] = {"held": "good", "failed": "bad", "cut": "warn", "nothing": "warn"}
_LATE: Final = f"{LATE * 1000:.0f} ms"
MAX_NAMES: Final = 20
"""Names of steps that a notice lists."""
FEW: Final = "?"
"""The mark of a percentile that is based on too few requests."""


def run_document(summary: Summary, *, drawn: bool = True) -> Document:
    """Create the report of a run; with its charts only if it is `drawn`."""
    run = summary.run
    result = outcome_of(summary).result
    name = Path(run.plan.journey).stem if run.plan.journey.endswith(".py") else run.plan.journey
    label = f" ({run.plan.label})" if run.plan.label else ""
    charts = _charts(summary) if drawn else ()
    sections = [
        Section("Limits", notices=tuple(_limit(limit, summary.steps) for limit in summary.limits)),
        Section("Notes", notices=(*_notes(summary),)),
        Section("Charts", charts=charts),
        Section("Stages", tables=_stage_tables(summary)),
        Section("Steps", tables=_step_tables(summary)),
        Section("Configuration", tables=_configuration(summary)),
    ]
    return Document(
        title=f"{name}{label}, {figures.moment(run.began)}",
        tone=TONES[result],
        verdict=VERDICTS[result],
        words=run_in_words(summary),
        sections=tuple(
            section
            for section in sections
            if section.notices or section.charts or section.tables or section.words
        ),
        facts=_facts(summary),
    )


def _charts(summary: Summary) -> tuple[Chart, ...]:
    # Importing Altair takes 0.3 s, and text reports do not need it.
    from festgate.rehearsal.report.run_charts import run_charts  # noqa: PLC0415

    return run_charts(summary)


def _facts(summary: Summary) -> tuple[tuple[str, str], ...]:
    total = summary.all
    if not total.requests:
        return ()
    return (
        ("requests", figures.count(total.requests)),
        ("requests/s", figures.rate(total.rate).removesuffix("/s")),
        ("failed", figures.share(total.failed)),
        ("median", _quantile(total, "p50")),
        ("95th percentile", _quantile(total, "p95")),
        ("99th percentile", _quantile(total, "p99")),
    )


def _limit(limit: LimitResult, steps: Sequence[Figures]) -> Notice:
    meaning = ""
    if limit.metric is None:
        meaning = "This is not a valid limit, so it is not met."
    elif math.isnan(limit.value) and limit.metric.kind == "cpu":
        meaning = "Processor time is measured only if the rehearsal has started the target itself."
    elif math.isnan(limit.value):
        meaning = "It applies to no request, so it is not met."
        if limit.metric.step is not None and steps:
            others = len(steps) - MAX_NAMES
            names = ", ".join(step.name for step in steps[:MAX_NAMES])
            meaning += f" The steps of this run are {names}{f' and {others} others' if others > 0 else ''}."
    elif limit.few:
        meaning = "This figure is based on too few requests: make a longer run before you rely on it."
    return Notice(
        tone="bad" if not limit.held else "warn" if limit.few else "good",
        title=f"{'Met' if limit.held else 'Not met'}: {limit.text}",
        figure=limit_in_words(limit),
        meaning=meaning,
    )


def _notes(summary: Summary) -> list[Notice]:
    run, total = summary.run, summary.all
    notes = [Notice("plain", note) for note in run.notes]
    if run.aborted:
        notes.append(
            Notice(
                "bad",
                "Ended early",
                f"{figures.span(summary.seconds)} of {figures.span(run.plan.duration)}",
                f"{run.aborted}, and --abort-on-fail was set. The figures cover the requests until then.",
            )
        )
    elif run.state != "whole":
        notes.append(
            Notice(
                "warn",
                "Stopped before its end",
                f"{figures.span(summary.seconds)} of {figures.span(run.plan.duration)}",
                "The figures cover the requests that were sent until then.",
                "Repeat the run before you rely on them.",
            )
        )
    if run.dropped:
        notes.append(
            Notice(
                "bad",
                "Arrivals were dropped",
                figures.count(run.dropped),
                "These visitors arrived while all simulated visitors were still waiting. Their waits are missing from"
                " the latencies, which are therefore too low.",
                "Lower the rate, or make the target faster.",
            )
        )
    notes += [
        Notice(
            "bad",
            f"Exception: {kind}",
            f"{figures.count(times)} {'time' if times == 1 else 'times'}",
            "A task, `on_start` or a listener of the locustfile raised it, and the rest of it was left out.",
            "Correct the line, or the answer of the target that it did not expect.",
        )
        for kind, times in run.exceptions.items()
    ]
    notes += _generator_notes(summary)
    if summary.names > len(summary.steps) or summary.names >= MANY_NAMES:
        notes.append(
            Notice(
                "warn",
                "Names of steps contain visitors' values",
                f"{figures.count(summary.names)} names",
                f"A row for each value describes no page, so similar names are rolled up here, with {VALUE} in place of"
                " the values. Many names also slow the load generator down.",
                'Name each step by its route: `self.client.get(path, name="/events/{slug}")`.',
            )
        )
    if total.requests and not run.plan.warm_up:
        notes.append(
            Notice(
                "plain",
                "No warm-up",
                "0 s",
                "The first requests open connections and fill caches, and they count in every figure.",
                "Run with --warm-up 10.",
            )
        )
    if not isinstance(run.plan.load, Rate):
        notes.append(
            Notice(
                "plain",
                "Closed loop",
                load_in_words(run.plan.load),
                "Each visitor sends the next request only after a response, so a slow target gets fewer requests: the"
                " rate does not show its capacity, and few requests show a stall.",
                "Run with --rate to simulate arrivals that do not depend on the responses.",
            )
        )
    few = [(text, quantile) for text, quantile in QUANTILES if total.requests and total.few(text)]
    if few:
        text, quantile = few[0]
        notes.append(
            Notice(
                "plain",
                f"Too few requests for {', '.join(text for text, _ in few)}",
                figures.count(total.requests),
                f"{text} needs {figures.count(min_requests(quantile))}; with fewer, a handful of requests decide it."
                f" Such figures are marked {FEW}.",
                "Make a longer run.",
            )
        )
    return notes


def _generator_notes(summary: Summary) -> list[Notice]:
    workers = summary.run.plan.workers
    notes = []
    generator = next((machine for machine in summary.machines if machine.side == "generator"), None)
    if generator is not None and generator.busiest > MAX_CPU * workers:
        notes.append(
            Notice(
                "warn",
                "The load generator was saturated",
                f"{figures.share(generator.busiest)} of a core in the busiest tenth of the seconds"
                + (f", {workers} processes" if workers > 1 else ""),
                f"On average it used {figures.share(generator.cpu)}. It may have caused part of the latency itself.",
                "Lower the load, or run the load generator on a separate machine.",
            )
        )
    if summary.all.late:
        notes.append(
            Notice(
                "plain",
                "Some requests were sent late",
                f"{figures.count(summary.all.late)} of {figures.count(summary.all.requests)}",
                f"They were sent more than {_LATE} after they were due. The delay counts in their latency, like a"
                " visitor's wait in a queue.",
            )
        )
    return notes


def _step_tables(summary: Summary) -> tuple[Table, ...]:
    shown = (*summary.steps, summary.all) if len(summary.steps) > 1 else summary.steps
    marked = any(step.few(text) for step in shown for text, _ in QUANTILES)
    tables = [
        Table(
            "Measurements of each step",
            ("step", "requests", "failed", "rate", "mean", *(text for text, _ in QUANTILES), "maximum"),
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
            note=f"{FEW}: fewer than {MIN_TAIL} requests were slower, so chance decides this figure."
            if marked
            else "",
        ),
        Table(
            "Network",
            ("step", "bytes/s", "new connections", f"sent over {_LATE} late"),
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
                "Failures",
                ("step", "response", "requests"),
                tuple(
                    (step, response_in_words(status, reason), figures.count(times))
                    for (step, status, reason), times in summary.failures.items()
                ),
                words=frozenset({0, 1}),
                note="A response with HTTP 200 can fail, too, if it lacks the content that the step expects.",
            )
        )
    return tuple(tables) if summary.steps else ()


def _stage_tables(summary: Summary) -> tuple[Table, ...]:
    load = summary.run.plan.load
    if not summary.stages:
        return ()
    asked, got = (
        ("arrivals due", "begun") if isinstance(load, Rate) else ("users asked, mean", "present, mean")
    )
    rows = tuple(
        (
            stage.figures.name,
            f"{figures.at(stage.slope.begin)} to {figures.at(stage.slope.end)}",
            stage_in_words(stage.slope, load),
            *(
                (figures.NOTHING, figures.NOTHING)
                if stage.load is None
                else (figures.count(stage.load.asked), figures.count(stage.load.reached))
            ),
            figures.count(stage.figures.requests),
            figures.share(stage.figures.failed),
            figures.rate(stage.figures.rate),
            *(_quantile(stage.figures, text) for text in ("p50", "p95")),
        )
        for stage in summary.stages
    )
    columns = ("stage", "time", "plan", asked, got, "requests", "failed", "rate", "p50", "p95")
    note = f"The warm-up is left out. {FEW}: fewer than {MIN_TAIL} requests were slower, so chance decides this figure."
    return (
        Table("Load and measurements of each stage", columns, rows, words=frozenset({0, 1, 2}), note=note),
    )


def _configuration(summary: Summary) -> tuple[Table, ...]:
    run, plan = summary.run, summary.run.plan
    rows = [
        ("plan", plan_in_words(plan)),
        ("target", ", ".join(plan.targets)),
        ("load", _load(plan)),
        *([("locustfile's options", " ".join(plan.arguments))] if plan.arguments else []),
        ("seed", str(plan.seed)),
        ("load generator processes", str(plan.workers)),
        ("start", figures.moment(run.began)),
        ("run", run.name),
        ("send delay, p99", figures.latency(summary.lateness)),
        *((f"target's {name}", value) for name, value in run.server.items()),
        *((f"load generator's {name}", value) for name, value in run.generator.items()),
        *(
            (f"{SIDES[machine.side]}'s resources", _resources(machine, summary.processor))
            for machine in summary.machines
        ),
    ]
    return (Table("Load plan and both sides", ("setting", "value"), tuple(rows), words=frozenset({0, 1})),)


def _resources(machine: Machine, processor: float) -> str:
    cpu = f"{figures.share(machine.cpu)} of a core (max. {figures.share(machine.max_cpu)})"
    if machine.side == "server" and math.isfinite(processor):
        cpu = f"{cpu}, {parse_metric('cpu').shown(processor)} per request"
    return f"{cpu}, {figures.size(machine.max_memory)} of memory"


def _load(plan: Plan) -> str:
    stages = ", ".join(
        f"{figures.span(slope.end - slope.begin)} {stage_in_words(slope, plan.load)}"
        for slope in slopes(plan.load.stages)
    )
    if isinstance(plan.load, Rate):
        arrivals = "Poisson" if plan.load.arrivals == "poisson" else plan.load.arrivals
        return f"open loop, {stages or f'{plan.load.rate:g}/s'}, {arrivals} arrivals"
    if stages:
        return f"closed loop, {stages}"
    if plan.load.shape:
        return f"closed loop, up to {plan.load.users} users by {plan.load.shape}"
    return f"closed loop, {plan.load.users} users, started at {plan.load.spawn_rate:g}/s"


def _quantile(step: Figures, text: str) -> str:
    shown = figures.latency(step.quantiles[text])
    return f"{shown} {FEW}" if step.few(text) and shown != figures.NOTHING else shown
