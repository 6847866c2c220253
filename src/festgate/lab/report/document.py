"""Make the report of a lab as a `Document`, in the form of the rehearsal's reports."""

from collections.abc import Sequence
from typing import Final

from festgate.lab.audit.findings import AuditFinding
from festgate.lab.hints.catalogue import HINTS
from festgate.lab.hints.hint import Material
from festgate.lab.hints.page import findings_of, hint_section
from festgate.lab.report.content import LabContent, RouteResults
from festgate.lab.report.screens import AppScreens
from festgate.lab.student.crash import Snapshot
from festgate.rehearsal.report.comparison_report import VERDICTS
from festgate.rehearsal.report.document import Chart, Document, Notice, Quote, Section, Table, Tone
from festgate.rehearsal.report.words import comparison_in_words
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats import figures
from festgate.rehearsal.stats.summary import Figures, summarize

_COLUMNS: Final = ("", "requests", "failed", "median", "p95", "mean", "slowest", "per second", "run")
_COUNTS: Final = {4: "four", 5: "five", 6: "six", 7: "seven"}
_UNANSWERED: Final = "Not answered yet."
_LOADS_NOTE: Final = (
    "Each row is a single run. A figure marked ? rests on too few requests. Only the comparison shows whether there"
    " is a difference."
)


def lab_document(lab: LabContent, screens: AppScreens) -> Document:
    """Make the document, in the order of the parts."""
    done = sum(part.done for part in lab.parts)
    tone: Tone = "good" if done == len(lab.parts) else "warn"
    return Document(
        title=f"The lab in the folder {lab.folder.name}",
        tone=tone,
        verdict=f"{done} of {len(lab.parts)} parts are done",
        words=_summary(lab),
        facts=_facts(lab),
        sections=(
            Section(f"The {_COUNTS[len(lab.parts)]} parts", tables=(_parts(lab),)),
            Section("The app", words=tuple(screens.missing), screens=tuple(screens.screens)),
            _crash(lab),
            *(_route(lab, route) for route in lab.routes),
            *_rest(lab),
            *_hints(lab),
        ),
        product="Festgate lab",
    )


def _summary(lab: LabContent) -> tuple[str, ...]:
    return tuple(
        f"{route.path} was not compared yet."
        if route.comparison is None
        else f"{route.path}: {comparison_in_words(route.comparison.comparison)[0]}"
        for route in lab.routes
    )


def _facts(lab: LabContent) -> tuple[tuple[str, str], ...]:
    """Return the change of the median of each compared route."""
    return tuple(
        (f"{route.path}, median", figures.change(effect.change))
        for route in lab.routes
        if route.comparison is not None and (effect := route.comparison.comparison.primary) is not None
    )


def _parts(lab: LabContent) -> Table:
    rows = tuple(
        (
            f"{part.number} {part.title}",
            "done" if part.done else "open",
            " ".join(part.missing) or figures.NOTHING,
        )
        for part in lab.parts
    )
    return Table(
        "Progress, judged by the files in the folder",
        ("part", "state", "missing"),
        rows,
        words=frozenset({0, 1, 2}),
    )


def _crash(lab: LabContent) -> Section:
    crashed = next((snapshot for snapshot in reversed(lab.snapshots) if snapshot.failed), None)
    quotes = _quotes(lab, "The crash")
    if crashed is None:
        return Section(
            "The crash", words=("`festgate lab crash` has not recorded a failing page yet.",), quotes=quotes
        )
    last = lab.snapshots[-1]
    later = last if last.at > crashed.at else None
    fixed = (f"latest check, {figures.moment(later.at)}",) if later is not None else ()
    columns = ("page", f"crashed, {figures.moment(crashed.at)}", *fixed)
    rows = tuple(
        (page.name, _response(crashed, index), *([_response(later, index)] if later is not None else []))
        for index, page in enumerate(crashed.pages)
    )
    caption = "The response of each page, before and after the fix"
    words = f"{', '.join(crashed.failed)} failed; all other pages responded."
    return Section(
        "The crash", (words,), tables=(Table(caption, columns, rows, words=frozenset({0})),), quotes=quotes
    )


def _response(snapshot: Snapshot, index: int) -> str:
    if index >= len(snapshot.pages):
        return figures.NOTHING
    page = snapshot.pages[index]
    return f"{page.status}, {page.milliseconds:,.0f} ms" if page.status else "no response"


