"""The report as a document of the rehearsal, so that it is written, drawn and read as its reports are."""

from collections.abc import Sequence
from typing import Final

from festgate.lab.audit.findings import Finding
from festgate.lab.hints.catalogue import HINTS
from festgate.lab.hints.hint import Material
from festgate.lab.hints.page import findings_of, hint_section
from festgate.lab.report.content import Gathered, Route
from festgate.lab.report.screens import Taken
from festgate.lab.student.crash import Look
from festgate.rehearsal.report.comparison_report import VERDICTS
from festgate.rehearsal.report.document import Chart, Document, Notice, Quote, Section, Table, Tone
from festgate.rehearsal.report.words import comparison_in_words
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats import figures
from festgate.rehearsal.stats.summary import Figures, summarize

_COLUMNS: Final = ("", "requests", "failed", "median", "p95", "mean", "slowest", "a second", "run")
_OPEN: Final = "Nothing is written here yet."
_LOADED: Final = (
    "Each is one load by itself. A figure marked ? has too few requests behind it. Whether there is a difference"
    " is for the comparison to say."
)


def lab_document(lab: Gathered, taken: Taken) -> Document:
    """All of it, in the order of the seven parts."""
    done = sum(part.done for part in lab.parts)
    tone: Tone = "good" if done == len(lab.parts) else "warn"
    return Document(
        title=f"The lab in the folder {lab.folder.name}",
        tone=tone,
        verdict=f"{done} of {len(lab.parts)} parts are done",
        words=_first_words(lab),
        facts=_facts(lab),
        sections=(
            Section("The seven parts", tables=(_parts(lab),)),
            Section("The app", words=tuple(taken.missing), screens=tuple(taken.screens)),
            _crash(lab),
            *(_route(lab, route) for route in lab.routes),
            *_rest(lab),
            *_hints(lab),
        ),
        product="Festgate lab",
    )


def _first_words(lab: Gathered) -> tuple[str, ...]:
    told = []
    for route in lab.routes:
        if route.comparison is None:
            told.append(f"{route.path} was not compared yet.")
        else:
            words = comparison_in_words(route.comparison.comparison)
            told.append(f"{route.path}: {words[0]}")
    return tuple(told)


def _facts(lab: Gathered) -> tuple[tuple[str, str], ...]:
    """Of each route that was judged, what became of its median."""
    return tuple(
        (f"{route.path}, median", figures.change(effect.change))
        for route in lab.routes
        if route.comparison is not None and (effect := route.comparison.comparison.primary) is not None
    )


def _parts(lab: Gathered) -> Table:
    rows = tuple(
        (
            f"{part.number} {part.title}",
            "done" if part.done else "open",
            " ".join(part.missing) or figures.NOTHING,
        )
        for part in lab.parts
    )
    return Table("What lies in the folder", ("part", "state", "missing"), rows, words=frozenset({0, 1, 2}))


def _crash(lab: Gathered) -> Section:
    crashed = next((look for look in reversed(lab.looks) if look.failed), None)
    quotes = _quotes(lab, "The crash")
    if crashed is None:
        return Section("The crash", words=("No look has seen a page fail.",), quotes=quotes)
    last = lab.looks[-1]
    later = last if last.at > crashed.at else None
    mended = (f"last look, {figures.moment(later.at)}",) if later is not None else ()
    columns = ("page", f"crashed, {figures.moment(crashed.at)}", *mended)
    rows = tuple(
        (page.name, _answer(crashed, place), *([_answer(later, place)] if later is not None else []))
        for place, page in enumerate(crashed.pages)
    )
    caption = "What each page answered, before and after it was mended"
    words = f"{', '.join(crashed.failed)} failed, and all other pages answered."
    return Section(
        "The crash", (words,), tables=(Table(caption, columns, rows, words=frozenset({0})),), quotes=quotes
    )


def _answer(look: Look, place: int) -> str:
    if place >= len(look.pages):
        return figures.NOTHING
    page = look.pages[place]
    return f"{page.status}, {page.milliseconds:,.0f} ms" if page.status else "no answer"


