"""Finds the prose of a report: its sentences with their lines, and the author's own tables."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from festgate.lab.audit.words import side_of
from festgate.rehearsal.locust_output.grid import fence_of, is_rule
from festgate.rehearsal.locust_output.lines import Line

_TITLE: Final = re.compile(r"\s*#{1,6}\s+(\S.*)$")
_BULLET: Final = re.compile(
    r"\s*(?:[-*+\u2022\u25aa\u25e6\u25cf\u25cb\u25a0\u25ab\uf0b7]|\d{1,2}[.)])\s+(?=\S)"
)
_SENTENCE: Final = re.compile(r"[.!?;|](?:\s|$)")
_FIGURE: Final = re.compile(r"\d\s?(?:ms|s|%|/)|\d\.\d")
_PICTURE: Final = re.compile(r"\s*(?:!\[[^\]]*\]\([^)]*\)|<img\b[^>]*>)\s*")
_NEAR_LABEL: Final = 6
"""Lines within which a list begins below the line that introduces it."""
_MAX_LABEL: Final = 60
_PAIR: Final = re.compile(r"[^.!?]{1,60}[:=]\s*\S")
"""`Average response time: 119 ms`."""
_MARKUP: Final = re.compile(r"\*\*|`|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)")
_ABBREVIATIONS: Final = "".join(
    rf"(?<!\b{word}\.)"
    for word in ("approx", "ca", "vs", r"e\.g", r"i\.e", "resp", "avg", "no", "max", "min")
)
"""Words whose full stop does not end a sentence."""
_END: Final = re.compile(rf"(?<=[.!?]){_ABBREVIATIONS}\s+(?=\S)", re.IGNORECASE)

_MAX_LENGTH: Final = 600
"""Characters of a sentence and of its context: the time to find claims grows with the square of this."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the prose."""

    text: str
    """Without Markdown markup."""
    title: str
    """The last heading above it."""
    label: str
    """The short line that introduces its list, such as `After the change:`; empty if it is not in such a list."""
    earlier: str
    """The text before it in its paragraph."""
    starts: tuple[tuple[int, int], ...]
    """(offset in the text, line number) of the start of each of its lines."""

    def line(self, offset: int = 0) -> int:
        """Return the line of the character at that offset."""
        index = bisect_right(self.starts, offset, key=lambda start: start[0])
        return self.starts[max(index - 1, 0)][1]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table that is not from Locust: (line, cells) of each row, the heading first."""

    title: str
    rows: tuple[tuple[int, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Prose:
    """The text that the author wrote around the Locust tables."""

    sentences: tuple[Sentence, ...]
    grids: tuple[Grid, ...]
    text: str
    """All text, to search for words anywhere."""


def read_prose(
    lines: Sequence[Line], spans: Sequence[tuple[int, int]], *, is_unwrapped: bool = False
) -> Prose:
    """Read the lines outside of code and of `spans`, the first and last lines of each piece of Locust's output.

    `is_unwrapped` means that each line is a paragraph.
    """
    sentences: list[Sentence] = []
    grids: list[Grid] = []
    for title, label, block in _blocks(lines, spans, is_unwrapped=is_unwrapped):
        if all(_cells(line.text) for line in block):
            cells = [(line.number, _cells(line.text)) for line in block]
            rows = tuple((number, row) for number, row in cells if re.search(r"\w", "".join(row)))
            if rows:
                grids.append(Grid(title, rows))
        else:
            sentences += _sentences(title, label, block)
    whole = " ".join(
        [
            *(sentence.text for sentence in sentences),
            *(" ".join(cells) for grid in grids for _, cells in grid.rows),
        ]
    )
    titles = " ".join(match[1] for line in lines if (match := _TITLE.match(line.text)))
    return Prose(tuple(sentences), tuple(grids), f"{titles} {whole}")


def _blocks(
    lines: Sequence[Line], spans: Sequence[tuple[int, int]], *, is_unwrapped: bool
) -> Iterator[tuple[str, str, list[Line]]]:
    """Yield paragraphs, list items and tables, each with the heading and the label above it."""
    title = label = ""
    block: list[Line] = []
    texts = _written(lines, spans)
    for place, (line, text) in enumerate(zip(lines, texts, strict=True)):
        heading = _TITLE.match(text)
        is_item = _BULLET.match(text) is not None
        is_label = heading is None and _is_label(texts, place, is_unwrapped=is_unwrapped)
        starts_block = not text.strip() or heading is not None or is_item or is_label
        changed = bool(block) and bool(_cells(text)) != bool(_cells(block[-1].text))
        if block and (starts_block or changed or (is_unwrapped and not _cells(text))):
            yield title, label, block
            block = []
        if heading is not None:
            title, label = _plain(heading[1]), ""
        elif is_label:
            label = _plain(_BULLET.sub("", text, count=1)).strip()
        elif text.strip():
            if not block and not is_item and not _PAIR.match(text):
                # A paragraph ends the list.
                label = ""
            block.append(line)
    if block:
        yield title, label, block


def _written(lines: Sequence[Line], spans: Sequence[tuple[int, int]]) -> list[str]:
    """Return the text of each line, blank if it is code, a log, a rule, a picture or Locust's output."""
    texts = []
    fenced = ""
    inside = {number for first, last in spans for number in range(first, last + 1)}
    for line in lines:
        fence = fence_of(line.text)
        if fence and fenced in ("", fence):
            # A fence may open before a table and close within the lines that were read as the end of the table.
            fenced = "" if fenced else fence
        is_prose = not (fence or fenced or line.logged or line.number in inside)
        is_line = (is_rule(line.text) and not _cells(line.text)) or _PICTURE.fullmatch(line.text) is not None
        texts.append(line.text if is_prose and not is_line else "")
    return texts


