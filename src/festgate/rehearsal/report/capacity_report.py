"""The report of a search for the capacity."""

import json
import math

from festgate.rehearsal.report.document import Document, Notice, Section, Table, Tone
from festgate.rehearsal.report.junit import Case, suite
from festgate.rehearsal.runner.capacity import Capacity


def capacity_document(found: Capacity, *, drawn: bool = True) -> Document:
    """What every format but JSON is written from; without its charts unless it is `drawn`."""
    tone: Tone = "good" if found.most is not None else "bad"
    return Document(
        title=f"How much {found.steps[0].run.plan.journey} holds",
        tone=tone,
        verdict=_verdict(found),
        words=tuple(_words(found)),
        sections=(_rates(found, drawn=drawn), _law(found)),
        facts=tuple(_facts(found)),
    )


def capacity_json(found: Capacity) -> str:
    """The same for programs; rates are journeys a second."""
    told = {
        "most": found.most,
        "breaks_at": found.breaks_at,
        "limits": [limit.text for limit in found.limits],
        "steps": [
            {
                "rate": step.rate,
                "holds": step.holds,
                "requests_per_second": step.requests,
                "people": step.people,
                "values": dict(zip([limit.metric.text for limit in found.limits], step.values, strict=True)),
                "generator_busy": step.generator_busy,
                "run": step.run.name,
            }
            for step in found.steps
        ],
        "law": None
        if found.law is None
        else {
            "gain": found.law.gain,
            "contention": found.law.contention,
            "coherency": found.law.coherency,
            "r_squared": found.law.fit,
        },
        "law_refused": found.law_refused or None,
    }
    return json.dumps(told, indent=2) + "\n"


def capacity_junit(found: Capacity) -> str:
    """A case for whether any rate holds, and one for each limit at the largest rate that holds, or at the least played.

    That a limit breaks at a higher rate is what the search looks for, and no failure.
    """
    held = found.most is not None
    words = " ".join(_words(found))
    cases = [Case("a rate at which every limit holds", "passed" if held else "failure", words)]
    rate = found.most if found.most is not None else min(step.rate for step in found.steps)
    plays = [step for step in found.steps if step.rate == rate]
    for number, limit in enumerate(found.limits):
        values = [step.values[number] for step in plays]
        kept = all(limit.holds(value) for value in values)
        told = ", ".join(limit.metric.shown(value) for value in values)
        message = f"{told} at {_a_minute(rate)}"
        cases.append(Case(limit.text, "passed" if kept else "failure", message))
    runs = [step.run for step in found.steps]
    seconds = sum(run.plan.duration for run in runs)
    return suite(
        f"festgate.rehearsal.capacity.{runs[0].plan.journey}",
        cases,
        seconds,
        min(run.began for run in runs),
    )


def _verdict(found: Capacity) -> str:
    if found.most is None:
        return "It does not hold at any rate"
    return f"It holds {_a_minute(found.most)}"


def _words(found: Capacity) -> list[str]:
    limits = ", ".join(limit.text for limit in found.limits)
    if found.most is None:
        return [
            f"Already at {_a_minute(found.steps[0].rate)} one of the limits is broken: {limits}. Begin lower."
        ]
    words = [f"{_a_minute(found.most)} is the largest number at which every play kept within {limits}."]
    if found.breaks_at is not None:
        words.append(f"At {_a_minute(found.breaks_at)} it no longer does.")
    if any(step.generator_busy for step in found.steps):
        words.append(
            "The load generator was saturated, so the portal may hold more than that. Search again with more "
            "processes that send (--workers), from a machine of their own."
        )
    return words


def _facts(found: Capacity) -> list[tuple[str, str]]:
    facts = []
    if found.most is not None:
        best = max((step for step in found.steps if step.rate == found.most), key=lambda step: step.requests)
        facts = [
            ("journeys a minute", f"{found.most * 60:,.0f}"),
            ("requests a second", f"{best.requests:,.0f}"),
            ("at the same time", f"{best.people:,.0f}"),
        ]
    return facts


def _rates(found: Capacity, *, drawn: bool) -> Section:
    steps = sorted(found.steps, key=lambda step: step.rate)
    columns = (
        "journeys a second",
        "kept within",
        "requests a second",
        "people",
        *(limit.metric.text for limit in found.limits),
        "run",
    )
    rows = tuple(
        (
            f"{step.rate:g}",
            "yes" if step.holds else "no",
            f"{step.requests:,.0f}",
            f"{step.people:,.1f}",
            *(limit.metric.shown(value) for limit, value in zip(found.limits, step.values, strict=True)),
            step.run.name,
        )
        for step in steps
    )
    table = Table("Every rate that was played", columns, rows, frozenset({1, len(columns) - 1}))
    if not drawn:
        return Section("What was played", tables=(table,))
    # Altair takes 0.3 s to import, and text has no use of it.
    from festgate.rehearsal.report.capacity_charts import limit_chart  # noqa: PLC0415

    charts = tuple(limit_chart(found, number, table) for number in range(len(found.limits)))
    return Section("What was played", charts=charts, tables=(table,))


def _law(found: Capacity) -> Section:
    if found.law is None:
        notice = Notice("plain", "No scalability law is shown", meaning=found.law_refused)
    else:
        law = found.law
        most = f"{law.max_rate:,.0f} requests a second" if math.isfinite(law.max_rate) else "no end in sight"
        notice = Notice(
            "plain",
            "The scalability law",
            figure=f"R\N{SUPERSCRIPT TWO} {law.fit:.2f}",
            meaning=(
                f"One person at a time gets {law.gain:,.1f} requests a second done; {law.contention:.1%} of the work "
                f"waits its turn, and each pair of people costs {law.coherency:.2%} more. By it the most would be "
                f"{most}."
            ),
        )
    return Section("Where it would end", notices=(notice,))


def _a_minute(rate: float) -> str:
    return f"{rate * 60:,.0f} journeys a minute"
