"""One table in lines of text: its heading, and its rows, also where a terminal broke them in two."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Final, Literal

from festgate.rehearsal.locust_output.columns import (
    Column,
    NotANumber,
    columns_of,
    has_percentiles,
    has_requests,
    row_of,
    row_pattern,
)
from festgate.rehearsal.locust_output.lines import Line
from festgate.rehearsal.locust_output.model import TOTAL, Row

Style = Literal["spaces", "tabs", "bars"]
_MAX_PIECES: Final = 3
"""Lines on which one of 160 columns lies, in a window of 80 that also indents."""
_MAX_STRANGE: Final = 3
"""Lines in a row that are no rows, after which the table is over."""
_INDENT: Final = 4
"""Columns from which on a row has no method: Locust gives the method nine."""
_RULE: Final = re.compile(r"[\s|+=:_\u2010-\u2015\u2212\u2500\u2501\u2550-]*")
_FRAGMENT: Final = re.compile(r"[\d.,%()|\s]*\d[\d.,%()|\s]*")
_METHOD: Final = re.compile(r"\s*(?:[A-Z]{2,10}\s+\S|" + TOTAL + r"\s)")
_FIRST: Final = re.compile(r"[\s|*`]*(?:Type|Method|Name)", re.IGNORECASE)
"""How a heading begins, which is quickly seen: there are tables of 80,000 rows, each of which could be a heading."""
_FENCE: Final = re.compile(r"\s*(`)``| {0,3}(~)~~(?!~*\^)")
"""Python underlines in a traceback with the same sign, further in or with a ^ behind."""
_TITLE: Final = re.compile(r"\s*#{1,6}\s")
_PART: Final = re.compile(r"\s*(?:Response time percentiles|Error report)", re.IGNORECASE)


@dataclass
class Grid:
    """A table as it stands in a text."""

    line: int
    columns: tuple[Column, ...]
    rows: list[Row] = field(default_factory=list)
    total: Row | None = None
    problems: list[tuple[int, str]] = field(default_factory=list)
    """(line, sentence)."""
    end: int = 0
    """The place, from 0, of the first line behind it."""


def is_rule(text: str) -> bool:
    """Whether the line only divides, or is blank."""
    return _RULE.fullmatch(text) is not None


def is_title(text: str) -> bool:
    """Whether it is a title of Markdown, or a fence."""
    return _TITLE.match(text) is not None or bool(fence_of(text))


def fence_of(text: str) -> str:
    """The sign of the fence around a block of Markdown that the line is, empty where it is none."""
    found = _FENCE.match(text)
    return (found[1] or found[2]) if found is not None else ""


def grid_at(lines: Sequence[Line], place: int) -> Grid | None:
    """The table whose heading begins at that place, from 0; None where none does."""
    found = _heading(lines, place)
    if found is None:
        return None
    columns, taken, style = found
    grid = Grid(lines[place].number, columns)
    reader = _Spaced(columns, lines, place) if style == "spaces" else _Celled(columns, style)
    strange: list[tuple[int, str]] = []
    here = place + taken
    while here < len(lines) and grid.total is None and len(strange) < _MAX_STRANGE:
        text = lines[here].text
        if lines[here].logged or is_rule(text):
            here += 1
            continue
        if is_title(text) or _PART.match(text) or _heading(lines, here) is not None:
            break
        try:
            row, count = reader.row(lines, here)
        except NotANumber as error:
            strange.append((lines[here].number, f"{error}."))
            here += 1
            continue
        grid.problems += strange
        strange = []
        if row.key == ("", TOTAL):
            grid.total = row
        else:
            grid.rows.append(row)
        here += count
    grid.end = here
    if grid.total is None and not (has_percentiles(columns) and not grid.rows and not strange):
        # A run without requests has no percentiles, not even of all.
        last = grid.rows[-1].line if grid.rows else grid.line
        reason = f" The next line is not one of its rows: {strange[0][1]}" if strange else ""
        cut = f"the table that begins at line {grid.line} ends without its row {TOTAL}, so it may be cut off."
        grid.problems.append((last, cut + reason))
        # What follows it may be the heading of another one, broken in two.
        grid.end = here - len(strange)
    return grid


def _heading(lines: Sequence[Line], place: int) -> tuple[tuple[Column, ...], int, Style] | None:
    if _FIRST.match(lines[place].text) is None:
        return None
    # The most lines first: what a broken heading begins with can look like a whole one.
    for count in range(min(_MAX_PIECES, len(lines) - place), 0, -1):
        texts = [line.text for line in lines[place : place + count]]
        if any(fence_of(text) for text in texts) or is_rule(texts[0]) or is_rule(texts[-1]):
            continue
        text = " ".join(texts)
        columns = columns_of("".join(_unmarked(text)))
        if has_requests(columns) or has_percentiles(columns):
            between = len(columns) - 1
            style: Style = (
                "tabs" if text.count("\t") >= between else "bars" if text.count("|") >= between else "spaces"
            )
            return columns, count, style
    return None


def _unmarked(text: str) -> str:
    """Without the marks that make Markdown bold or fixed, and without what escapes a sign."""
    return re.sub(r"\*\*|`|\\(?=[\\|#*_<>-])", "", text)


class _Celled:
    """Reads rows whose cells are divided by tabs or bars."""

    def __init__(self, columns: tuple[Column, ...], style: Style) -> None:
        self._columns = columns
        self._style = style

    def row(self, lines: Sequence[Line], place: int) -> tuple[Row, int]:
        """The row of that line. Raises NotANumber."""
        line = lines[place]
        cells = self._cells(line.text)
        if len(cells) == len(self._columns) - 1 and cells[0].strip() == TOTAL:
            # The first cell, which is empty, was lost with the blanks before the text.
            cells = ["", *cells]
        return row_of(self._columns, cells, line.number), 1

    def _cells(self, text: str) -> list[str]:
        if self._style == "tabs":
            return text.split("\t")
        inner = text.strip().removeprefix("|")
        inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
        return [_unmarked(cell).strip() for cell in re.split(r"(?<!\\)\|", inner)]


class _Spaced:
    """Reads rows whose cells stand behind spaces, as at a terminal."""

    def __init__(self, columns: tuple[Column, ...], lines: Sequence[Line], place: int) -> None:
        self._columns = columns
        self._pattern = row_pattern(columns)
        first = lines[place].text
        self._indent = len(first) - len(first.lstrip())
        near = lines[place : place + 40]
        # Where the window ended: no line of the table is longer.
        self._width = max(len(line.text) for line in near)
        rules = [is_rule(line.text) and bool(line.text) for line in near]
        # A rule has no blanks that could have been cut off: where one is broken in two, the window ended.
        self._certain = any(
            rule and also and len(line.text) == self._width
            for line, rule, also in zip(near, rules, rules[1:], strict=False)
        )

    def row(self, lines: Sequence[Line], place: int) -> tuple[Row, int]:
        """The row that begins at that place, and how many lines it takes. Raises NotANumber."""
        line = lines[place]
        following = lines[place + 1].text if place + 1 < len(lines) else ""
        own, wrong = self._try(line.text, line.number)
        broken_at_its_end = _FRAGMENT.fullmatch(following) is not None and len(line.text) == self._width
        if own is not None and not broken_at_its_end:
            return own, 1
        if own is None:
            found = self._broken(lines, place)
            if found is not None:
                return found
        else:
            longer, _ = self._try(line.text + following, line.number)
            return (longer, 2) if longer is not None else (own, 1)
        shown = line.text.strip()[:60]
        raise NotANumber(wrong or f"{shown!r} is not understood")

    def _broken(self, lines: Sequence[Line], place: int) -> tuple[Row, int] | None:
        """The row whose pieces stand on two or three lines. Raises NotANumber where two different ones can be read.

        A terminal breaks where its window ends, also in the middle of a number: a line that fills the window goes on
        in the next one without a blank, and in a shorter one a blank was cut off.
        """
        for count in range(2, _MAX_PIECES + 1):
            pieces = [line.text for line in lines[place : place + count]]
            last = pieces[-1]
            if len(pieces) < count or is_rule(last) or self._begins_a_row(last):
                return None
            if lines[place + count - 1].logged:
                return None
            usual = tuple("" if len(piece) == self._width else " " for piece in pieces[:-1])
            read = {}
            for glue in product(("", " "), repeat=count - 1):
                text = "".join(part for pair in zip(pieces, (*glue, ""), strict=True) for part in pair)
                row, _ = self._try(text, lines[place].number)
                if row is not None:
                    read[glue] = row
            if not read:
                continue
            if len({replace(row, name="") for row in read.values()}) > 1 and not self._certain:
                ways = " or ".join(sorted({f"{row.requests} requests" for row in read.values()}))
                msg = f"it is broken over {count} lines, and can be read in two ways: {ways}"
                raise NotANumber(msg)
            return read.get(usual, next(iter(read.values()))), count
        return None

    def _begins_a_row(self, text: str) -> bool:
        return _METHOD.match(text) is not None and self._try(text, 0)[0] is not None

    def _try(self, text: str, number: int) -> tuple[Row | None, str]:
        """The row of a text, or what is wrong with it."""
        match = self._pattern.match(text)
        if match is None:
            return None, ""
        method, name = self._head(match[1])
        cells = iter(match.groups()[1:])
        words = {"method": method, "name": name}
        try:
            columns = self._columns
            told = [words[column.field] if column.field in words else next(cells) for column in columns]
            if not any(column.field == "method" for column in columns):
                # Locust 1 had method and name in one column.
                columns = (Column("method"), *columns)
                told = [method, *told]
            return row_of(columns, told, number), ""
        except NotANumber as error:
            return None, str(error)

    def _head(self, head: str) -> tuple[str, str]:
        text = head.strip()
        first, _, rest = text.partition(" ")
        indent = len(head) - len(head.lstrip()) - self._indent
        if text == TOTAL or not rest or indent >= _INDENT:
            return "", text
        named = any(column.field == "method" for column in self._columns)
        return (first, rest.strip()) if named or first.isupper() else ("", text)
