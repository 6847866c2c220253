"""The report of drills: what was broken and when, who was harmed, and whether it was contained."""

import math
from pathlib import Path
from typing import Any, Final

from festgate.drills.runner import Drilled
from festgate.drills.sentences import harm, in_words, verdict, verdict_of_all, words_of_all
from festgate.drills.verdict import Outcome
from festgate.files import write_atomically
from festgate.rehearsal.report import text
from festgate.rehearsal.report.data import as_json, finding_fields
from festgate.rehearsal.report.document import Chart, Document, Notice, Section, Table
from festgate.rehearsal.report.page import page
from festgate.rehearsal.stats import figures

FORMAT: Final = 1
"""Of the JSON: grows when a field changes its meaning."""


def render(drilled: Drilled, form: str) -> str:
    """As `text`, `markdown`, `json` or `html`; ended by a newline."""
    if form == "json":
        return drills_json(drilled)
    document = drills_document(drilled, drawn=form == "html")
    if form == "html":
        return page(document)
    return text.markdown(document) if form == "markdown" else text.text(document)


def write_report(drilled: Drilled, path: Path) -> None:
    """The HTML, whole or not at all. Raises OSError."""
    write_atomically(path, render(drilled, "html"))


def drills_document(drilled: Drilled, *, drawn: bool) -> Document:
    """What every format but JSON is written from."""
    outcomes = drilled.outcomes
    one = len(outcomes) == 1
    moment = figures.moment(outcomes[0].run.began)
    sections: list[Section] = []
    if not one:
        sections.append(
            Section("At a glance", charts=_of_all(outcomes) if drawn else (), tables=(_overview(outcomes),))
        )
    for outcome in outcomes:
        sections += _sections(outcome, drawn=drawn, one=one)
    sections.append(Section("How it was played", tables=(_played(drilled),)))
    return Document(
        title=f"{outcomes[0].drill.title if one else 'Drills'}, {moment}",
        tone="good" if drilled.contained else "bad",
        verdict=verdict_of_all(drilled),
        words=words_of_all(drilled),
        sections=tuple(sections),
        facts=_facts(drilled),
    )


def _facts(drilled: Drilled) -> tuple[tuple[str, str], ...]:
    outcomes = [outcome for outcome in drilled.outcomes if not outcome.refused]
    if not outcomes:
        return ()
    spared = [step for outcome in outcomes for step in outcome.steps if not step.tolerated]
    facts = [
        ("harmed elsewhere", figures.count(sum(map(harm, spared)))),
        ("requests elsewhere", figures.count(sum(step.requests for step in spared))),
    ]
    for what, moments in (
        ("noticed after", [outcome.after(outcome.noticed) for outcome in outcomes]),
        ("contained after", [outcome.after(outcome.contained_at) for outcome in outcomes]),
        (
            "as before after",
            [None if each.recovered is None else each.recovered - each.undone for each in outcomes],
        ),
    ):
        known = [moment for moment in moments if moment is not None]
        if known:
            most = "at most " if len(outcomes) > 1 else ""
            facts.append((f"{what}{', ' + most.strip() if most else ''}", figures.span(round(max(known), 1))))
    return tuple(facts)


def _overview(outcomes: tuple[Outcome, ...]) -> Table:
    return Table(
        "The drills",
        (
            "drill",
            "verdict",
            "harmed elsewhere",
            "noticed after",
            "contained after",
            "as before after",
            "others' p95",
        ),
        tuple(
            (
                outcome.drill.title,
                verdict(outcome),
                figures.count(sum(harm(step) for step in outcome.steps if not step.tolerated)),
                _seconds(outcome.after(outcome.noticed)),
                _seconds(outcome.after(outcome.contained_at)),
                _seconds(None if outcome.recovered is None else max(0.0, outcome.recovered - outcome.undone)),
                _times(outcome.others.ratio),
            )
            for outcome in outcomes
        ),
        words=frozenset({0, 1}),
        note="Noticed and contained are counted from the fault, as before from when it was undone; the others' p95 is"
        " that of the quiet window times this.",
    )


