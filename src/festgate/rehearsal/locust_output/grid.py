"""One table in lines of text: its heading and rows, even if a terminal wrapped them."""

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
"""Lines of a wrapped row: 160 columns in a window of 80 that also indents."""
_MAX_UNREAD: Final = 3
"""Consecutive lines that are not rows; then the table is over."""
_INDENT: Final = 4
"""Columns of indentation that show an empty method; Locust uses nine columns for the method."""
_RULE: Final = re.compile(r"[\s|+=:_\u2010-\u2015\u2212\u2500\u2501\u2550-]*")
_FRAGMENT: Final = re.compile(r"[\d.,%()|\s]*\d[\d.,%()|\s]*")
_METHOD: Final = re.compile(r"\s*(?:[A-Z]{2,10}\s+\S|" + TOTAL + r"\s)")
_FIRST: Final = re.compile(r"[\s|*`]*(?:Type|Method|Name)", re.IGNORECASE)
"""A fast test for a heading: some tables have 80,000 rows that could be one."""
_FENCE: Final = re.compile(r"\s*(`)``| {0,3}(~)~~(?!~*\^)")
"""A traceback of Python underlines code with the same character, but indented or followed by ^."""
_TITLE: Final = re.compile(r"\s*#{1,6}\s")
_PART: Final = re.compile(r"\s*(?:Response time percentiles|Error report)", re.IGNORECASE)


@dataclass
class Grid:
    """A table in a text."""

    line: int
    columns: tuple[Column, ...]
    rows: list[Row] = field(default_factory=list)
    total: Row | None = None
    problems: list[tuple[int, str]] = field(default_factory=list)
    """(line, sentence)."""
    end: int = 0
    """The index of the first line after the table."""


def is_rule(text: str) -> bool:
    """Return whether the line is a rule or blank."""
    return _RULE.fullmatch(text) is not None


def is_title(text: str) -> bool:
    """Return whether the line is a Markdown heading or a code fence."""
    return _TITLE.match(text) is not None or bool(fence_of(text))


def fence_of(text: str) -> str:
    """Return the character of a Markdown code fence; empty if the line is not a fence."""
    match = _FENCE.match(text)
    return (match[1] or match[2]) if match is not None else ""


def grid_at(lines: Sequence[Line], place: int) -> Grid | None:
    """Return the table whose heading begins at index `place`; None if there is none."""
    heading = _heading(lines, place)
    if heading is None:
        return None
    columns, height, style = heading
    grid = Grid(lines[place].number, columns)
    reader = _AlignedRows(columns, lines, place) if style == "spaces" else _DelimitedRows(columns, style)
    unread: list[tuple[int, str]] = []
    here = first_unread = place + height
    while here < len(lines) and grid.total is None and len(unread) < _MAX_UNREAD:
        text = lines[here].text
        if lines[here].logged or is_rule(text):
            here += 1
            continue
        if is_title(text) or _PART.match(text) or _heading(lines, here) is not None:
            break
        try:
            row, count = reader.row(lines, here)
        except NotANumber as error:
            first_unread = first_unread if unread else here
            unread.append((lines[here].number, f"{error}."))
            here += 1
            continue
        grid.problems += unread
        unread = []
        if row.key == ("", TOTAL):
            grid.total = row
        else:
            grid.rows.append(row)
        here += count
    grid.end = here
    if grid.total is None and not (has_percentiles(columns) and not grid.rows and not unread):
        # A run without requests has no percentiles, not even a total.
        last = grid.rows[-1].line if grid.rows else grid.line
        reason = f" The next line is not a row of it: {unread[0][1]}" if unread else ""
        cut = f"the table at line {grid.line} ends without its row {TOTAL}, so it may be cut off."
        grid.problems.append((last, cut + reason))
        # The next lines may be prose, or the wrapped heading of another table.
        grid.end = first_unread if unread else here
    return grid


def _heading(lines: Sequence[Line], place: int) -> tuple[tuple[Column, ...], int, Style] | None:
    if _FIRST.match(lines[place].text) is None:
        return None
    # The most lines first: the start of a wrapped heading can look like a complete one.
    for count in range(min(_MAX_PIECES, len(lines) - place), 0, -1):
        texts = [line.text for line in lines[place : place + count]]
        if any(fence_of(text) for text in texts) or is_rule(texts[0]) or is_rule(texts[-1]):
            continue
        text = " ".join(texts)
        columns = columns_of("".join(_without_markup(text)))
        if has_requests(columns) or has_percentiles(columns):
            between = len(columns) - 1
            style: Style = (
                "tabs" if text.count("\t") >= between else "bars" if text.count("|") >= between else "spaces"
            )
            return columns, count, style
    return None


