"""The prose of a report: its sentences with their lines, and its own tables of before and after."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from festgate.rehearsal.locust_output.grid import fence_of, is_rule
from festgate.rehearsal.locust_output.lines import Line

_TITLE: Final = re.compile(r"\s*#{1,6}\s+(\S.*)$")
_BULLET: Final = re.compile(r"\s*(?:[-*+\u2022\u25aa\u25e6\u25cf]|\d{1,2}[.)])\s+(?=\S)")
_MARKS: Final = re.compile(r"\*\*|`|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)")
_SHORT: Final = "".join(
    rf"(?<!\b{word}\.)"
    for word in ("approx", "ca", "vs", r"e\.g", r"i\.e", "resp", "avg", "no", "max", "min")
)
"""Words that end in a point and end no sentence."""
_END: Final = re.compile(rf"(?<=[.!?]){_SHORT}\s+(?=\S)", re.IGNORECASE)

_MAX_LENGTH: Final = 600
"""Signs of a sentence, and of what is looked at before it; everything is compared with everything in it."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, or a row of a table that is not Locust's."""

    text: str
    """Without the marks of Markdown."""
    title: str
    """The last title above it."""
    earlier: str
    """What stands before it in its paragraph."""
    starts: tuple[tuple[int, int], ...]
    """(place in the text, line) where each line of it begins."""

    def line(self, place: int = 0) -> int:
        """The line on which that sign of it stands."""
        found = bisect_right(self.starts, place, key=lambda each: each[0])
        return self.starts[max(found - 1, 0)][1]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table that is not Locust's, as (line, cells) of its rows; the first is its heading."""

    title: str
    rows: tuple[tuple[int, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Prose:
    """What somebody wrote around the tables of Locust."""

    sentences: tuple[Sentence, ...]
    grids: tuple[Grid, ...]
    text: str
    """All of it, for words that may stand anywhere."""


def read_prose(lines: Sequence[Line], spans: Sequence[tuple[int, int]]) -> Prose:
    """What stands outside the spans, each the first and the last line of something of Locust's, and outside code."""
    sentences: list[Sentence] = []
    grids: list[Grid] = []
    for title, block in _blocks(lines, spans):
        if all(_cells(line.text) for line in block):
            cells = [(line.number, _cells(line.text)) for line in block]
            rows = tuple((number, row) for number, row in cells if re.search(r"\w", "".join(row)))
            if rows:
                grids.append(Grid(title, rows))
        else:
            sentences += _sentences(title, block)
    whole = " ".join(
        [*(each.text for each in sentences), *(" ".join(cells) for grid in grids for _, cells in grid.rows)]
    )
    titles = " ".join(found[1] for line in lines if (found := _TITLE.match(line.text)))
    return Prose(tuple(sentences), tuple(grids), f"{titles} {whole}")


def _blocks(lines: Sequence[Line], spans: Sequence[tuple[int, int]]) -> Iterator[tuple[str, list[Line]]]:
    """Paragraphs, points of lists and tables, each below its title."""
    title = ""
    block: list[Line] = []
    fenced = ""
    inside = {number for first, last in spans for number in range(first, last + 1)}
    for line in lines:
        text = line.text
        fence = fence_of(text)
        if fence and fenced in ("", fence):
            # It may open before a table and close within what was read as the table's end.
            fenced = "" if fenced else fence
        if fence or line.number in inside:
            text = ""
        if is_rule(text) and not _cells(text):
            text = ""
        found = _TITLE.match(text)
        new = (
            not text.strip()
            or bool(fenced)
            or line.logged
            or found is not None
            or _BULLET.match(text) is not None
        )
        changed = bool(block) and bool(_cells(text)) != bool(_cells(block[-1].text))
        if block and (new or changed):
            yield title, block
            block = []
        if found is not None:
            title = _plain(found[1])
        elif text.strip() and not fenced and not line.logged:
            block.append(line)
    if block:
        yield title, block


def _cells(text: str) -> tuple[str, ...]:
    """Of a row of a table; none where it is no such row."""
    bare = text.strip(" ")
    if "\t" in bare:
        return tuple(_plain(cell).strip() for cell in bare.split("\t"))
    if bare.startswith("|") and bare.count("|") > 2:  # noqa: PLR2004  (of two columns, at the least)
        return tuple(_plain(cell).strip() for cell in bare.strip("|").split("|"))
    return ()


def _plain(text: str) -> str:
    return _MARKS.sub("", text)


def _sentences(title: str, block: Sequence[Line]) -> Iterator[Sentence]:
    text = ""
    starts: list[tuple[int, int]] = []
    for line in block:
        piece = " ".join(_plain(_BULLET.sub("", line.text, count=1)).split())
        starts.append((len(text), line.number))
        text += piece + " "
    ends = [*(match.end() for match in _END.finditer(text)), len(text)]
    begin = 0
    for end in ends:
        # Lists and data without a full stop are no sentence, however many lines they have: each line stands for itself.
        inner = [place for place, _ in starts if begin < place < end] if end - begin > _MAX_LENGTH else []
        for stop in (*inner, end):
            if text[begin:stop].strip():
                yield _sentence(title, text, begin, stop, starts)
            begin = stop


def _sentence(title: str, text: str, begin: int, end: int, starts: Sequence[tuple[int, int]]) -> Sentence:
    first = bisect_right(starts, begin, key=lambda each: each[0]) - 1
    last = bisect_right(starts, end - 1, key=lambda each: each[0])
    inner = tuple((max(place - begin, 0), line) for place, line in starts[first:last])
    return Sentence(text[begin:end].rstrip(), title, text[max(begin - _MAX_LENGTH, 0) : begin], inner)