def _route(lab: LabContent, route: RouteResults) -> Section:
    """Make the section of a route: the loads, the comparison and the answers."""
    notices: tuple[Notice, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables = [_loads(route)] if route.before or route.after else []
    words: tuple[str, ...] = () if tables else ("This route has no run of its own yet.",)
    if route.comparison is None:
        words = (*words, f"This route was not compared yet: `festgate lab compare {route.name}`.")
    else:
        comparison = route.comparison.comparison
        verdict, tone = VERDICTS[comparison.verdict]
        text = " ".join(comparison_in_words(comparison))
        notices = (Notice(tone, verdict, f"{comparison.pairs} pairs", text),)
        notices += tuple(
            Notice("warn", HINTS[finding.code].title, finding.figure, "See the hint below.")
            for finding in findings_of(route.comparison)
        )
        charts = _charts(route)
        tables.append(_compared(route))
    return Section(
        route.path,
        words=words,
        notices=notices,
        charts=charts,
        tables=tuple(tables),
        quotes=_quotes(lab, route.path),
    )


def _charts(route: RouteResults) -> tuple[Chart, ...]:
    # Altair takes 0.3 s to import, and a lab without a comparison does not need it.
    from festgate.lab.hints.run_pictures import spread  # noqa: PLC0415
    from festgate.rehearsal.report.comparison_charts import pairs_chart  # noqa: PLC0415

    assert route.comparison is not None  # noqa: S101  (the caller checks)
    compared = route.comparison
    charts = (pairs_chart(compared.comparison), spread(Material(compared.before, compared.after)))
    return tuple(chart for chart in charts if chart is not None)


def _loads(route: RouteResults) -> Table:
    rows = []
    for side, run in (("before", route.before), ("after", route.after)):
        if run is None:
            rows.append((side, "no run", *[figures.NOTHING] * (len(_COLUMNS) - 2)))
        else:
            rows.append((side, *_figures(summarize(run).all), run.name))
    return Table(
        f"{route.path}, runs before and after",
        _COLUMNS,
        tuple(rows),
        words=frozenset({0, len(_COLUMNS) - 1}),
        note=_LOADS_NOTE,
    )


def _figures(summary: Figures) -> tuple[str, ...]:
    def quantile(name: str) -> str:
        return figures.latency(summary.quantiles[name]) + (" ?" if summary.few(name) else "")

    return (
        figures.count(summary.requests),
        figures.share(summary.failed),
        quantile("p50"),
        quantile("p95"),
        figures.latency(summary.mean),
        figures.latency(summary.slowest),
        figures.rate(summary.rate),
    )


def _compared(route: RouteResults) -> Table:
    """Make the table of all pairs of the comparison."""
    assert route.comparison is not None  # noqa: S101  (the caller checks)
    compared = route.comparison

    def cells(runs: Sequence[Run], index: int) -> tuple[str, str]:
        if index >= len(runs):
            return figures.NOTHING, figures.NOTHING
        summary = summarize(runs[index]).all
        return figures.count(summary.requests), figures.latency(summary.quantiles["p50"])

    rows = tuple(
        (f"pair {index + 1}", *cells(compared.before, index), *cells(compared.after, index))
        for index in range(max(len(compared.before), len(compared.after)))
    )
    columns = ("", "requests before", "median before", "requests after", "median after")
    return Table(f"{route.path}, all pairs", columns, rows)


def _quotes(lab: LabContent, topic: str) -> tuple[Quote, ...]:
    return tuple(Quote(answer.question, answer.text or _UNANSWERED) for answer in lab.answers.get(topic, ()))


def _rest(lab: LabContent) -> list[Section]:
    """Make sections for the questions without a section of their own."""
    shown = {"The crash", *(route.path for route in lab.routes)}
    return [Section(topic, quotes=_quotes(lab, topic)) for topic in lab.answers if topic not in shown]


def _hints(lab: LabContent) -> list[Section]:
    """Make the hints to each comparison, and to the conclusions of the report."""
    sections = []
    for route in lab.routes:
        if route.comparison is not None:
            material = Material(route.comparison.before, route.comparison.after, route.runs)
            sections += [
                hint_section(route.path, HINTS[finding.code], finding.figure, material)
                for finding in findings_of(route.comparison)
            ]
    if lab.audited is not None:
        sections += [_conclusion(lab, finding) for finding in lab.audited.findings]
    return sections


def _conclusion(lab: LabContent, finding: AuditFinding) -> Section:
    audited = lab.audited
    assert audited is not None  # noqa: S101  (the caller checks)
    places = "; ".join(f"{audited.place(spot)}: {spot.figure.rstrip('.')}" for spot in finding.spots)
    material = material_of(lab.routes)
    return hint_section("", HINTS[finding.kind.code], places, material)


def material_of(routes: Sequence[RouteResults]) -> Material | None:
    """Choose the runs for hints to conclusions: those of the first route with a run before or after."""
    for route in routes:
        loads = [run for run in (route.before, route.after) if run is not None]
        if loads:
            return Material(loads[:1], loads[1:], route.runs)
    return None
