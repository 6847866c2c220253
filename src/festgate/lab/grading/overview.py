"""Write the overview of several submissions: one HTML file that opens offline and sorts by each column."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from typing import Final

from markupsafe import Markup

from festgate.lab.description.starter import Starter
from festgate.lab.verify.findings import MEANINGS
from festgate.lab.verify.grades import Grade

TONES: Final = {
    "improved": "good",
    "passed": "good",
    "alike": "good",
    "unchanged": "warn",
    "not all": "warn",
    "worse": "bad",
    "wrong": "bad",
    "differ": "bad",
    "not verified": "bad",
}
ORDER: Final = ("improved", "unchanged", "worse", "wrong", "")
"""The order in which verdicts are sorted."""
RESULTS: Final = ("passed", "not all", "not verified")
_PAGE: Final = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src '{hash}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header><div class="wide"><p class="of">Festgate lab</p><h1>{title}</h1></div></header>
<main class="wide">
<dl class="facts">{facts}</dl>
<h2>Submissions</h2>
<p class="hint">Select a heading to sort. A name links to the results and their evidence.</p>
<p class="unseen" id="sorted" role="status"></p>
<div class="sheet"><div class="scroll" tabindex="0" role="region" aria-label="Submissions">
<table><caption class="unseen">Submissions</caption><thead><tr>{head}</tr></thead><tbody>
{rows}</tbody></table>
</div></div>
<h2>Results</h2>
{details}
</main>
<footer><div class="wide">Written by Festgate. This file is complete and opens offline.</div></footer>
<script>{script}</script>
</body>
</html>
""")


def overview(starter: Starter, title: str, grades: Sequence[Grade]) -> str:
    """Return the HTML file."""
    script = _file(__package__ or "", "overview.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    style = _file("festgate.rehearsal.report", "report.css") + _file(__package__ or "", "overview.css")
    headings = (
        "Submission",
        "Result",
        "Points",
        *starter.paths.values(),
        "Other pages",
        "Findings",
        "Reports",
    )
    return str(
        _PAGE.format(
            hash=f"sha256-{digest}",
            title=title,
            style=Markup(style),  # noqa: S704  (from this package)
            script=Markup(script),  # noqa: S704
            facts=_joined(_facts(grades)),
            head=_joined(
                Markup('<th scope="col" class="word"><button type="button">{}</button></th>').format(heading)
                for heading in headings
            ),
            rows=_joined(_row(starter, number, grade) for number, grade in enumerate(grades)),
            details=_joined(_details(number, grade) for number, grade in enumerate(grades)),
        )
    )


def _facts(grades: Sequence[Grade]) -> Iterator[Markup]:
    counts = [("submissions", len(grades))]
    counts += [(result, sum(grade.result == result for grade in grades)) for result in RESULTS]
    counts.append(("with reports", sum(bool(grade.reports) for grade in grades)))
    for name, count in counts:
        yield Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(name, count)


def _row(starter: Starter, number: int, grade: Grade) -> Markup:
    results = grade.results
    routes = {} if results is None else {route["route"]: route for route in results["routes"]}
    cells = [_cell(grade.result, str(RESULTS.index(grade.result))), _plain(f"{grade.points:g}")]
    for path in starter.paths.values():
        route = routes.get(path, {"verdict": "", "headline": ""})
        rank = ORDER.index(route["verdict"])
        change = route["headline"].removeprefix(route["verdict"]).strip(" :by")
        cells.append(_cell(route["verdict"], f"{rank} {change}", change))
    others = "" if results is None else ("alike" if results["others_alike"] else "differ")
    cells.append(_cell(others, others))
    cells.append(
        _codes([] if results is None else sorted({finding["code"] for finding in results["findings"]}))
    )
    audited = sorted({code for report in grade.reports for code, _ in report.findings})
    cells.append(_codes(audited, _without_findings(grade)))
    return Markup('<tr><th scope="row" class="word"><a href="#submission-{}">{}</a></th>{}</tr>\n').format(
        number, grade.name, _joined(cells)
    )


def _cell(word: str, key: str, change: str = "") -> Markup:
    if not word:
        return Markup('<td class="word" data-sort="{}">-</td>').format(key)
    below = Markup('<span class="change">{}</span>').format(change) if change else Markup()
    return Markup('<td class="word" data-sort="{}"><span class="mark {}">{}</span>{}</td>').format(
        key, TONES[word], word, below
    )


def _plain(text: str) -> Markup:
    return Markup('<td class="word">{}</td>').format(text)


def _codes(codes: Sequence[str], without: str = "-") -> Markup:
    if not codes:
        return Markup('<td class="word" data-sort="0">{}</td>').format(without)
    listed = _joined(Markup("<li>{}</li>").format(code) for code in codes)
    return Markup('<td class="word" data-sort="{}"><ul class="codes">{}</ul></td>').format(len(codes), listed)


def _without_findings(grade: Grade) -> str:
    if not grade.reports:
        return "none"
    return "not readable" if all(report.problem for report in grade.reports) else "no findings"


def _details(number: int, grade: Grade) -> Markup:
    """Write all results of a submission in words."""
    parts = [_paragraph("", note) for note in _notes(grade)]
    if grade.results is not None:
        parts += [
            _paragraph(route["route"], f"{route['headline']}. {' '.join(route['said'])}")
            for route in grade.results["routes"]
        ]
        parts += [
            _paragraph(finding["code"], f"{MEANINGS[finding['code']]} {finding['figure']}")
            for finding in grade.results["findings"]
        ]
    for report in grade.reports:
        text = ", ".join(title for _, title in report.findings) or report.problem or "no findings"
        parts.append(_paragraph(report.name, text))
    return Markup(
        '<section class="sheet" id="submission-{}"><h3>{} <span class="mark {}">{}</span></h3>{}</section>'
    ).format(number, grade.name, TONES[grade.result], grade.result, _joined(parts))


def _notes(grade: Grade) -> Iterator[str]:
    if grade.problem:
        yield grade.problem
    if grade.same_as:
        yield f"Its content is the same as that of {grade.same_as}."
    if grade.results is not None:
        yield from grade.results["notes"]


def _paragraph(subject: str, text: str) -> Markup:
    head = Markup("<strong>{}</strong> ").format(subject) if subject else Markup()
    return Markup('<p class="note">{}{}</p>').format(head, text)


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup().join(parts)


def _file(package: str, name: str) -> str:
    return (files(package) / name).read_text(encoding="utf-8")
