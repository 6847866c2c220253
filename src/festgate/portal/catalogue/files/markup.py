"""HTML of calendar programs as the plain text of a description."""

import re
from html.parser import HTMLParser
from typing import Final

MAX_MARKUP: Final = 40_000
"""Characters of HTML that are read: four times the longest description."""
_HTML: Final = re.compile(
    r"</?(?:a|b|br|div|em|font|h[1-6]|html|i|img|li|ol|p|span|strong|table|td|tr|u|ul)(?:\s[^<>]*|\s*/)?>",
    re.IGNORECASE,
)
_PARAGRAPHS: Final = frozenset(
    {"blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "table", "ul"}
)
_LINES: Final = frozenset({"article", "div", "footer", "header", "li", "section", "tr"})
_HIDDEN: Final = frozenset({"head", "script", "style", "template", "title"})


def is_markup(text: str) -> bool:
    """Return whether the text has a tag of HTML that calendar programs write."""
    return bool(_HTML.search(text, 0, MAX_MARKUP))


def plain_text(markup: str) -> str:
    """Return the text with its paragraphs and lists, and with the addresses of its links after their words."""
    parser = _PlainText()
    parser.feed(markup[:MAX_MARKUP])
    parser.close()
    text = "".join(parser.parts).replace("\xa0", " ")
    text = re.sub(r"[ \t]*\n[ \t]*", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


class _PlainText(HTMLParser):
    """A parser that collects the text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0
        self._link = ""
        self._words = 0
        """The number of parts when the link began."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag == "br":
            self.parts.append("\n")
        elif tag in _PARAGRAPHS:
            self._end_line(2)
        elif tag in _LINES:
            self._end_line(1)
            if tag == "li":
                self.parts.append("- ")
        elif tag in {"td", "th"} and self.parts:
            self.parts.append(" ")
        elif tag == "a":
            self._link = dict(attrs).get("href") or ""
            self._words = len(self.parts)

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in _PARAGRAPHS:
            self._end_line(2)
        elif tag in _LINES:
            self._end_line(1)
        elif tag == "a":
            address = self._link.removeprefix("mailto:")
            if address and address not in "".join(self.parts[self._words :]):
                self.parts.append(f" ({address})")
            self._link = ""

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            # A break in the source is a space in HTML; but calendar programs mix both kinds of text.
            self.parts.append(data)

    def _end_line(self, breaks: int) -> None:
        """Add as many line breaks as are missing at the end of the text."""
        end = "".join(self.parts[-3:])
        if end.strip():
            self.parts.append("\n" * (breaks - (len(end) - len(end.rstrip("\n")))))
