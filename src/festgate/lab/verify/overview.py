"""The overview of many submissions: one HTML file that opens offline, and sorts by each of its columns."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from typing import Final

from markupsafe import Markup

from festgate.lab.student.folder import ROUTES
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
"""In which verdicts are sorted."""
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
<p class="hint">Press a heading to sort by it. A name leads to what was found, and from what.</p>
<p class="unseen" id="sorted" role="status"></p>
<div class="sheet"><div class="scroll" tabindex="0" role="region" aria-label="Submissions">
<table><caption class="unseen">Submissions</caption><thead><tr>{head}</tr></thead><tbody>
{rows}</tbody></table>
</div></div>
<h2>What was found</h2>
{details}
</main>
<footer><div class="wide">Written by Festgate. This file is the whole overview, and opens offline.</div></footer>
<script>{script}</script>
</body>
</html>
""")


def overview(title: str, graded: Sequence[Grade]) -> str:
    """The whole file."""
    script = _file(__package__ or "", "overview.js")
    mark = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    style = _file("festgate.rehearsal.report", "report.css") + _file(__package__ or "", "overview.css")
    headings = ("Submission", "Result", "Points", *ROUTES.values(), "Other pages", "Found", "Reports")
    return str(
        _PAGE.format(
            hash=f"sha256-{mark}",
            title=title,
            style=Markup(style),  # noqa: S704  (our own)
            script=Markup(script),  # noqa: S704
            facts=_joined(_facts(graded)),
            head=_joined(
                Markup('<th scope="col" class="word"><button type="button">{}</button></th>').format(each)
                for each in headings
            ),
            rows=_joined(_row(number, each) for number, each in enumerate(graded)),
            details=_joined(_details(number, each) for number, each in enumerate(graded)),
        )
    )


def _facts(graded: Sequence[Grade]) -> Iterator[Markup]:
    counts = [("submissions", len(graded))]
    counts += [(result, sum(each.result == result for each in graded)) for result in RESULTS]
    counts.append(("with reports", sum(bool(each.reports) for each in graded)))
    for name, count in counts:
        yield Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(name, count)


def _row(number: int, graded: Grade) -> Markup:
    told = graded.told
    routes = {} if told is None else {each["route"]: each for each in told["routes"]}
    cells = [_cell(graded.result, str(RESULTS.index(graded.result))), _plain(f"{graded.points:g}")]
    for route in ROUTES.values():
        found = routes.get(route, {"verdict": "", "headline": ""})
        rank = ORDER.index(found["verdict"])
        change = found["headline"].removeprefix(found["verdict"]).strip(" :by")
        cells.append(_cell(found["verdict"], f"{rank} {change}", change))
    others = "" if told is None else ("alike" if told["others_alike"] else "differ")
    cells.append(_cell(others, others))
    codes = [] if told is None else sorted({each["code"] for each in told["findings"]})
    cells.append(_codes(codes))
    cells.append(
        _codes(sorted({code for each in graded.reports for code, _ in each.findings}), _reported(graded))
    )
    return Markup('<tr><th scope="row" class="word"><a href="#submission-{}">{}</a></th>{}</tr>\n').format(
        number, graded.name, _joined(cells)
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


def _codes(codes: Sequence[str], nothing: str = "-") -> Markup:
    if not codes:
        return Markup('<td class="word" data-sort="0">{}</td>').format(nothing)
    listed = _joined(Markup("<li>{}</li>").format(each) for each in codes)
    return Markup('<td class="word" data-sort="{}"><ul class="codes">{}</ul></td>').format(len(codes), listed)


def _reported(graded: Grade) -> str:
    if not graded.reports:
        return "none"
    return "not readable" if all(each.problem for each in graded.reports) else "nothing found"


def _details(number: int, graded: Grade) -> Markup:
    """All of one submission, in words."""
    parts = [_said("", each) for each in _of_the_whole(graded)]
    if graded.told is not None:
        parts += [
            _said(each["route"], f"{each['headline']}. {' '.join(each['said'])}")
            for each in graded.told["routes"]
        ]
        parts += [
            _said(each["code"], f"{MEANINGS[each['code']]} {each['figure']}")
            for each in graded.told["findings"]
        ]
    for report in graded.reports:
        found = ", ".join(title for _, title in report.findings) or report.problem or "nothing found"
        parts.append(_said(report.name, found))
    return Markup(
        '<section class="sheet" id="submission-{}"><h3>{} <span class="mark {}">{}</span></h3>{}</section>'
    ).format(number, graded.name, TONES[graded.result], graded.result, _joined(parts))


def _of_the_whole(graded: Grade) -> Iterator[str]:
    if graded.problem:
        yield graded.problem
    if graded.same_as:
        yield f"The very same was handed in as {graded.same_as}."
    if graded.told is not None:
        yield from graded.told["notes"]


def _said(of: str, text: str) -> Markup:
    head = Markup("<strong>{}</strong> ").format(of) if of else Markup()
    return Markup('<p class="said">{}{}</p>').format(head, text)


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup().join(parts)


def _file(package: str, name: str) -> str:
    return (files(package) / name).read_text(encoding="utf-8")
