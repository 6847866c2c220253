"""Writes the form in which a person types the numbers of a report's screenshots.

The form is one HTML file: it opens offline, on a computer or a phone, and sends nothing anywhere. It makes a text file,
REPORT.tables.md, which `festgate lab audit` reads if it lies beside the report.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Final

from markupsafe import Markup

from festgate.lab.audit.documents import TABLES
from festgate.lab.audit.pictures import Picture
from festgate.lab.audit.words import Side, side_of
from festgate.lab.description.starter import BUILT_IN
from festgate.rehearsal.locust_output import NotLocust, Row, Table
from festgate.rehearsal.locust_output.columns import WEB_COLUMNS
from festgate.rehearsal.locust_output.console import read_text
from festgate.rehearsal.locust_output.model import TOTAL

MAX_SHOWN_BYTES: Final = 48 * 2**20
"""Bytes of all pictures in one form; pictures after that are only named."""
SIDES: Final[tuple[tuple[Side | None, str], ...]] = (
    (None, "No table"),
    ("before", "Before"),
    ("after", "After"),
)
ROUTES: Final = tuple(BUILT_IN.paths.values())
"""The names that the form suggests unless the caller gives others."""
_USERS: Final = re.compile(r"^Users: (\d{1,6})$", re.MULTILINE)
_PAGE: Final = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:;\
 script-src '{hash}'; form-action 'none'; base-uri 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Numbers of {report}</title>
<style>{style}</style>
</head>
<body>
<header><div class="wide"><p class="of">Festgate lab</p><h1>Numbers of {report}</h1></div></header>
<main class="wide">
{form}
</main>
<footer><div class="wide">Written by Festgate. This file is complete, opens offline and sends nothing.</div></footer>
<script>{script}</script>
</body>
</html>
""")
_FORM: Final = Markup("""<form class="entry" data-file="{file}" data-report="{report}" autocomplete="off" novalidate>
<p class="entry-lead">{lead} Choose before or after for each that shows a table of Locust, and type its numbers.
 Keep the file that this makes beside the report, and run <code>festgate lab audit</code> again.</p>
<div class="entry-options">
<label>Users at once <input name="users" inputmode="numeric" value="{users}" placeholder="if known"></label>
<label>The pictures show <select name="source">{sources}</select></label>
</div>
{shots}
<p><button type="button" class="entry-more" data-do="table">Add a table without a picture</button></p>
<div class="entry-end">
<p class="entry-state" role="status"></p>
<p class="entry-buttons"><button type="submit" class="entry-main">Download {file}</button>
<button type="button" data-do="copy">Copy its text</button></p>
</div>
<template data-part="shot">{blank}</template>
<template data-part="row">{row}</template>
<datalist id="entry-names">{names}</datalist>
<noscript><p>This form needs JavaScript to make the file.</p></noscript>
</form>
""")
_SHOT: Final = Markup("""<fieldset class="entry-shot" data-name="{name}">
<legend>{legend}</legend>
{figure}<div class="entry-fields">
<div class="entry-sides" role="radiogroup" aria-label="Side of {name}">{sides}</div>
<div class="entry-rows" {hidden}>
<div class="entry-list">{rows}</div>
<p class="entry-buttons"><button type="button" data-do="row">Add a row</button>
<button type="button" data-do="total">Add the row Aggregated</button></p>
</div>
</div>
</fieldset>
""")
_ROW: Final = Markup("""<fieldset class="entry-row"><legend>Row</legend>
<label class="entry-type">Type <input name="type" value="{method}"></label>
<label class="entry-name">Name <input name="name" list="entry-names" value="{name}" placeholder="/events"></label>
{cells}<p class="entry-problem" role="alert"></p>
<button type="button" class="entry-remove" data-do="remove">Remove the row</button>
</fieldset>
""")
_SOURCES: Final = (("web", "Locust's web page"), ("console", "a terminal"))


@dataclass(frozen=True, slots=True)
class _Entered:
    """Tables that were typed before."""

    tables: tuple[Table, ...] = ()
    users: str = ""
    source: str = "web"


