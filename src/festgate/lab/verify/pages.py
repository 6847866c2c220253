"""Extract the content by which two responses are compared, independent of how the page is written.

Two responses are alike when they have the same status, the same redirect target, and the same

names     events in the visible text, in the order of the page, each with the first amount after it
amounts   all amounts in rupees in the visible text (a total is one of them)
people    people named in the visible text or in the parameters of links
links     links to the app's own pages
fields    fields of forms

Layout, wording, styles, pictures, the order of attributes, white space and sizes are free. The names of events are
drawn so that they appear nowhere else. The text is read as a browser shows it, so an unescaped name is missing from it.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from html import unescape
from typing import Final
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

UNSEEN: Final = frozenset({"script", "style", "template", "title"})
FIELDS: Final = frozenset({"input", "select", "textarea"})
_AMOUNT: Final = re.compile(r"(?:₹|Rs\.?|INR)\s*(-?[\d,]{1,20}(?:\.\d{1,9})?)", re.ASCII)
# A `>` between quotation marks does not end a tag.
_TAG: Final = re.compile(
    r"<(?:/[a-zA-Z]|[!?]|(?P<name>[a-zA-Z][^\s/>]*+))(?P<rest>(?:[^>\"']|\"[^\"]*\"|'[^']*')*+)>"
)
_OPENING: Final = re.compile(r"<[a-zA-Z/!?]")
_ATTRIBUTE: Final = re.compile(r"([^\s\"'>/=]+)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'>]+))?")


@dataclass(frozen=True, slots=True)
class AppResponse:
    """The response of an app, or the reason why there is none."""

    status: int
    """0 without a response."""
    location: str = ""
    body: str = ""
    milliseconds: float = 0.0
    problem: str = ""
    """The reason, without a response."""


@dataclass(frozen=True, slots=True)
class PageContent:
    """The content of one response."""

    status: int
    location: tuple[str, tuple[tuple[str, str], ...]]
    """The path and the query of a redirect."""
    names: tuple[tuple[str, str], ...] = ()
    amounts: tuple[str, ...] = ()
    people: frozenset[str] = frozenset()
    links: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


def page_content(response: AppResponse, events: Iterable[str], people: Iterable[str]) -> PageContent:
    """Extract the content, given the events and people that may be named on the page."""
    location = _location(response.location) if response.location else ("", ())
    if not response.body or not 200 <= response.status < 300:  # noqa: PLR2004  (the text of an error page is free)
        return PageContent(response.status, location)
    reader = _Reader(response.body)
    text = " ".join("".join(reader.text).split())
    users = {value for _, query in map(_location, reader.links) for name, value in query if name == "user"}
    return PageContent(
        status=response.status,
        location=location,
        names=_names(text, [" ".join(event.split()) for event in events]),
        amounts=tuple(map(_amount, _AMOUNT.findall(text))),
        people=frozenset(person for person in people if " ".join(person.split()) in text or person in users),
        links=tuple(
            f"{path}?{'&'.join(f'{name}={value}' for name, value in query)}"
            for path, query in map(_location, reader.links)
            if path.startswith("/register_event/")
        ),
        fields=tuple(sorted(reader.fields)),
    )


def _names(text: str, events: list[str]) -> tuple[tuple[str, str], ...]:
    # The longest first: a name may begin another.
    pattern = "|".join(re.escape(event) for event in sorted(set(events), key=len, reverse=True))
    if not pattern:
        return ()
    names = list(re.finditer(pattern, text))
    ends = [name.start() for name in names[1:]] + [len(text)]
    rows = []
    for name, end in zip(names, ends, strict=False):
        amount = _AMOUNT.search(text, name.end(), end)
        # A button may repeat the name of its event: a name without an amount is not a row.
        if amount:
            rows.append((name[0], _amount(amount[1])))
    return tuple(rows)


def _amount(text: str) -> str:
    """Write `1,200.00` and `1200` alike."""
    plain = text.replace(",", "")
    return f"{float(plain):g}" if "." in plain else str(int(plain or 0))


def _location(address: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    try:
        parts = urlsplit(address)
    except ValueError:
        return address, ()
    return unquote(parts.path), tuple(sorted(parse_qsl(parts.query, keep_blank_values=True)))


class _Reader:
    """Collects the visible text, the links and the fields of a page in one pass.

    `html.parser` takes minutes for 400 kB of unclosed `<!--`, and these pages are untrusted. An unclosed part ends at
    the end of the page, as in a browser.
    """

    def __init__(self, page: str) -> None:
        self.text: list[str] = []
        self.links: list[str] = []
        self.fields: list[str] = []
        lowered = page.lower() if page.isascii() else "".join(map(_lower, page))
        at = 0
        while at < len(page):
            begin = page.find("<", at)
            end = len(page) if begin < 0 else begin
            self.text.append(unescape(page[at:end]))
            if begin < 0:
                return
            if page.startswith("<!--", begin):
                at = _after(page, "-->", begin + 4)
                continue
            tag = _TAG.match(page, begin)
            if tag is None:
                if _OPENING.match(page, begin):
                    return  # an unclosed tag
                self.text.append("<")
                at = begin + 1
                continue
            at = tag.end()
            self.text.append(" ")
            name = (tag["name"] or "").lower()
            if name in UNSEEN:
                at = _after(page, ">", _after(lowered, f"</{name}", at))
            elif name:
                self._open(name, tag["rest"])

    def _open(self, name: str, rest: str) -> None:
        attributes = {
            match[1].lower(): unescape((match[2] or "").strip("\"'")) for match in _ATTRIBUTE.finditer(rest)
        }
        if name == "a":
            # All pages of the app are at the top level, so a link without a slash leads to the same page.
            with suppress(ValueError):
                self.links.append(urljoin("/", attributes.get("href", "")))
        if name in FIELDS and attributes.get("name"):
            self.fields.append(attributes["name"])


def _lower(letter: str) -> str:
    # Some letters become two in lower case, which would shift all positions.
    return letter.lower() if letter.isascii() else letter


def _after(page: str, text: str, at: int) -> int:
    """Return the position behind the next `text`; without one, the end of the page."""
    position = page.find(text, at)
    return len(page) if position < 0 else position + len(text)
