"""A report as text for a terminal or a log, and as Markdown for a pull request: without charts."""

from io import StringIO
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from festgate.rehearsal.report.document import Document, Notice, Table, Tone

WIDTH: Final = 140
"""Columns of a table, unless its figures need more; the widest table, the metrics of a comparison, fits."""
UNLIMITED: Final = 10_000
"""Columns of a file or pipe, in which nothing may be cut off."""
_LINE: Final = 100
"""Columns of a sentence, for comfortable reading."""
_NAME: Final = 34
"""Columns of a name that is not wrapped; the names of steps differ at their ends."""
_STYLES: Final[dict[Tone, str]] = {"good": "green", "bad": "bold red", "warn": "yellow", "plain": "cyan"}
_MARKS: Final[dict[Tone, str]] = {"good": "+", "bad": "x", "warn": "!", "plain": "-"}
_MAX_ROWS: Final = 60
"""Rows of a table in Markdown or text; report.html and the JSON contain all rows."""


def show(document: Document, console: Console) -> None:
    """Print the report, in colour if the console supports it."""

    def write(sentence: str, style: str = "") -> None:
        console.print(Text(shown(sentence), style=style), width=min(_LINE, console.width))

    write(document.title, "bold")
    write(document.verdict, _STYLES[document.tone])
    for sentence in document.words:
        write(sentence)
    for section in document.sections:
        if not (section.words or section.notices or section.tables):
            continue
        console.print()
        write(section.heading, "bold")
        for sentence in section.words:
            write(sentence)
        for notice in section.notices:
            _show_notice(notice, console)
        for table in section.tables:
            console.print(_rich_table(table), width=min(console.width, max(WIDTH, _min_width(table))))
            for note in _notes(table):
                write(note, "dim")


def text(document: Document) -> str:
    """Return the report without colours; it ends with a newline."""
    written = StringIO()
    console = Console(
        file=written, width=UNLIMITED, color_system=None, force_terminal=False, legacy_windows=False
    )
    show(document, console)
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines()) + "\n"


def markdown(document: Document) -> str:
    """Return the report as GitHub Markdown that ends with a newline; names and figures are escaped."""
    parts = [f"# {_plain(document.title)}", f"**{_plain(document.verdict)}.**"]
    parts += [_plain(sentence) for sentence in document.words]
    for section in document.sections:
        if not (section.words or section.notices or section.tables):
            continue
        parts.append(f"## {_plain(section.heading)}")
        parts += [_plain(sentence) for sentence in section.words]
        if section.notices:
            parts.append("\n".join(_notice_line(notice) for notice in section.notices))
        for table in section.tables:
            parts += [f"**{_plain(table.caption)}**", _markdown_table(table)]
            parts += map(_plain, _notes(table))
    return "\n\n".join(parts) + "\n"


def shown(text: str) -> str:
    """Return the text with control characters in their Python notation: a name must not control a terminal."""
    return "".join(
        character
        if character.isprintable() or character in "\n\t\N{NO-BREAK SPACE}"
        else character.encode("unicode_escape").decode()
        for character in text
    )


def _show_notice(notice: Notice, console: Console) -> None:
    line = Text.assemble((f"{_MARKS[notice.tone]} ", _STYLES[notice.tone]), (shown(notice.title), "bold"))
    if notice.figure:
        line.append(f": {shown(notice.figure)}")
    console.print(line, width=min(_LINE, console.width))
    rest = " ".join(part for part in (notice.meaning, notice.remedy) if part)
    if rest:
        console.print(Padding(Text(shown(rest)), (0, 0, 0, 2)), width=min(_LINE, console.width))


def _rich_table(table: Table) -> RichTable:
    drawn = RichTable(
        title=Text(shown(table.caption)),
        title_justify="left",
        title_style="",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for place, name in enumerate(table.columns):
        words = place in table.words
        drawn.add_column(
            Text(shown(name)),
            justify="left" if words else "right",
            overflow="fold",
            no_wrap=not words or _longest(table, place) <= _NAME,
        )
    for row in table.rows[:_MAX_ROWS]:
        drawn.add_row(*(Text(shown(cell)) for cell in row))
    return drawn


def _longest(table: Table, place: int) -> int:
    return max((cell_len(shown(row[place])) for row in table.rows[:_MAX_ROWS]), default=0)


def _min_width(table: Table) -> int:
    """Return the width at which no cell is cut off; long words wrap."""
    widths = (max(cell_len(shown(name)), _longest(table, place)) for place, name in enumerate(table.columns))
    return sum(
        (min(width, _NAME) if place in table.words else width) + 2 for place, width in enumerate(widths)
    )


def _notes(table: Table) -> tuple[str, ...]:
    missing = len(table.rows) - _MAX_ROWS
    cut = f"{missing:,} more rows are in the HTML report and in the JSON." if missing > 0 else ""
    return tuple(note for note in (table.note, cut) if note)


def _notice_line(notice: Notice) -> str:
    figure = f": {_plain(notice.figure)}" if notice.figure else ""
    rest = "".join(f" {_plain(part)}" for part in (notice.meaning, notice.remedy) if part)
    return f"- **{_plain(notice.title)}**{figure}{'.' if rest else ''}{rest}"


def _markdown_table(table: Table) -> str:
    def row(cells: tuple[str, ...]) -> str:
        return f"| {' | '.join(_plain(cell) for cell in cells)} |"

    rule = "|".join(":---" if place in table.words else "---:" for place in range(len(table.columns)))
    return "\n".join([row(table.columns), f"|{rule}|", *(row(cells) for cells in table.rows[:_MAX_ROWS])])


def _plain(text: str) -> str:
    """Escape all markup except that of commands: a step may be named `/a_b_c/<slug>`."""
    parts = shown(text).split("`")
    # A backtick without a second one begins no command.
    if len(parts) % 2 == 0:
        parts[-2:] = [f"{parts[-2]}`{parts[-1]}"]
    for place in range(len(parts)):
        for character in "|" if place % 2 else "\\`*_{}[]<>|#":
            parts[place] = parts[place].replace(character, f"\\{character}")
    return " ".join("`".join(parts).split())
