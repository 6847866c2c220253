"""The report of drills: the faults, their impact, and whether they were contained."""

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from festgate.drills.impact import StepImpact
from festgate.drills.runner import DrillResults
from festgate.drills.sentences import summary, summary_of_all, verdict, verdict_of_all
from festgate.drills.verdict import Outcome
from festgate.files import write_atomically
from festgate.rehearsal.report import text
from festgate.rehearsal.report.data import as_json, finding_fields
from festgate.rehearsal.report.document import Chart, Document, Notice, Section, Table
from festgate.rehearsal.report.page import page
from festgate.rehearsal.stats import figures

T = TypeVar("T")

FORMAT: Final = 1
"""The version of the JSON, which grows when a field changes its meaning."""


def render(results: DrillResults, form: str) -> str:
    """Return the report as `text`, `markdown`, `json` or `html`, with a newline at the end."""
    if form == "json":
        return drills_json(results)
    document = drills_document(results, drawn=form == "html")
    if form == "html":
        return page(document)
    return text.markdown(document) if form == "markdown" else text.text(document)


def write_report(results: DrillResults, path: Path) -> None:
    """Write the HTML report, whole or not at all. Raise OSError."""
    write_atomically(path, render(results, "html"))


def drills_document(results: DrillResults, *, drawn: bool) -> Document:
    """Return the content of every format but JSON."""
    outcomes = results.outcomes
    one = len(outcomes) == 1
    moment = figures.moment(outcomes[0].run.began)
    sections: list[Section] = []
    if not one:
        sections.append(
            Section(
                "At a glance", charts=_chart_of_all(outcomes) if drawn else (), tables=(_overview(outcomes),)
            )
        )
    for outcome in outcomes:
        sections += _sections(outcome, drawn=drawn, one=one)
    sections.append(Section("How the drills were run", tables=(_run_details(results),)))
    return Document(
        title=f"{outcomes[0].drill.title if one else 'Drills'}, {moment}",
        tone="good" if results.contained else "bad",
        verdict=verdict_of_all(results),
        words=summary_of_all(results),
        sections=tuple(sections),
        facts=_facts(results),
    )


def _facts(results: DrillResults) -> tuple[tuple[str, str], ...]:
    outcomes = [outcome for outcome in results.outcomes if not outcome.refused]
    if not outcomes:
        return ()
    outside = [step for outcome in outcomes for step in outcome.outside]
    facts = [
        ("affected outside", figures.count(sum(step.affected for step in outside))),
        ("requests outside", figures.count(sum(step.requests for step in outside))),
    ]
    for label, times in (
        ("reported after", [outcome.after(outcome.noticed) for outcome in outcomes]),
        ("contained after", [outcome.after(outcome.contained_at) for outcome in outcomes]),
        ("recovered after", [_recovery_time(outcome) for outcome in outcomes]),
    ):
        known = [seconds for seconds in times if seconds is not None]
        if known:
            at_most = ", at most" if len(outcomes) > 1 else ""
            facts.append((f"{label}{at_most}", figures.span(round(max(known), 1))))
    return tuple(facts)


def _recovery_time(outcome: Outcome) -> float | None:
    """Return the seconds from the rollback to the recovery: 0 if the portal recovered before the rollback."""
    return None if outcome.recovered is None else max(0.0, outcome.recovered - outcome.rolled_back)


def _overview(outcomes: tuple[Outcome, ...]) -> Table:
    columns: dict[str, Callable[[Outcome], str]] = {
        "drill": lambda outcome: outcome.drill.title,
        "verdict": verdict,
        "affected outside": lambda outcome: figures.count(sum(step.affected for step in outcome.outside)),
        "reported after": lambda outcome: _seconds(outcome.after(outcome.noticed)),
        "contained after": lambda outcome: _seconds(outcome.after(outcome.contained_at)),
        "recovered after": lambda outcome: _seconds(_recovery_time(outcome)),
        "p95 outside": lambda outcome: _times(outcome.others.ratio),
    }
    return Table(
        "The drills",
        tuple(columns),
        _rows(outcomes, columns),
        words=frozenset({0, 1}),
        note='Reported and contained are counted from the fault, recovered from the rollback. "Outside" is outside the'
        " allowed blast radius; the p95 there is a multiple of that in the quiet window.",
    )


