"""Extract the content by which two responses are compared, independently of the page's HTML.

Two responses are alike when they have the same status, the same redirect target, and the same

names     events in the visible text, in the order of the page, each with its amount: the one in the smallest element
          that holds both, wherever it stands there
amounts   all amounts in rupees in the visible text (a total is one of them)
people    people named in the visible text or in the parameters of links
links     links that register for an event
fields    fields of forms

Layout, wording, styles, pictures, the order of attributes, white space and sizes are free. The names of events are
drawn so that they appear nowhere else. The text is read as a browser shows it, so an unescaped name is missing from it.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import unescape
from typing import Final
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

from festgate.lab.description.starter import BUILT_IN, Starter

UNSEEN: Final = frozenset({"script", "style", "template", "title"})
FIELDS: Final = frozenset({"input", "select", "textarea"})
MAX_DEPTH: Final = 256
"""Nested elements; what is deeper belongs to the last of them, as in browsers."""
VOID: Final = frozenset(
    "area base br col embed hr img input link meta param source track wbr".split()  # noqa: SIM905
)
"""Elements without an end."""
_BLOCKS: Final = frozenset(
    "address article div dl fieldset footer form h1 h2 h3 h4 h5 h6 header hr main nav ol p section table ul".split()  # noqa: SIM905
)
_LISTS: Final = frozenset({"dl", "menu", "ol", "select", "table", "ul"})
_CELLS: Final = frozenset({"td", "th"})
_IMPLIED: Final = {
    **dict.fromkeys(_BLOCKS, (frozenset({"p"}), _BLOCKS - {"p"} | _LISTS | _CELLS | {"li", "dd", "dt"})),
    "li": (frozenset({"li"}), _LISTS),
    **dict.fromkeys(("dd", "dt"), (frozenset({"dd", "dt"}), _LISTS)),
    **dict.fromkeys(_CELLS, (_CELLS, _LISTS | {"tr"})),
    "tr": (frozenset({"tr"}), _LISTS),
    "option": (frozenset({"option"}), _LISTS),
}
"""The open elements that a tag ends, as `<li>` ends the item before it, and those in which it ends nothing."""
_LEVELS: Final = 32
"""Elements in which such an end is searched: the time for deeply nested ones stays proportional to the page."""
NO_EVENT: Final = 404
"""The number of an event that does not exist: a starter may have a link to it, which is no event of the page."""
_AMOUNT: Final = re.compile(r"(?:₹|Rs\.?|INR)\s*(-?[\d,]{1,20}(?:\.\d{1,9})?)", re.ASCII)
# A `>` between quotation marks does not end a tag.
_TAG: Final = re.compile(
    r"<(?:/(?P<ended>[a-zA-Z][^\s/>]*+)|[!?]|(?P<name>[a-zA-Z][^\s/>]*+))(?P<rest>(?:[^>\"']|\"[^\"]*\"|'[^']*')*+)>"
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


def page_content(
    response: AppResponse, events: Iterable[str], people: Iterable[str], starter: Starter = BUILT_IN
) -> PageContent:
    """Extract the content, given the events and people that may be named on the page."""
    location = _location(response.location) if response.location else ("", ())
    if not response.body or not 200 <= response.status < 300:  # noqa: PLR2004  (the text of an error page is free)
        return PageContent(response.status, location)
    reader = _Reader(response.body)
    registers = starter.others.get("register_event", "").partition("{")[0]
    text = " ".join(reader.text)
    users = {
        value for _, query in map(_location, reader.links) for name, value in query if name == starter.person
    }
    return PageContent(
        status=response.status,
        location=location,
        names=_names(reader, text, [" ".join(event.split()) for event in events]),
        amounts=tuple(map(_amount, _AMOUNT.findall(text))),
        people=frozenset(person for person in people if " ".join(person.split()) in text or person in users),
        links=tuple(
            f"{path}?{'&'.join(f'{name}={value}' for name, value in query)}"
            for path, query in map(_location, reader.links)
            if registers and path.startswith(registers) and path != f"{registers}{NO_EVENT}"
        ),
        fields=tuple(sorted(reader.fields)),
    )


@dataclass(frozen=True, slots=True)
class _Mention:
    """An event or an amount in the text."""

    at: int
    text: str


def _names(reader: "_Reader", text: str, events: list[str]) -> tuple[tuple[str, str], ...]:
    """Give each event the amount in the smallest element that holds both.

    An element that holds both keeps them: what is left there, as a second amount or the name on a button, belongs to no
    other row. A name without an amount is a row only if no event has one.
    """
    # The longest first: a name may begin another.
    pattern = "|".join(re.escape(event) for event in sorted(set(events), key=len, reverse=True))
    if not pattern:
        return ()
    names: list[list[_Mention]] = [[] for _ in reader.parents]
    amounts: list[list[_Mention]] = [[] for _ in reader.parents]
    for match in re.finditer(pattern, text):
        names[reader.element_at(match.start())].append(_Mention(match.start(), match[0]))
    for match in _AMOUNT.finditer(text):
        amounts[reader.element_at(match.start())].append(_Mention(match.start(), _amount(match[1])))
    rows: list[tuple[_Mention, str]] = []
    # Elements are numbered in the order of their tags, so each comes before its parent here.
    for element in range(len(names) - 1, -1, -1):
        own_names, own_amounts = names[element], amounts[element]
        if own_names and (own_amounts or not element):
            rows += _paired(sorted(own_names, key=_place), sorted(own_amounts, key=_place))
        elif element:
            parent = reader.parents[element]
            names[parent] = _joined(names[parent], own_names)
            amounts[parent] = _joined(amounts[parent], own_amounts)
    rows.sort(key=lambda row: row[0].at)
    complete = [row for row in rows if row[1]]
    return tuple((name.text, amount) for name, amount in complete or rows)


def _place(mention: _Mention) -> int:
    return mention.at


def _joined(first: list[_Mention], second: list[_Mention]) -> list[_Mention]:
    """Join two lists; the time depends on the shorter one only."""
    shorter, longer = sorted((first, second), key=len)
    longer += shorter
    return longer


def _paired(names: Sequence[_Mention], amounts: Sequence[_Mention]) -> Iterator[tuple[_Mention, str]]:
    """Pair the names and amounts of one element.

    As many of both are pairs in their order, whichever is first. Otherwise each name has the amount between it and the
    next name; where the first amount precedes the first name, the one between the name before and itself.
    """
    # A button may repeat the name of its event.
    distinct = [
        name for number, name in enumerate(names) if not number or names[number - 1].text != name.text
    ]
    for several in (names, distinct):
        if len(several) == len(amounts):
            yield from ((name, amount.text) for name, amount in zip(several, amounts, strict=True))
            return
    if not amounts:
        yield from ((name, "") for name in distinct)
        return
    if amounts[0].at < names[0].at:
        bounds = zip([0, *(name.at for name in distinct)], (name.at for name in distinct), strict=False)
        latest = True
    else:
        ends = [*(name.at for name in distinct[1:]), amounts[-1].at + 1]
        bounds = zip((name.at for name in distinct), ends, strict=True)
        latest = False
    places = [amount.at for amount in amounts]
    for name, (begin, end) in zip(distinct, bounds, strict=True):
        first, behind = bisect_right(places, begin), bisect_right(places, end - 1)
        if first == behind:
            yield name, ""
        else:
            yield name, amounts[behind - 1 if latest else first].text


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
    """Collects the visible text, its elements, the links and the fields of a page in one pass.

    `html.parser` takes minutes for 400 kB of unclosed `<!--`, and these pages are untrusted. An unclosed part ends at
    the end of the page, as in a browser.
    """

    def __init__(self, page: str) -> None:
        self.text: list[str] = []
        """The text between two tags, without superfluous white space; a space joins the parts."""
        self.links: list[str] = []
        self.fields: list[str] = []
        self.parents: list[int] = [0]
        """The parent of each element, in the order of their tags; the first is the page."""
        self._begins: list[int] = []
        """The position of each part in the joined text."""
        self._elements: list[int] = []
        """The element of each part."""
        self._length = 0
        self._part: list[str] = []
        self._stack: list[tuple[str, int]] = [("", 0)]
        self._count: Counter[str] = Counter()
        """The number of open elements of each name."""
        self._read(page)
        self._end_part()

    def element_at(self, position: int) -> int:
        """Return the element of a position in the joined text."""
        return self._elements[bisect_right(self._begins, position) - 1]

    def _read(self, page: str) -> None:
        at = 0
        while at < len(page):
            begin = page.find("<", at)
            end = len(page) if begin < 0 else begin
            self._part.append(unescape(page[at:end]))
            if begin < 0:
                return
            if page.startswith("<!--", begin):
                at = _after(page, "-->", begin + 4)
                continue
            tag = _TAG.match(page, begin)
            if tag is None:
                if _OPENING.match(page, begin):
                    return  # an unclosed tag
                self._part.append("<")
                at = begin + 1
                continue
            at = tag.end()
            self._end_part()
            name = (tag["name"] or "").lower()
            if name in UNSEEN:
                closing = re.compile(f"</{name}", re.IGNORECASE | re.ASCII).search(page, at)
                at = _after(page, ">", closing.end()) if closing else len(page)
            elif name:
                self._begin_element(name, closed=tag["rest"].endswith("/"))
                self._open(name, tag["rest"])
            elif tag["ended"]:
                self._end_element(tag["ended"].lower())

    def _end_part(self) -> None:
        text = " ".join("".join(self._part).split())
        self._part.clear()
        if text:
            self.text.append(text)
            self._begins.append(self._length)
            self._elements.append(self._stack[-1][1])
            self._length += len(text) + 1

    def _begin_element(self, name: str, *, closed: bool) -> None:
        ended, outside = _IMPLIED.get(name, (frozenset(), frozenset()))
        for other, _ in reversed(self._stack[-_LEVELS:]) if ended else ():
            if other in ended:
                self._end_element(other)
            if other in ended or other in outside:
                break
        drawn = closed and self._count["svg"]
        if name not in VOID and not drawn and len(self._stack) <= MAX_DEPTH:
            self.parents.append(self._stack[-1][1])
            self._stack.append((name, len(self.parents) - 1))
            self._count[name] += 1

    def _end_element(self, name: str) -> None:
        if not self._count[name]:
            return
        ended = ""
        while ended != name:
            ended, _ = self._stack.pop()
            self._count[ended] -= 1

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


def _after(page: str, text: str, at: int) -> int:
    """Return the position behind the next `text`; without one, the end of the page."""
    position = page.find(text, at)
    return len(page) if position < 0 else position + len(text)