def _without_markup(text: str) -> str:
    """Remove the Markdown marks for bold and code, and backslash escapes."""
    return re.sub(r"\*\*|`|\\(?=[\\|#*_<>-])", "", text)


class _DelimitedRows:
    """Reads rows whose cells are separated by tabs or bars."""

    def __init__(self, columns: tuple[Column, ...], style: Style) -> None:
        self._columns = columns
        self._style = style

    def row(self, lines: Sequence[Line], place: int) -> tuple[Row, int]:
        """Return the row of that line, and 1. Raises NotANumber."""
        line = lines[place]
        cells = self._cells(line.text)
        if len(cells) == len(self._columns) - 1 and cells[0].strip() == TOTAL:
            # The first, empty cell was lost with the leading spaces.
            cells = ["", *cells]
        return row_of(self._columns, cells, line.number), 1

    def _cells(self, text: str) -> list[str]:
        if self._style == "tabs":
            return text.split("\t")
        inner = text.strip().removeprefix("|")
        inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
        return [_without_markup(cell).strip() for cell in re.split(r"(?<!\\)\|", inner)]


class _AlignedRows:
    """Reads rows whose cells are separated by spaces, as in a terminal."""

    def __init__(self, columns: tuple[Column, ...], lines: Sequence[Line], place: int) -> None:
        self._columns = columns
        self._pattern = row_pattern(columns)
        first = lines[place].text
        self._indent = len(first) - len(first.lstrip())
        near = lines[place : place + 40]
        # The width of the terminal: no line of the table is longer.
        self._width = max(len(line.text) for line in near)
        rules = [is_rule(line.text) and bool(line.text) for line in near]
        # A rule has no trailing spaces that could be lost, so a wrapped rule shows the exact width.
        self._certain = any(
            rule and also and len(line.text) == self._width
            for line, rule, also in zip(near, rules, rules[1:], strict=False)
        )

    def row(self, lines: Sequence[Line], place: int) -> tuple[Row, int]:
        """Return the row that begins at that place, and its number of lines. Raises NotANumber."""
        line = lines[place]
        following = lines[place + 1].text if place + 1 < len(lines) else ""
        single, reason = self._parse_row(line.text, line.number)
        wrapped_at_end = _FRAGMENT.fullmatch(following) is not None and len(line.text) == self._width
        if single is not None and not wrapped_at_end:
            return single, 1
        if single is None:
            wrapped = self._wrapped(lines, place)
            if wrapped is not None:
                return wrapped
        else:
            longer, _ = self._parse_row(line.text + following, line.number)
            return (longer, 2) if longer is not None else (single, 1)
        shown = line.text.strip()[:60]
        raise NotANumber(reason or f"{shown!r} is not a row")

    def _wrapped(self, lines: Sequence[Line], place: int) -> tuple[Row, int] | None:
        """Return a row that is wrapped over two or three lines. Raises NotANumber if it is ambiguous.

        A terminal wraps at its width, even within a number: a line of full width continues without a space; a shorter
        one lost a space at its end.
        """
        for count in range(2, _MAX_PIECES + 1):
            pieces = [line.text for line in lines[place : place + count]]
            last = pieces[-1]
            if len(pieces) < count or is_rule(last) or self._begins_a_row(last):
                return None
            if lines[place + count - 1].logged:
                return None
            likely = tuple("" if len(piece) == self._width else " " for piece in pieces[:-1])
            candidates = {}
            for glue in product(("", " "), repeat=count - 1):
                text = "".join(part for pair in zip(pieces, (*glue, ""), strict=True) for part in pair)
                row, _ = self._parse_row(text, lines[place].number)
                if row is not None:
                    candidates[glue] = row
            if not candidates:
                continue
            if len({replace(row, name="") for row in candidates.values()}) > 1 and not self._certain:
                ways = " or ".join(sorted({f"{row.requests} requests" for row in candidates.values()}))
                msg = f"the row is wrapped over {count} lines and ambiguous: {ways}"
                raise NotANumber(msg)
            return candidates.get(likely, next(iter(candidates.values()))), count
        return None

    def _begins_a_row(self, text: str) -> bool:
        return _METHOD.match(text) is not None and self._parse_row(text, 0)[0] is not None

    def _parse_row(self, text: str, number: int) -> tuple[Row | None, str]:
        """Return the row of a text, or the reason why it is not valid."""
        match = self._pattern.match(text)
        if match is None:
            return None, ""
        method, name = self._head(match[1])
        cells = iter(match.groups()[1:])
        words = {"method": method, "name": name}
        try:
            columns = self._columns
            values = [words[column.field] if column.field in words else next(cells) for column in columns]
            if not any(column.field == "method" for column in columns):
                # Locust 1 had method and name in one column.
                columns = (Column("method"), *columns)
                values = [method, *values]
            return row_of(columns, values, number), ""
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
