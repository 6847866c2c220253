"""Write the overview of several submissions: one HTML file that opens offline and sorts by each column."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final
from urllib.parse import quote

from markupsafe import Markup

from festgate.lab.description.starter import Starter
from festgate.lab.grading.agreement import reasons_of
from festgate.lab.grading.grades import TYPED, Grade
from festgate.lab.grading.reports import AuditedReport
from festgate.lab.grading.roster import HEADINGS
from festgate.lab.grading.submissions import file_name
from festgate.lab.grading.table import report_state
from festgate.lab.verify.findings import MEANINGS

TONES: Final = {
    "improved": "good",
    "passed": "good",
    "alike": "good",
    "agrees": "good",
    "unchanged": "warn",
    "not all": "warn",
    "worse": "bad",
    "wrong": "bad",
    "differ": "bad",
    "differs": "bad",
    "not verified": "bad",
}
"""The colour of a word; others are plain."""
ORDER: Final = ("improved", "unchanged", "worse", "wrong", "")
"""The order in which verdicts are sorted; others come after `improved`."""
RESULTS: Final = ("passed", "not all", "not verified")
MAX_CODES: Final = 4
"""Findings or files in a cell of the table; all of them are in the results below it."""
_MAX_OPEN: Final = 5
"""Points of one report that could not be checked."""
_TROUBLES: Final[Mapping[str, str]] = {
    "": "",
    "submission": "no app that runs",
    "other app": "does not descend from the starter",
    "grading": "see the reason below",
}
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
<table class="all"><caption class="unseen">Submissions</caption><thead><tr>{head}</tr></thead><tbody>
{rows}</tbody></table>
</div></div>
<h2>Results</h2>
{details}
</main>
<footer><div class="wide">Written by Festgate. This file opens offline. The forms for screenshots and the texts for
students lie beside it.</div></footer>
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
        "Student",
        "Result",
        "Points",
        *starter.paths.values(),
        "Other pages",
        "Findings",
        "Reports",
        "Same files",
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
    pictures = sum(any(report.pictures for report in grade.reports) for grade in grades)
    if pictures:
        counts.append(("with screenshots to enter", pictures))
    for name, count in counts:
        yield Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(name, count)


def _row(starter: Starter, number: int, grade: Grade) -> Markup:
    results = grade.results
    routes = {} if results is None else {route["route"]: route for route in results["routes"]}
    claims = {agreement.route: agreement for agreement in grade.claims}
    cells = [
        _student(grade),
        _cell(grade.result, str(RESULTS.index(grade.result)), [_TROUBLES[grade.trouble]]),
        _plain(f"{grade.points:g}"),
    ]
    for path in starter.paths.values():
        route = routes.get(path, {"verdict": "", "headline": ""})
        verdict = route["verdict"]
        rank = ORDER.index(verdict) if verdict in ORDER else 0.5
        lines = [route["headline"].removeprefix(verdict).strip(" :by")]
        if claims[path].claims:
            lines.append(f"report: {claims[path].claimed}, {claims[path].agreement}")
        cells.append(_cell(verdict, f"{rank} {lines[0]}", lines))
    others = "" if results is None else ("alike" if results["others_alike"] else "differ")
    cells.append(_cell(others, others))
    cells.append(
        _codes([] if results is None else sorted({finding["code"] for finding in results["findings"]}))
    )
    audited = sorted({finding.code for report in grade.reports for finding in report.findings})
    pictures = sum(report.pictures for report in grade.reports)
    cells.append(_codes(audited, report_state(grade), _screenshots(pictures)))
    # Many submissions delete the same loop, so such a file is only in the results below.
    cells.append(_codes([twin.path for twin in grade.twins if not twin.only_removes]))
    return Markup('<tr><th scope="row" class="word"><a href="#submission-{}">{}</a></th>{}</tr>\n').format(
        number, grade.name, _joined(cells)
    )


def _student(grade: Grade) -> Markup:
    student = grade.student
    below = " ".join(filter(None, (student.number, student.section and f"section {student.section}")))
    unsure = ", ".join(HEADINGS[field] for field in HEADINGS if field in student.unsure)
    return Markup('<td class="word" data-sort="{}">{} {} {}</td>').format(
        student.name.casefold(), student.name or "-", _below(below), _below(unsure and f"unsure: {unsure}")
    )


def _below(line: str) -> Markup:
    """Write a line below the content of a cell; nothing for an empty one."""
    return Markup('<span class="change">{}</span>').format(line) if line else Markup()


def _mark(word: str) -> Markup:
    return Markup('<span class="mark {}">{}</span>').format(TONES.get(word, "plain"), word)


def _cell(word: str, key: str, lines: Sequence[str] = ()) -> Markup:
    below = _joined(map(_below, lines))
    return Markup('<td class="word" data-sort="{}">{}{}</td>').format(
        key, _mark(word) if word else "-", below
    )


def _plain(text: str) -> Markup:
    return Markup('<td class="word narrow">{}</td>').format(text)


def _codes(codes: Sequence[str], without: str = "-", more: str = "") -> Markup:
    if not codes:
        return Markup('<td class="word" data-sort="0">{}{}</td>').format(without, _below(more))
    shown = (
        [*codes[:MAX_CODES], f"and {len(codes) - MAX_CODES} more"] if len(codes) > MAX_CODES + 1 else codes
    )
    listed = _joined(Markup("<li>{}</li>").format(code) for code in shown)
    return Markup('<td class="word" data-sort="{}"><ul class="codes">{}</ul>{}</td>').format(
        len(codes), listed, _below(more)
    )


def _screenshots(count: int) -> str:
    return "" if not count else "1 screenshot to enter" if count == 1 else f"{count} screenshots to enter"


def _details(number: int, grade: Grade) -> Markup:
    """Write all results of a submission in words."""
    parts = [_author(grade), *(_paragraph("", note) for note in _notes(grade))]
    if any(agreement.claims for agreement in grade.claims):
        parts.append(_side_by_side(grade))
    parts += [
        _paragraph("claim of no route", f"{claim.shown}: {claim.text}")
        for report in grade.reports
        for claim in report.claims
        if not claim.route
    ]
    if grade.results is not None:
        parts += [
            _paragraph(route["route"], f"{route['headline']}. {' '.join(reasons_of(route))}")
            for route in grade.results["routes"]
        ]
        parts += [_paragraph(finding["code"], _finding(finding)) for finding in grade.results["findings"]]
    for report in grade.reports:
        parts += _report(grade, report)
    parts += [_paragraph("same file", twin.sentence) for twin in grade.twins]
    parts += [_score(grade), _links(grade)]
    return Markup('<section class="sheet" id="submission-{}"><h3>{} {}</h3>{}</section>').format(
        number, grade.name, _mark(grade.result), _joined(parts)
    )


def _author(grade: Grade) -> Markup:
    fields = [
        f"{heading} {text}" + (" (unsure)" if field in grade.student.unsure else "")
        for field, heading in HEADINGS.items()
        if (text := getattr(grade.student, field))
    ]
    return _paragraph("student", f"{', '.join(fields) or 'unknown'}. Correct it in students.csv.")


def _finding(finding: Mapping[str, Any]) -> str:
    meaning = MEANINGS.get(finding["code"], finding.get("meaning", ""))
    return f"{meaning} {finding['figure']}"


def _side_by_side(grade: Grade) -> Markup:
    rows = _joined(
        Markup(
            '<tr><th scope="row" class="word">{}</th><td class="word">{}</td><td class="word">{}</td>'
            '<td class="word">{}</td></tr>'
        ).format(
            agreement.route,
            agreement.claimed or "nothing",
            agreement.verified or "not verified",
            _mark(agreement.agreement),
        )
        for agreement in grade.claims
    )
    return Markup(
        '<div class="scroll" tabindex="0" role="region" aria-label="Report and verification of {0}"><table>'
        "<caption>Report and verification</caption><thead><tr>"
        '<th scope="col" class="word">Route</th><th scope="col" class="word">The report claims</th>'
        '<th scope="col" class="word">The verification shows</th><th scope="col" class="word">Together</th>'
        "</tr></thead><tbody>{1}</tbody></table></div>"
    ).format(grade.name, rows)


def _report(grade: Grade, report: AuditedReport) -> Iterator[Markup]:
    text = ", ".join(finding.title for finding in report.findings) or report.problem or report.state
    yield _paragraph(report.name, text)
    if report.state in {"not checked", "findings"}:
        # A link to the form replaces the command that an audit outside of grading shows.
        points = [point for point in report.open if not (report.form and " --enter " in point)]
        yield from (_paragraph("", point) for point in points[:_MAX_OPEN])
    if report.form:
        count = (
            "1 screenshot: enter its"
            if report.pictures == 1
            else f"{report.pictures} screenshots: enter these"
        )
        label = f"{count} numbers" if report.pictures else "Change the entered numbers"
        yield Markup(
            '<p class="note"><a class="form" href="{}">{}</a> Save the file that the form makes as'
            " <code>{}</code> in the folder of the grades, and run the same command again.</p>"
        ).format(quote(report.form), label, f"{TYPED}/{file_name(grade.name)}/{report.name}.tables.md")


def _score(grade: Grade) -> Markup:
    rows = _joined(
        Markup('<tr><th scope="row" class="word">{}</th><td>{}</td><td>{}</td></tr>').format(
            part.title, f"{part.points:g}", f"{part.maximum:g}"
        )
        for part in grade.score.parts
        if part.maximum
    )
    return Markup(
        '<table class="points"><caption>Points</caption><thead><tr><th scope="col" class="word">Part</th>'
        '<th scope="col">Points</th><th scope="col">of</th></tr></thead><tbody>{}</tbody></table>'
    ).format(rows)


def _links(grade: Grade) -> Markup:
    return Markup('<p class="note"><a href="{}">The text for the student</a></p>').format(
        quote(f"feedback/{file_name(grade.name)}.md")
    )


def _notes(grade: Grade) -> Iterator[str]:
    if grade.problem:
        yield grade.problem
    if grade.same_as:
        yield f"Its content is the same as that of {grade.same_as}."
    if grade.reading.missing:
        answered, of = grade.reading.answered
        yield f"{answered} of {of} questions of the report are answered."
    if grade.results is not None:
        yield from grade.results["notes"]


def _paragraph(subject: str, text: str) -> Markup:
    head = Markup("<strong>{}</strong> ").format(subject) if subject else Markup()
    return Markup('<p class="note">{}{}</p>').format(head, text)


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup().join(parts)


def _file(package: str, name: str) -> str:
    return (files(package) / name).read_text(encoding="utf-8")