def _sections(outcome: Outcome, *, drawn: bool, one: bool) -> list[Section]:
    drill = outcome.drill
    heading = "What happened" if one else f"{drill.title}: {verdict(outcome).lower()}"
    if outcome.refused:
        return [Section(heading, words=(drill.description, *in_words(outcome)))]
    notices = [Notice("bad", "Leaked", "", leak.what, leak.remedy) for leak in outcome.leaks]
    if outcome.others.why_not:
        notices.append(
            Notice(
                "plain",
                "The others' latency",
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
    words = (drill.description,) if one else (drill.description, *in_words(outcome))
    return [
        Section(
            heading,
            words=words,
            notices=tuple(notices),
            charts=_over_time(outcome) if drawn else (),
            tables=(_timeline(outcome), _steps(outcome)),
        )
    ]


def _over_time(outcome: Outcome) -> tuple[Chart, ...]:
    # Altair takes 0.3 s to import, and text has no use of it.
    from festgate.drills.picture import blast_over_time  # noqa: PLC0415

    return (blast_over_time(outcome),)


def _of_all(outcomes: tuple[Outcome, ...]) -> tuple[Chart, ...]:
    from festgate.drills.picture import blast_of_all  # noqa: PLC0415  (see above)

    return (blast_of_all(outcomes),)


def _timeline(outcome: Outcome) -> Table:
    act = outcome.act
    offset = act.armed
    rows = [(moment - offset, what) for moment, what in act.done]
    if outcome.noticed is not None:
        rows.append((outcome.noticed - outcome.armed, "noticed: the portal says so by itself"))
    if contained := outcome.after(outcome.contained_at):
        rows.append((contained, "from here on nobody else is harmed"))
    rows.append((outcome.undone - outcome.armed, "undone, as far as the drill does it"))
    if outcome.recovered is not None:
        rows.append((outcome.recovered - outcome.armed, f"as before: {outcome.drill.hypothesis.lower()}"))
    rows.sort()
    told = [(f"{at:.1f} s", what) for at, what in rows]
    told += [
        (f"data {when}", "sound" if checked.clean else checked.said)
        for when, checked in (("before", act.before), ("after", act.after))
        if checked is not None
    ]
    if act.flooded:
        told.append(("flood", act.flooded))
    return Table("What happened when", ("since the fault", "what"), tuple(told), words=frozenset({0, 1}))


def _steps(outcome: Outcome) -> Table:
    return Table(
        "Each step, from the fault until it was over",
        (
            "step",
            "of",
            "may be harmed",
            "requests",
            "come back later",
            "not done yet",
            "cut off",
            "errors",
            "p95 quiet",
            "p95",
            "times",
        ),
        tuple(
            (
                step.step,
                step.module or figures.NOTHING,
                "yes" if step.tolerated else "no",
                figures.count(step.requests),
                figures.count(step.resting),
                figures.count(step.unfinished),
                figures.count(step.cut),
                figures.count(step.errors),
                figures.latency(step.quiet_p95),
                figures.latency(step.p95),
                _times(step.ratio),
            )
            for step in outcome.steps
        ),
        words=frozenset({0, 1, 2}),
        note="The p95 of one step rests on few requests; the verdict rests on that of all others together:"
        f" {figures.latency(outcome.others.p95)} beside {figures.latency(outcome.others.quiet_p95)}.",
    )


def _played(drilled: Drilled) -> Table:
    given = drilled.given
    runs = dict.fromkeys(outcome.run.name for outcome in drilled.outcomes)
    rows = [
        ("journey", Path(given.journey).stem),
        ("people", f"{given.rate:g} journeys a second"),
        ("quiet window", figures.span(given.quiet)),
        ("portal", given.against or "a scratch portal, with play money"),
        ("bulkheads", "on" if given.bulkheads else "switched off, to see the drill fail"),
        ("recorded as", ", ".join(runs)),
        *((f"target's {name}", value) for name, value in drilled.outcomes[0].run.server.items()),
        *((f"generator's {name}", value) for name, value in drilled.outcomes[0].run.generator.items()),
    ]
    return Table("The crowd and the portal", ("what", "value"), tuple(rows), words=frozenset({0, 1}))


def drills_json(drilled: Drilled) -> str:
    """Every outcome; moments are seconds since the fault, latencies seconds, what is not known is null."""
    return as_json(
        {
            "kind": "drills",
            "format": FORMAT,
            "contained": drilled.contained,
            "words": list(words_of_all(drilled)),
            "journey": Path(drilled.given.journey).stem,
            "bulkheads": drilled.given.bulkheads,
            "drills": [_outcome(outcome) for outcome in drilled.outcomes],
        }
    )


def _outcome(outcome: Outcome) -> dict[str, Any]:
    act, others = outcome.act, outcome.others
    return {
        "name": outcome.drill.name,
        "title": outcome.drill.title,
        "contained": outcome.contained,
        "refused": outcome.refused or None,
        "words": list(in_words(outcome)),
        "run": outcome.run.name,
        "done": [{"at": moment - act.armed, "what": what} for moment, what in act.done],
        "noticed": outcome.after(outcome.noticed),
        "contained_after": outcome.after(outcome.contained_at),
        "undone": outcome.after(outcome.undone),
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
                "come_back_later": step.resting,
                "not_done_yet": step.unfinished,
                "cut_off": step.cut,
                "errors": step.errors,
                "p95": step.p95,
                "quiet_p95": step.quiet_p95,
                "ratio": step.ratio,
            }
            for step in outcome.steps
        ],
        "checked_before": None if act.before is None else act.before.clean,
        "checked_after": None if act.after is None else act.after.clean,
        "leaks": [{"what": leak.what, "remedy": leak.remedy} for leak in outcome.leaks],
        "findings": [finding_fields(finding) for finding in outcome.findings],
    }


def _seconds(moment: float | None) -> str:
    return figures.NOTHING if moment is None else f"{moment:.1f} s"


def _times(ratio: float) -> str:
    return f"{ratio:.2f}" if math.isfinite(ratio) else figures.NOTHING
