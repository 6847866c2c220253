"""The report of a capacity search."""

import json
import math
from typing import Final

from festgate.rehearsal.report.document import Document, Notice, Section, Table, Tone
from festgate.rehearsal.report.junit import Case, suite
from festgate.rehearsal.runner.capacity import Capacity
from festgate.rehearsal.stats import figures
from festgate.rehearsal.stats.usl import Scalability

MIN_SHARE: Final = 0.005
"""Contention below this share is shown as none, because it is rounded to whole per cent."""


def capacity_document(capacity: Capacity, *, drawn: bool = True) -> Document:
    """Create the report of a capacity search; with its charts only if it is `drawn`."""
    tone: Tone = "good" if capacity.max_rate is not None else "bad"
    return Document(
        title=f"Capacity for {capacity.steps[0].run.plan.journey}",
        tone=tone,
        verdict=_verdict(capacity),
        words=tuple(_words(capacity)),
        sections=(_rates(capacity, drawn=drawn), _law(capacity)),
        facts=tuple(_facts(capacity)),
    )


def capacity_json(capacity: Capacity) -> str:
    """Return the results of a capacity search as JSON; rates are journeys per second."""
    fields = {
        "most": capacity.max_rate,
        "breaks_at": capacity.breaks_at,
        "limits": [limit.text for limit in capacity.limits],
        "steps": [
            {
                "rate": step.rate,
                "holds": step.holds,
                "requests_per_second": step.requests,
                "people": step.people,
                "values": dict(
                    zip([limit.metric.text for limit in capacity.limits], step.values, strict=True)
                ),
                "generator_busy": step.generator_busy,
                "run": step.run.name,
            }
            for step in capacity.steps
        ],
        "law": None
        if capacity.law is None
        else {
            "gain": capacity.law.gain,
            "contention": capacity.law.contention,
            "coherency": capacity.law.coherency,
            "r_squared": capacity.law.fit,
        },
        "law_refused": capacity.law_refused or None,
    }
    return json.dumps(fields, indent=2) + "\n"


def capacity_junit(capacity: Capacity) -> str:
    """Return JUnit XML with a case for whether any rate meets the limits, and a case for each limit.

    A limit passes if it is met at the highest rate that meets all limits, or else at the lowest rate of the search. At
    higher rates the search exceeds the limits on purpose.
    """
    held = capacity.max_rate is not None
    words = " ".join(_words(capacity))
    cases = [Case("a rate meets every limit", "passed" if held else "failure", words)]
    rate = capacity.max_rate if capacity.max_rate is not None else min(step.rate for step in capacity.steps)
    repeats = [step for step in capacity.steps if step.rate == rate]
    for number, limit in enumerate(capacity.limits):
        values = [step.values[number] for step in repeats]
        met = all(limit.holds(value) for value in values)
        shown = ", ".join(limit.metric.shown(value) for value in values)
        message = f"{shown} at {_a_minute(rate)}"
        cases.append(Case(limit.text, "passed" if met else "failure", message))
    runs = [step.run for step in capacity.steps]
    seconds = sum(run.plan.duration for run in runs)
    return suite(
        f"festgate.rehearsal.capacity.{runs[0].plan.journey}",
        cases,
        seconds,
        min(run.began for run in runs),
    )


def _verdict(capacity: Capacity) -> str:
    if capacity.max_rate is None:
        return "No tested rate meets the limits"
    return f"The target sustains {_a_minute(capacity.max_rate)}"


def _words(capacity: Capacity) -> list[str]:
    limits = ", ".join(limit.text for limit in capacity.limits)
    if capacity.max_rate is None:
        lowest = _a_minute(min(step.rate for step in capacity.steps))
        return [f"Even at {lowest} a limit is not met: {limits}. Begin at a lower rate."]
    words = [
        f"{_a_minute(capacity.max_rate)} is the highest rate at which every run met the limits: {limits}."
    ]
    if capacity.breaks_at is not None:
        words.append(f"At {_a_minute(capacity.breaks_at)} a run did not meet them.")
    if any(step.generator_busy for step in capacity.steps):
        words.append(
            "The load generator was saturated, so the target may sustain more than that. Search again with more load"
            " generator processes (--workers), on a separate machine."
        )
    return words


def _facts(capacity: Capacity) -> list[tuple[str, str]]:
    facts = []
    if capacity.max_rate is not None:
        best = max(
            (step for step in capacity.steps if step.rate == capacity.max_rate),
            key=lambda step: step.requests,
        )
        facts = [
            ("journeys a minute", f"{capacity.max_rate * 60:,.0f}"),
            ("requests/s", f"{best.requests:,.0f}"),
            ("concurrent visitors", f"{best.people:,.0f}"),
        ]
    return facts


def _rates(capacity: Capacity, *, drawn: bool) -> Section:
    steps = sorted(capacity.steps, key=lambda step: step.rate)
    columns = (
        "journeys/s",
        "limits met",
        "requests/s",
        "concurrent visitors",
        *(limit.metric.text for limit in capacity.limits),
        "run",
    )
    rows = tuple(
        (
            f"{step.rate:g}",
            "yes" if step.holds else "no",
            f"{step.requests:,.0f}",
            f"{step.people:,.1f}",
            *(limit.metric.shown(value) for limit, value in zip(capacity.limits, step.values, strict=True)),
            step.run.name,
        )
        for step in steps
    )
    table = Table("Tested rates", columns, rows, frozenset({1, len(columns) - 1}))
    if not drawn:
        return Section("Tested rates", tables=(table,))
    # Importing Altair takes 0.3 s, and text reports do not need it.
    from festgate.rehearsal.report.capacity_charts import limit_chart  # noqa: PLC0415

    charts = tuple(limit_chart(capacity, number, table) for number in range(len(capacity.limits)))
    return Section("Tested rates", charts=charts, tables=(table,))


def _law(capacity: Capacity) -> Section:
    if capacity.law is None:
        notice = Notice("plain", "The scalability law does not fit", meaning=capacity.law_refused)
    else:
        law = capacity.law
        notice = Notice(
            "plain",
            "Universal Scalability Law",
            figure=f"R\N{SUPERSCRIPT TWO} {law.fit:.2f}",
            meaning=_law_in_words(law),
        )
    return Section("Extrapolation", notices=(notice,))


def _law_in_words(law: Scalability) -> str:
    """Describe the parameters of the law, and the highest rate that it predicts."""
    alone = f"One visitor alone gets {figures.rate(law.gain).removesuffix('/s')} requests/s."
    if law.contention < MIN_SHARE:
        serial = "Nearly all of the work can run in parallel (contention)"
    elif law.contention < 1:
        serial = f"About {law.contention * 100:.0f} % of the work cannot run in parallel (contention)"
    else:
        serial = "None of the work can run in parallel (contention)"
    pairs = (
        ""
        if law.coherency == 0
        else f"; every pair of visitors adds {figures.share(law.coherency)} (coherency)"
    )
    if not math.isfinite(law.max_rate):
        return f"{alone} {serial}{pairs}. The law predicts no highest rate."
    at = f" with {law.best_users:,.0f} concurrent visitors" if math.isfinite(law.best_users) else ""
    return f"{alone} {serial}{pairs}. The law predicts at most {law.max_rate:,.0f} requests/s{at}."


def _a_minute(rate: float) -> str:
    return f"{rate * 60:,.0f} journeys a minute"