def _route(lab: Gathered, route: Route) -> Section:
    """Before and after, the comparison, and what is written about it."""
    notices: tuple[Notice, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables = [_loads(route)] if route.before or route.after else []
    words: tuple[str, ...] = () if tables else ("It was not loaded by itself yet.",)
    if route.comparison is None:
        words = (*words, f"It was not compared yet: `festgate lab compare {route.name}`.")
    else:
        comparison = route.comparison.comparison
        verdict, tone = VERDICTS[comparison.verdict]
        said = " ".join(comparison_in_words(comparison))
        notices = (Notice(tone, verdict, f"{comparison.pairs} pairs", said),)
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


def _charts(route: Route) -> tuple[Chart, ...]:
    # Altair takes 0.3 s to import, and a lab without a comparison has no use of it.
    from festgate.lab.hints.run_pictures import spread  # noqa: PLC0415
    from festgate.rehearsal.report.comparison_charts import pairs_chart  # noqa: PLC0415

    assert route.comparison is not None  # noqa: S101  (asked by whoever calls)
    found = route.comparison
    drawn = (pairs_chart(found.comparison), spread(Material(found.before, found.after)))
    return tuple(chart for chart in drawn if chart is not None)


def _loads(route: Route) -> Table:
    rows = []
    for what, run in (("before", route.before), ("after", route.after)):
        if run is None:
            rows.append((what, "not loaded", *[figures.NOTHING] * (len(_COLUMNS) - 2)))
        else:
            rows.append((what, *_figures(summarize(run).all), run.name))
    return Table(
        f"{route.path}, loaded before and after",
        _COLUMNS,
        tuple(rows),
        words=frozenset({0, len(_COLUMNS) - 1}),
        note=_LOADED,
    )


def _figures(of: Figures) -> tuple[str, ...]:
    def quantile(name: str) -> str:
        return figures.latency(of.quantiles[name]) + (" ?" if of.few(name) else "")

    return (
        figures.count(of.requests),
        figures.share(of.failed),
        quantile("p50"),
        quantile("p95"),
        figures.latency(of.mean),
        figures.latency(of.slowest),
        figures.rate(of.rate),
    )


def _compared(route: Route) -> Table:
    """Every run of the comparison, as pairs."""
    assert route.comparison is not None  # noqa: S101  (asked by whoever calls)
    found = route.comparison

    def told(runs: Sequence[Run], place: int) -> tuple[str, str]:
        if place >= len(runs):
            return figures.NOTHING, figures.NOTHING
        whole = summarize(runs[place]).all
        return figures.count(whole.requests), figures.latency(whole.quantiles["p50"])

    rows = tuple(
        (f"pair {place + 1}", *told(found.before, place), *told(found.after, place))
        for place in range(max(len(found.before), len(found.after)))
    )
    columns = ("", "requests before", "median before", "requests after", "median after")
    return Table(f"{route.path}, each pair that was played", columns, rows)


def _quotes(lab: Gathered, topic: str) -> tuple[Quote, ...]:
    return tuple(Quote(answer.question, answer.text or _OPEN) for answer in lab.answers_of.get(topic, ()))


def _rest(lab: Gathered) -> list[Section]:
    """The topics of the questions that have no section of their own."""
    shown = {"The crash", *(route.path for route in lab.routes)}
    return [Section(topic, quotes=_quotes(lab, topic)) for topic in lab.answers_of if topic not in shown]


def _hints(lab: Gathered) -> list[Section]:
    """Of each comparison, and of what the answers conclude."""
    found = []
    for route in lab.routes:
        if route.comparison is not None:
            material = Material(route.comparison.before, route.comparison.after, route.runs)
            found += [
                hint_section(route.name, HINTS[each.code], each.figure, material)
                for each in findings_of(route.comparison)
            ]
    if lab.audited is not None:
        found += [_concluded(lab, finding) for finding in lab.audited.findings]
    return found


def _concluded(lab: Gathered, finding: Finding) -> Section:
    audited = lab.audited
    assert audited is not None  # noqa: S101  (asked by whoever calls)
    places = "; ".join(f"{audited.place(spot)}: {spot.figure.rstrip('.')}" for spot in finding.spots)
    material = material_of(lab.routes)
    return hint_section("", HINTS[finding.kind.code], places, material)


def material_of(routes: Sequence[Route]) -> Material | None:
    """For what a report concludes: the loads of the first route that has one before, or one after."""
    for route in routes:
        loads = [run for run in (route.before, route.after) if run is not None]
        if loads:
            return Material(loads[:1], loads[1:], route.runs)
    return None