def _sections(outcome: Outcome, *, drawn: bool, one: bool) -> list[Section]:
    drill = outcome.drill
    heading = "What happened" if one else f"{drill.title}: {verdict(outcome).lower()}"
    if outcome.refused:
        return [Section(heading, words=(drill.description, *summary(outcome)))]
    notices = [Notice("bad", "Leaked", "", leak.what, leak.remedy) for leak in outcome.leaks]
    if outcome.others.why_not:
        notices.append(
            Notice(
                "plain",
                "Latency of the other requests",
                f"{_times(outcome.others.ratio)}",
                f"This is no leak: {outcome.others.why_not}.",
            )
        )
    notices += [
        Notice(
            "warn",
            finding.code.replace("-", " ").capitalize(),
            finding.figure,
            finding.meaning,
            finding.remedy,
        )
        for finding in outcome.findings
    ]
    words = (drill.description,) if one else (drill.description, *summary(outcome))
    return [
        Section(
            heading,
            words=words,
            notices=tuple(notices),
            charts=_chart_over_time(outcome) if drawn else (),
            tables=(_timeline(outcome), _steps(outcome)),
        )
    ]


def _chart_over_time(outcome: Outcome) -> tuple[Chart, ...]:
    # Altair takes 0.3 s to import, and text does not need it.
    from festgate.drills.charts import blast_over_time  # noqa: PLC0415

    return (blast_over_time(outcome),)


def _chart_of_all(outcomes: tuple[Outcome, ...]) -> tuple[Chart, ...]:
    from festgate.drills.charts import blast_of_all  # noqa: PLC0415  (see above)

    return (blast_of_all(outcomes),)


def _timeline(outcome: Outcome) -> Table:
    journal = outcome.journal
    moments = [(moment - journal.armed, name) for moment, name in journal.activities]
    if outcome.noticed is not None:
        moments.append((outcome.noticed - outcome.armed, "the portal reports the fault by itself"))
    if contained := outcome.after(outcome.contained_at):
        moments.append((contained, "contained: no other visitor is affected any more"))
    moments.append((outcome.rolled_back - outcome.armed, "every fault is rolled back"))
    if outcome.recovered is not None:
        steady = outcome.drill.steady_state.title.lower()
        moments.append((outcome.recovered - outcome.armed, f"recovered: {steady}"))
    rows = [(f"{at:.1f} s", name) for at, name in sorted(moments)]
    rows += [
        (f"data {when}", "consistent" if checked.clean else checked.output)
        for when, checked in (("before", journal.before), ("after", journal.after))
        if checked is not None
    ]
    if journal.clients:
        rows.append(("clients", journal.clients))
    return Table("Timeline", ("since the fault", "event"), tuple(rows), words=frozenset({0, 1}))


def _steps(outcome: Outcome) -> Table:
    columns: dict[str, Callable[[StepImpact], str]] = {
        "step": lambda step: step.step,
        "module": lambda step: step.module or figures.NOTHING,
        "may be affected": lambda step: "yes" if step.tolerated else "no",
        "requests": lambda step: figures.count(step.requests),
        "come back later": lambda step: figures.count(step.unavailable),
        "not done yet": lambda step: figures.count(step.unfinished),
        "no response": lambda step: figures.count(step.cut),
        "errors": lambda step: figures.count(step.errors),
        "p95 quiet": lambda step: figures.latency(step.quiet_p95),
        "p95": lambda step: figures.latency(step.p95),
        "ratio": lambda step: _times(step.ratio),
    }
    return Table(
        "Each step, from the fault to the recovery",
        tuple(columns),
        _rows(outcome.steps, columns),
        words=frozenset({0, 1, 2}),
        note="The p95 of one step is based on few requests. The verdict uses all requests outside the allowed blast"
        f" radius: {figures.latency(outcome.others.p95)}, and {figures.latency(outcome.others.quiet_p95)} when quiet.",
    )


