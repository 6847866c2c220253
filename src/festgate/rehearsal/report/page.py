"""A report as one HTML file that opens offline: style, charts and the program that draws them are all in it."""

import base64
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from festgate.rehearsal.report.document import Chart, Document, Notice, Quote, Screen, Section, Table
from festgate.rehearsal.report.vega import drawing_program

_PAGE = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{verdict}: {title}</title>
<style>{style}</style>
</head>
<body>
<header><div class="wide"><p class="of">{product}</p><h1>{title}</h1></div></header>
<main class="wide">
<section class="answer {tone}" aria-labelledby="answer"><h2 id="answer">{verdict}</h2>{words}</section>
{facts}
{sections}
</main>
<footer><div class="wide">Written by Festgate. The whole report is this file, and opens offline.</div></footer>
{scripts}
</body>
</html>
""")
_HINT = Markup(
    '<p class="hint pointer">Point at a chart to read its figures; in those over time, drag to move,'
    " turn the wheel with Shift to zoom, double-click to go back.</p>"
)


def page(document: Document) -> str:
    """The whole file."""
    drawn = any(section.charts for section in document.sections)
    scripts = (drawing_program(), _file("report.js")) if drawn else ()
    first = next((place for place, section in enumerate(document.sections) if section.charts), None)
    return str(
        _PAGE.format(
            policy=_policy(scripts, seen=any(section.screens for section in document.sections)),
            product=document.product,
            title=document.title,
            verdict=document.verdict,
            tone=document.tone,
            style=Markup(_file("report.css")),  # noqa: S704  (our own)
            words=_paragraphs(document.words),
            facts=_facts(document),
            sections=_joined(
                _section(section, told=place == first) for place, section in enumerate(document.sections)
            ),
            scripts=_joined(Markup("<script>{}</script>").format(Markup(text)) for text in scripts),  # noqa: S704
        )
    )


def _policy(scripts: tuple[str, ...], *, seen: bool) -> str:
    """Nothing is fetched, and no script runs but ours: a step's name is a stranger's text. Vega makes functions.

    `seen`: there are screens, whose pictures are in the page itself.
    """
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts
    )
    allowed = f"{hashes} 'unsafe-eval'" if scripts else "'none'"
    pictures = "; img-src data:" if seen else ""
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src {allowed}{pictures}"


@cache
def _file(name: str) -> str:
    return (files(__package__ or "") / name).read_text(encoding="utf-8")


def _facts(document: Document) -> Markup:
    if not document.facts:
        return Markup()
    rows = _joined(Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(*fact) for fact in document.facts)
    return Markup('<dl class="facts">{}</dl>').format(rows)


def _section(section: Section, *, told: bool) -> Markup:
    """`told`: how charts are read is said above them, which one section does for all."""
    parts = [Markup("<section><h2>{}</h2>").format(section.heading), _paragraphs(section.words)]
    if section.notices:
        parts.append(Markup('<ul class="notices">{}</ul>').format(_joined(map(_notice, section.notices))))
    if section.screens:
        parts.append(Markup('<div class="screens">{}</div>').format(_joined(map(_screen, section.screens))))
    if told:
        parts.append(_HINT)
    parts += map(_chart, section.charts)
    parts += [Markup('<div class="sheet">{}</div>').format(_table(table)) for table in section.tables]
    parts += map(_quote, section.quotes)
    return _joined([*parts, Markup("</section>")])


def _notice(notice: Notice) -> Markup:
    figure = Markup('<span class="figure">{}</span>').format(notice.figure) if notice.figure else Markup()
    said = [text for text in (notice.meaning, notice.remedy) if text]
    return Markup('<li class="{}"><p class="name"><strong>{}</strong>{}</p>{}</li>').format(
        notice.tone, notice.title, figure, _paragraphs(said)
    )


def _screen(screen: Screen) -> Markup:
    return Markup(
        "<figure><figcaption><h3>{title}</h3><p>{description}</p></figcaption>"
        '<img src="data:image/png;base64,{data}" width="{width}" height="{height}" alt="{title}. {description}">'
        "</figure>"
    ).format(
        title=screen.title,
        description=screen.description,
        data=base64.b64encode(screen.png).decode(),
        width=screen.width,
        height=screen.height,
    )


def _quote(quote: Quote) -> Markup:
    return Markup("<h3>{}</h3><blockquote>{}</blockquote>").format(quote.heading, quote.text)


def _chart(chart: Chart) -> Markup:
    return Markup(
        "<figure><figcaption><h3>{title}</h3><p>{description}</p></figcaption>"
        # Vega gives its own place a role of its own; who listens hears the sentence, and finds the table.
        '<div role="img" aria-label="{title}. {description}"><div class="chart" aria-hidden="true"></div></div>'
        '<script type="application/json">{spec}</script>'
        "<details><summary>The same as a table</summary>{table}</details></figure>"
    ).format(
        title=chart.title, description=chart.description, spec=_data(chart.spec), table=_table(chart.table)
    )


def _data(spec: dict[str, Any]) -> Markup:
    # `<` in a name could end the script that holds it.
    text = json.dumps(spec, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.replace("<", r"\u003c"))  # noqa: S704


def _table(table: Table) -> Markup:
    def cell(place: int, text: str, *, first: bool = False) -> Markup:
        words = Markup(' class="word"') if place in table.words else Markup()
        kind = Markup("<th{} scope=row>{}</th>") if first else Markup("<td{}>{}</td>")
        return kind.format(words, text)

    head = _joined(
        Markup("<th{} scope=col>{}</th>").format(
            Markup(' class="word"') if place in table.words else "", name
        )
        for place, name in enumerate(table.columns)
    )
    body = _joined(
        Markup("<tr>{}</tr>\n").format(
            _joined(cell(place, text, first=place == 0) for place, text in enumerate(row))
        )
        for row in table.rows
    )
    note = Markup('<p class="hint">{}</p>').format(table.note) if table.note else Markup()
    # What scrolls has to be reached by the keyboard, and to say what it is.
    return Markup(
        '<div class="scroll" tabindex="0" role="region" aria-label="Table: {caption}"><table>'
        "<caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{note}"
    ).format(caption=table.caption, head=head, body=body, note=note)


def _paragraphs(texts: Iterable[str]) -> Markup:
    return _joined(Markup("<p>{}</p>").format(_said(text)) for text in texts)


def _said(text: str) -> Markup:
    """What stands between backticks is a command."""
    commands = Markup("<code>{}</code>")
    return _joined(
        commands.format(part) if place % 2 else Markup.escape(part)
        for place, part in enumerate(text.split("`"))
    )


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup().join(parts)
