"""Turns an HTML page into lines of text; the cells of a table row are separated by tabs, as browsers copy them."""

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
_SEPARATE: Final = {"p", "table", "ul", "ol", "blockquote", "pre", *_TITLES}
"""Blocks with a blank line around them, so that the prose on both sides stays two paragraphs."""


@dataclass
class WebText:
    """The text of a page."""

    texts: list[str] = field(default_factory=list)
    """The lines."""
    lines: list[int] = field(default_factory=list)
    """For each of `texts`, the line of the file (from 1) on which it begins."""
    pictures: list[str] = field(default_factory=list)
    """The link to each picture."""


def web_text(page: str) -> WebText | None:
    """Return the text that a browser shows of the page; None if it is not HTML."""
    reader = _Reader()
    try:
        reader.feed(page)
        reader.close()
    except AssertionError:
        # Python's HTMLParser raises this for an unknown declaration.
        return None
    reader.end_line()
    return reader.page


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = WebText()
        self._text = ""
        self._line = 0
        self._hidden: list[str] = []
        self._preformatted = 0
        self._cell = False
        self._cells: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden.append(tag)
        elif tag == "img" and (source := dict(attrs).get("src")):
            self.page.pictures.append(source)
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
            self.end_line(apart=tag in _SEPARATE)
            self._preformatted += tag == "pre"
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
            self.end_line(apart=tag in _SEPARATE)
            if tag == "pre":
                self._preformatted = max(self._preformatted - 1, 0)

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        first_line = self.getpos()[0]
        if self._preformatted and not self._cell:
            first, *others = re.split(r"\r\n|\n|\r", data)
            self._line = self._line or first_line
            self._text += first
            for number, text in enumerate(others, 1):
                self._write(self._text, keep=True)
                self._text, self._line = text, first_line + number
            return
        pieces = [data] if self._cell or self._text.startswith("#") else re.split(r"\r\n|\n|\r", data)
        for number, piece in enumerate(pieces):
            if number:
                # Browsers show no line break here, but the line number matters; `prose` joins the lines again.
                self.end_line()
            if piece.strip() and not self._line:
                self._line = first_line + number + piece[: len(piece) - len(piece.lstrip())].count("\n")
            self._text += re.sub(r"\s+", " ", piece)

    def _end_cell(self) -> None:
        if self._cell and self._cells is not None:
            self._cells.append(" ".join(self._text.split()))
        self._cell, self._text = False, ""

    def end_line(self, *, apart: bool = False) -> None:
        """Write the text read so far as a line, unless it is blank; `apart` adds a blank line."""
        if self._cell:
            return
        self._write(self._text, keep=False)
        self._text = ""
        if apart and self.page.texts and self.page.texts[-1]:
            self.page.texts.append("")
            self.page.lines.append(self.getpos()[0])

    def _write(self, text: str, *, keep: bool = False) -> None:
        # Tabs between cells and blank lines of preformatted text are kept.
        shown = text if keep or self._preformatted or "\t" in text else " ".join(text.split())
        if keep or shown.strip(" #-\t"):
            self.page.texts.append(shown)
            self.page.lines.append(self._line or self.getpos()[0])
        self._line = 0