def _rows(subjects: Iterable[T], columns: Mapping[str, Callable[[T], str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(cell(subject) for cell in columns.values()) for subject in subjects)


def _journeys(results: DrillResults) -> str:
    """Return the journeys of the crowds."""
    return ", ".join(dict.fromkeys(Path(outcome.run.plan.journey).stem for outcome in results.outcomes))


def _run_details(results: DrillResults) -> Table:
    options = results.options
    runs = dict.fromkeys(outcome.run.name for outcome in results.outcomes)
    rows = [
        ("journey", _journeys(results)),
        ("load", f"{options.rate:g} journeys a second"),
        ("quiet window", figures.span(options.quiet)),
        ("portal", options.against or "a temporary portal, with sandbox payments"),
        ("bulkheads", "on" if options.bulkheads else "switched off, to see the drill fail"),
        ("run", ", ".join(runs)),
        *((f"target's {name}", value) for name, value in results.outcomes[0].run.server.items()),
        *((f"generator's {name}", value) for name, value in results.outcomes[0].run.generator.items()),
    ]
    return Table("The load and the portal", ("item", "value"), tuple(rows), words=frozenset({0, 1}))


def drills_json(results: DrillResults) -> str:
    """Return every outcome as JSON. Moments are seconds since the fault, latencies seconds; unknown values are null."""
    return as_json(
        {
            "kind": "drills",
            "format": FORMAT,
            "contained": results.contained,
            "words": list(summary_of_all(results)),
            "journey": _journeys(results),
            "bulkheads": results.options.bulkheads,
            "drills": [_outcome(outcome) for outcome in results.outcomes],
        }
    )


def _outcome(outcome: Outcome) -> dict[str, Any]:
    journal, others = outcome.journal, outcome.others
    return {
        "name": outcome.drill.name,
        "title": outcome.drill.title,
        "contained": outcome.contained,
        "refused": outcome.refused or None,
        "words": list(summary(outcome)),
        "run": outcome.run.name,
        "done": [{"at": moment - journal.armed, "what": name} for moment, name in journal.activities],
        "noticed": outcome.after(outcome.noticed),
        "contained_after": outcome.after(outcome.contained_at),
        "undone": outcome.after(outcome.rolled_back),
        "recovered": outcome.after(outcome.recovered),
        "others": {
            "requests": others.requests,
            "p95": others.p95,
            "quiet_p95": others.quiet_p95,
            "ratio": others.ratio,
            "slower": others.slower,
            "why_not": others.why_not or None,
        },
        "steps": [
            {
                "step": step.step,
                "module": step.module,
                "may_be_harmed": step.tolerated,
                "requests": step.requests,
                "come_back_later": step.unavailable,
                "not_done_yet": step.unfinished,
                "cut_off": step.cut,
                "errors": step.errors,
                "p95": step.p95,
                "quiet_p95": step.quiet_p95,
                "ratio": step.ratio,
            }
            for step in outcome.steps
        ],
        "checked_before": None if journal.before is None else journal.before.clean,
        "checked_after": None if journal.after is None else journal.after.clean,
        "leaks": [{"what": leak.what, "remedy": leak.remedy} for leak in outcome.leaks],
        "findings": [finding_fields(finding) for finding in outcome.findings],
    }


def _seconds(moment: float | None) -> str:
    return figures.NOTHING if moment is None else f"{moment:.1f} s"


def _times(ratio: float) -> str:
    return f"{ratio:.2f}" if math.isfinite(ratio) else figures.NOTHING
