"""What a page says, apart from how it is written: the facts by which two answers are alike.

Alike means: the same status, the same place that is redirected to, and for what was put into the database beforehand

names     the events that stand in the visible text, in the order of the page, each with the first amount after it
amounts   all amounts in rupees in the visible text (a total is one)
people    whose names stand in the visible text, or are sent along by its links
links     where its links lead among the app's own pages
fields    what its forms ask for

Layout, wording, styles, pictures, the order of attributes, white space and sizes are free. Names of events are drawn so
that they stand nowhere else; since the text is read as a browser shows it, a name that was not escaped is not there.
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
    """What came back."""

    status: int
    """0 where nothing did."""
    location: str = ""
    body: str = ""
    milliseconds: float = 0.0
    problem: str = ""
    """Why nothing did."""


@dataclass(frozen=True, slots=True)
class PageContent:
    """Of one answer."""

    status: int
    location: tuple[str, tuple[tuple[str, str], ...]]
    """Path, and what is sent along; of a redirect."""
    names: tuple[tuple[str, str], ...] = ()
    amounts: tuple[str, ...] = ()
    people: frozenset[str] = frozenset()
    links: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


def page_content(answer: AppResponse, events: Iterable[str], people: Iterable[str]) -> PageContent:
    """The facts, given what may be named on it."""
    place = _place(answer.location) if answer.location else ("", ())
    if not answer.body or not 200 <= answer.status < 300:  # noqa: PLR2004  (the words of an error are free)
        return PageContent(answer.status, place)
    reader = _Reader(answer.body)
    text = " ".join("".join(reader.text).split())
    sent = {value for _, query in map(_place, reader.links) for name, value in query if name == "user"}
    wanted = list(people)
    return PageContent(
        status=answer.status,
        location=place,
        names=_names(text, [" ".join(each.split()) for each in events]),
        amounts=tuple(_amount(each) for each in _AMOUNT.findall(text)),
        people=frozenset(each for each in wanted if " ".join(each.split()) in text or each in sent),
        links=tuple(
            f"{path}?{'&'.join(f'{name}={value}' for name, value in query)}"
            for path, query in map(_place, reader.links)
            if path.startswith("/register_event/")
        ),
        fields=tuple(sorted(reader.fields)),
    )


def _names(text: str, events: list[str]) -> tuple[tuple[str, str], ...]:
    # The longest first: a name may begin another.
    either = "|".join(re.escape(each) for each in sorted(set(events), key=len, reverse=True))
    if not either:
        return ()
    found = list(re.finditer(either, text))
    ends = [each.start() for each in found[1:]] + [len(text)]
    told = []
    for each, end in zip(found, ends, strict=False):
        amount = _AMOUNT.search(text, each.end(), end)
        # A button may name its event once more; what has no amount is no row.
        if amount:
            told.append((each[0], _amount(amount[1])))
    return tuple(told)


def _amount(text: str) -> str:
    """`1,200.00` and `1200` are one."""
    plain = text.replace(",", "")
    return f"{float(plain):g}" if "." in plain else str(int(plain or 0))


def _place(address: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    try:
        parts = urlsplit(address)
    except ValueError:
        return address, ()
    return unquote(parts.path), tuple(sorted(parse_qsl(parts.query, keep_blank_values=True)))


class _Reader:
    """Takes the visible text, the links and the fields of a page in one pass.

    Not by `html.parser`, which takes minutes for 400 kB of `<!--` without an end: a page is a stranger's. What is not
    ended goes on to the end of the page, as in a browser.
    """

    def __init__(self, page: str) -> None:
        self.text: list[str] = []
        self.links: list[str] = []
        self.fields: list[str] = []
        small = page.lower() if page.isascii() else "".join(map(_small, page))
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
                    return  # a tag that does not end
                self.text.append("<")
                at = begin + 1
                continue
            at = tag.end()
            self.text.append(" ")
            name = (tag["name"] or "").lower()
            if name in UNSEEN:
                at = _after(page, ">", _after(small, f"</{name}", at))
            elif name:
                self._begin(name, tag["rest"])

    def _begin(self, name: str, rest: str) -> None:
        known = {
            each[1].lower(): unescape((each[2] or "").strip("\"'")) for each in _ATTRIBUTE.finditer(rest)
        }
        if name == "a":
            # All the app's pages lie at the top, so that a link without a slash means the same.
            with suppress(ValueError):
                self.links.append(urljoin("/", known.get("href", "")))
        if name in FIELDS and known.get("name"):
            self.fields.append(known["name"])


def _small(letter: str) -> str:
    # Some letters are two when they are small, and every place would be another.
    return letter.lower() if letter.isascii() else letter


def _after(page: str, what: str, at: int) -> int:
    """The place behind it; the page's end where it is not there."""
    found = page.find(what, at)
    return len(page) if found < 0 else found + len(what)