def _is_label(texts: Sequence[str], place: int, *, is_unwrapped: bool) -> bool:
    """Return whether the line introduces a list: `Before the change`, above list items or lines such as `RPS: 0.7`."""
    text = _plain(_BULLET.sub("", texts[place], count=1)).strip()
    if not text or len(text) > _MAX_LABEL or _cells(text) or _SENTENCE.search(text):
        return False
    if _FIGURE.search(text) or (re.search(r"\d", text) and side_of(text) is None):
        return False
    following = next((text for text in texts[place + 1 : place + _NEAR_LABEL] if text.strip()), "")
    return _BULLET.match(following) is not None or (is_unwrapped and _PAIR.match(following) is not None)


def _cells(text: str) -> tuple[str, ...]:
    """Return the cells of a table row; none if the line is not one."""
    bare = text.strip(" ")
    if "\t" in bare:
        return tuple(_plain(cell).strip() for cell in bare.split("\t"))
    if bare.startswith("|") and bare.count("|") > 2:  # noqa: PLR2004  (at least two columns)
        return tuple(_plain(cell).strip() for cell in bare.strip("|").split("|"))
    return ()


def _plain(text: str) -> str:
    return _MARKUP.sub("", text)


def _sentences(title: str, label: str, block: Sequence[Line]) -> Iterator[Sentence]:
    text = ""
    starts: list[tuple[int, int]] = []
    for line in block:
        piece = " ".join(_plain(_BULLET.sub("", line.text, count=1)).split())
        starts.append((len(text), line.number))
        text += piece + " "
    ends = [*(match.end() for match in _END.finditer(text)), len(text)]
    begin = 0
    for end in ends:
        # Lists and data without a full stop are not one sentence, however many lines they have: each line is one.
        inner = [place for place, _ in starts if begin < place < end] if end - begin > _MAX_LENGTH else []
        for stop in (*inner, end):
            if text[begin:stop].strip():
                yield _sentence(title, label, text, begin, stop, starts)
            begin = stop


def _sentence(
    title: str, label: str, text: str, begin: int, end: int, starts: Sequence[tuple[int, int]]
) -> Sentence:
    first = bisect_right(starts, begin, key=lambda start: start[0]) - 1
    last = bisect_right(starts, end - 1, key=lambda start: start[0])
    inner = tuple((max(place - begin, 0), line) for place, line in starts[first:last])
    return Sentence(text[begin:end].rstrip(), title, label, text[max(begin - _MAX_LENGTH, 0) : begin], inner)