def entry_page(
    report: str, pictures: Sequence[Picture], entered: str = "", routes: Sequence[str] = ROUTES
) -> str:
    """Return the form as a complete HTML file."""
    script = _file(__package__ or "", "entry_form.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    style = _file("festgate.rehearsal.report", "report.css") + _file(__package__ or "", "entry_form.css")
    return str(
        _PAGE.format(
            hash=f"sha256-{digest}",
            report=report,
            style=Markup(style),  # noqa: S704  (from this package)
            form=entry_form(report, pictures, entered, routes),
            script=Markup(script),  # noqa: S704
        )
    )


def entry_form(
    report: str, pictures: Sequence[Picture], entered: str = "", routes: Sequence[str] = ROUTES
) -> Markup:
    """Return the form alone; a page with the style and the script of `entry_page` can have several.

    `report` is the name of the file, `entered` the text that the form made before, and `routes` are suggested as names.
    """
    before = _read(entered)
    # The heading of a table names its picture: `Before: page 2, picture 1`.
    by_name = {table.heading.partition(": ")[2]: table for table in before.tables}
    room = MAX_SHOWN_BYTES
    shots = []
    for number, picture in enumerate(pictures, 1):
        media, content = picture.shown()
        if len(content) > room:
            media, content = "", b""
        room -= len(content)
        legend = f"Picture {number} of {len(pictures)}: {picture.name}"
        figure = _figure(picture, media, content)
        shots.append(_shot(picture.name, legend, figure, by_name.pop(picture.name, None)))
    shots += [_shot(name, name or "Table", Markup(), table) for name, table in by_name.items()]
    count = len(pictures)
    lead = {0: "The report has no picture.", 1: "The report has 1 picture."}
    return _FORM.format(
        file=report + TABLES,
        report=report,
        lead=lead.get(count, f"The report has {count} pictures."),
        users=before.users,
        sources=_joined(
            Markup("<option value={}{}>{}</option>").format(
                value, Markup(" selected") if value == before.source else "", label
            )
            for value, label in _SOURCES
        ),
        shots=_joined(shots),
        blank=_shot("", "Table", Markup(), None),
        row=_row(None),
        names=_joined(Markup('<option value="{}"></option>').format(name) for name in (*routes, TOTAL)),
    )


def _read(entered: str) -> _Entered:
    """Read the text that the form made before; a text of another kind is left out."""
    try:
        tables = read_text("", entered).tables
    except NotLocust:
        return _Entered()
    users = _USERS.search(entered)
    # Only Locust's terminal has the rate of the whole run.
    source = "web" if any(table.rates == "moment" for table in tables) else "console"
    return _Entered(tables, users[1] if users else "", source)


def _figure(picture: Picture, media: str, content: bytes) -> Markup:
    if not content:
        return Markup('<p class="entry-absent">It cannot be shown here: open it beside this form.</p>')
    address = f"data:{media};base64,{base64.b64encode(content).decode()}"
    # Some screenshots are much wider than a phone.
    return Markup(
        '<figure><div class="scroll" tabindex="0" role="region" aria-label="{}"><img src="{}" alt="Picture"></div>'
        '<figcaption><button type="button" data-do="zoom" aria-pressed="false">Full size</button></figcaption></figure>'
    ).format(picture.name, address)


def _shot(name: str, legend: str, figure: Markup, table: Table | None) -> Markup:
    side = side_of(table.heading) if table is not None else None
    rows: list[Row] = []
    if table is not None:
        rows = list(table.rows)
        if table.total is not None and (len(rows) != 1 or not _is_same(rows[0], table.total)):
            rows.append(table.total)
    return _SHOT.format(
        name=name,
        legend=legend,
        figure=figure,
        sides=_joined(
            Markup('<label><input type="radio" value="{}"{}> {}</label>').format(
                value or "", Markup(" checked") if value == side else "", label
            )
            for value, label in SIDES
        ),
        hidden=Markup("hidden") if side is None else "",
        rows=_joined(map(_row, rows)) or _row(None),
    )


def _is_same(row: Row, total: Row) -> bool:
    """Return whether the row of all requests only repeats the one row above it."""
    return replace(total, line=row.line, method=row.method, name=row.name) == row


def _row(row: Row | None) -> Markup:
    return _ROW.format(
        method="GET" if row is None else row.method,
        name="" if row is None else row.name,
        cells=_joined(
            Markup('<label>{} <input data-column="{}" inputmode="decimal" value="{}"></label>').format(
                column, column, value
            )
            for column, value in zip(WEB_COLUMNS, _cells(row), strict=True)
        ),
    )


def _cells(row: Row | None) -> list[str]:
    values = (None if row is None else value(row) for value in WEB_COLUMNS.values())
    return ["" if value is None else f"{value:.12g}" for value in values]


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup().join(parts)


def _file(package: str, name: str) -> str:
    return (files(package) / name).read_text(encoding="utf-8")
