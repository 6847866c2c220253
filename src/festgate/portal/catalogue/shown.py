"""What each public page shows, as values: two that are equal come out as the same page."""

import re
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from urllib.parse import urlencode

from markupsafe import Markup

from festgate.kit.clock import Milliseconds
from festgate.kit.money import Money
from festgate.portal.catalogue.listing import Entry, Filters
from festgate.portal.catalogue.offers import Offer
from festgate.portal.catalogue.queries import Event


@dataclass(frozen=True, slots=True)
class Card:
    """One event of a list."""

    slug: str
    title: str
    category: str
    place: str
    starts_at: Milliseconds
    ends_at: Milliseconds
    fee: Money
    offer: Offer
    heading: str
    """`h2`, or `h3` where the list stands below a heading of its own."""


@dataclass(frozen=True, slots=True)
class HomePage:
    """The fest, and what is on next."""

    dates: tuple[str, str] | None
    """`13-15` and `March 2026`; None while there is no event."""
    total: int
    """Events that are not over."""
    cards: tuple[Markup, ...]
    until: Milliseconds = field(compare=False)


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of the list, with the filters as they are set and as they can be."""

    filters: Filters
    pages: int
    total: int
    """Events on all pages."""
    categories: tuple[str, ...]
    days: tuple[date, ...]
    cards: tuple[Markup, ...]
    until: Milliseconds = field(compare=False)

    @property
    def narrowed(self) -> bool:
        """Whether any filter is set."""
        return bool(self.filters.words or self.filters.category or self.filters.day)

    def href(self, page: int) -> str:
        """The address of another page with the same filters."""
        asked = {
            "q": self.filters.words,
            "category": self.filters.category,
            "day": self.filters.day.isoformat() if self.filters.day else "",
            "page": str(page) if page > 1 else "",
        }
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"/events?{query}" if query else "/events"


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph of a description, or a list of points."""

    points: bool
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventPage:
    """One event."""

    slug: str
    title: str
    summary: str
    blocks: tuple[Block, ...]
    category: str
    place: str
    starts_at: Milliseconds
    ends_at: Milliseconds
    fee: Money
    capacity: int
    offer: Offer
    hold_minutes: int
    until: Milliseconds = field(compare=False)


def card_of(entry: Entry, offer: Offer, heading: str) -> Card:
    """The card of an event; what it does not show does not make it another one."""
    counted = offer.state in ("open", "few")
    return Card(
        entry.slug,
        entry.title,
        entry.category,
        entry.place,
        entry.starts_at,
        entry.ends_at,
        entry.fee,
        offer if counted else Offer(offer.state, 0, offer.opens_at),
        heading,
    )


def event_page(event: Event, offer: Offer, hold_minutes: int, until: Milliseconds) -> EventPage:
    """The page of an event."""
    return EventPage(
        event.slug,
        event.title,
        event.summary,
        blocks_of(event.description),
        event.category,
        event.place,
        event.starts_at,
        event.ends_at,
        event.fee,
        event.capacity,
        offer,
        hold_minutes,
        until,
    )


def blocks_of(text: str) -> tuple[Block, ...]:
    """Plain text as paragraphs, and as points where lines begin with a hyphen or an asterisk and a space."""
    return tuple(
        Block(points, tuple(line.removeprefix("- ").removeprefix("* ").strip() for line in lines))
        for paragraph in re.split(r"\n\s*\n", text)
        for points, lines in groupby(filter(str.strip, paragraph.split("\n")), key=_is_point)
    )


def _is_point(line: str) -> bool:
    return line.startswith(("- ", "* "))
