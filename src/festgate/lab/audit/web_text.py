"""A page of HTML as lines of text: a table's cells stand behind tabs, as a browser copies them."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

_HIDDEN: Final = {"script", "style", "head", "template", "noscript"}
_BLOCKS: Final = {
    "address", "article", "aside", "blockquote", "body", "caption", "dd", "details", "div", "dl", "dt", "figcaption",
    "figure", "footer", "form", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table",
    "tbody", "tfoot", "thead", "tr", "ul",
}  # fmt: skip
_TITLES: Final = {f"h{level}": level for level in range(1, 7)}
_CELLS: Final = {"td", "th"}
_APART: Final = {"p", "table", "ul", "ol", "blockquote", "pre", *_TITLES}
"""Blocks with a blank line around them: prose on both sides of one is no paragraph."""


@dataclass
class WebText:
    """The page."""

    texts: list[str] = field(default_factory=list)
    """Its lines."""
    lines: list[int] = field(default_factory=list)
    """The line of the file, from 1, on which each of `texts` begins."""
    pictures: int = 0


def web_text(page: str) -> WebText | None:
    """What a browser shows of the page, without its pictures; None where it is no HTML."""
    reader = _Reader()
    try:
        reader.feed(page)
        reader.close()
    except AssertionError:
        # So Python's reader says that a declaration is none it knows.
        return None
    reader.end_line()
    return reader.read


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.read = WebText()
        self._text = ""
        self._line = 0
        self._hidden: list[str] = []
        self._fixed = 0
        self._cell = False
        self._cells: list[str] | None = None

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        if tag in _HIDDEN:
            self._hidden.append(tag)
        elif tag in ("img", "svg", "canvas"):
            self.read.pictures += 1
        elif tag == "br":
            if self._cell:
                self._text += " "
            else:
                self.end_line()
        elif tag in _CELLS:
            self._end_cell()
            if self._cells is None:
                self.end_line()
                self._cells = []
            self._cell = True
            self._line = self._line or self.getpos()[0]
        elif not self._cell and (tag in _BLOCKS or tag in _TITLES):
            self.end_line(apart=tag in _APART)
            self._fixed += tag == "pre"
            self._text = "#" * _TITLES.get(tag, 0) + " " * (tag in _TITLES) + "- " * (tag == "li")
        elif tag == "tr":
            self.handle_endtag("tr")

    def handle_endtag(self, tag: str) -> None:
        if self._hidden and tag == self._hidden[-1]:
            self._hidden.pop()
        elif tag in _CELLS:
            self._end_cell()
        elif tag in ("tr", "table", "thead", "tbody", "tfoot"):
            self._end_cell()
            if self._cells is not None:
                self._text, self._cells = "\t".join(self._cells), None
                self._write(self._text)
                self._text = ""
            if tag == "table":
                self.end_line(apart=True)
        elif not self._cell and (tag in _BLOCKS or tag in _TITLES):
            self.end_line(apart=tag in _APART)
            if tag == "pre":
                self._fixed = max(self._fixed - 1, 0)

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        begun = self.getpos()[0]
        if self._fixed and not self._cell:
            first, *others = re.split(r"\r\n|\n|\r", data)
            self._line = self._line or begun
            self._text += first
            for number, text in enumerate(others, 1):
                self._write(self._text, keep=True)
                self._text, self._line = text, begun + number
            return
        pieces = [data] if self._cell or self._text.startswith("#") else re.split(r"\r\n|\n|\r", data)
        for number, piece in enumerate(pieces):
            if number:
                # No break for a browser, but a place in the file: prose is joined again later.
                self.end_line()
            if piece.strip() and not self._line:
                self._line = begun + number + piece[: len(piece) - len(piece.lstrip())].count("\n")
            self._text += re.sub(r"\s+", " ", piece)

    def _end_cell(self) -> None:
        if self._cell and self._cells is not None:
            self._cells.append(" ".join(self._text.split()))
        self._cell, self._text = False, ""

    def end_line(self, *, apart: bool = False) -> None:
        """What was read so far is a line, where it is anything."""
        if self._cell:
            return
        self._write(self._text, keep=False)
        self._text = ""
        if apart and self.read.texts and self.read.texts[-1]:
            self.read.texts.append("")
            self.read.lines.append(self.getpos()[0])

    def _write(self, text: str, *, keep: bool = False) -> None:
        # A cell's tab at the end of a row counts, and so does an empty line of fixed text.
        shown = text if keep or self._fixed or "\t" in text else " ".join(text.split())
        if keep or shown.strip(" #-\t"):
            self.read.texts.append(shown)
            self.read.lines.append(self._line or self.getpos()[0])
        self._line = 0
