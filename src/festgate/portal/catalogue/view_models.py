"""View models of the public pages: two equal ones are rendered as the same page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Literal
from urllib.parse import urlencode

from markupsafe import Markup

from festgate.kit.clock import Milliseconds
from festgate.kit.shown import facts
from festgate.kit.translation import N_, gettext, ngettext
from festgate.portal.catalogue.offers import Offer, OfferState
from festgate.portal.catalogue.own_seats import OwnPart
from festgate.portal.catalogue.queries import Event, Filters, ListedEvent
from festgate.portal.catalogue.refund_rules import stored_rule
from festgate.portal.catalogue.ticket_offers import TaxShown, TicketOffer, single_offers, team_offers

Badge = tuple[str, str]
"""The kind of `badge` in kit/parts.html, and its text."""
Options = tuple[tuple[str, str], ...]
"""The (value, label) pairs of `select` in kit/parts.html."""
_BADGES: Mapping[OfferState, Badge] = {
    "few": ("few", N_("Few left")),
    "soldout": ("soldout", N_("Sold out")),
    "closed": ("closed", N_("Sales closed")),
    "over": ("closed", N_("Over")),
    "cancelled": ("cancelled", N_("Cancelled")),
}
_FREE = N_("Your seat is confirmed at once.")
_HINTS: Mapping[OfferState, str] = {
    "open": _FREE,
    "few": _FREE,
    "soldout": N_("All seats are taken. Cancelled seats become available here again."),
    "closed": N_("Registration has closed."),
    "over": N_("This event has ended."),
    "cancelled": N_("This event has been cancelled."),
}
"""The sentence about registering for a free event."""
_LOOKS: Mapping[OfferState, str] = {"few": "open", "over": "closed"}
"""States that cards do not colour differently from another."""


@dataclass(frozen=True, slots=True)
class Card:
    """An event of a list."""

    event: ListedEvent
    offer: Offer
    heading: str
    """`h2`, or `h3` if the list is below a heading of its own."""

    @property
    def look(self) -> str:
        """The state whose colours the card has."""
        return _LOOKS.get(self.offer.state, self.offer.state)

    @property
    def badge(self) -> Badge:
        """The badge in other states than `open` and `soon`."""
        return _badge_of(self.offer.state)


@dataclass(frozen=True, slots=True)
class HomePage:
    """The fest and its next events."""

    dates: str
    """`13-15 Mar 2026`; empty without an event."""
    total: int
    """The number of events that have not ended."""
    cards: tuple[Markup, ...]
    until: Milliseconds = field(compare=False)


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of the list, with the chosen filters and their options."""

    filters: Filters
    pages: int
    total: int
    """The number of events on all pages."""
    categories: Options
    days: Options
    cards: tuple[Markup, ...]
    until: Milliseconds = field(compare=False)

    @property
    def is_filtered(self) -> bool:
        """Return whether any filter is set."""
        return bool(self.filters.words or self.filters.category or self.filters.day)

    def href(self, page: int) -> str:
        """Return the address of another page with the same filters."""
        values = {
            "q": self.filters.words,
            "category": self.filters.category,
            "day": self.filters.day.isoformat() if self.filters.day else "",
            "page": str(page) if page > 1 else "",
        }
        query = urlencode({name: value for name, value in values.items() if value})
        return f"/events?{query}" if query else "/events"


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph of a description, or a list of items."""

    points: bool
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventPage:
    """The page of an event."""

    event: Event
    offer: Offer
    hold_minutes: int
    until: Milliseconds = field(compare=False)
    tickets: tuple[TicketOffer, ...] = ()
    """The ticket types for single people; empty if the event sells single tickets of one plain type."""
    teams: tuple[TicketOffer, ...] = ()
    """The ticket types for teams."""
    access_key: str = ""
    """The key of a hidden type that the visitor has."""
    problem: str = ""
    """The sentence about a form that could not be accepted."""
    takes_codes: bool = False
    """Whether there may be a promo code that a visitor can enter."""
    code: str = ""
    """The promo code that the prices are after."""
    entered_code: str = ""
    """The promo code that was entered and cannot be used."""
    tax: TaxShown | None = None
    """The tax in the fee of an event that sells single tickets of one plain type."""
    own: OwnPart | None = None
    """The part of a visitor with a seat here, or one at the same time; None on the page that all others share."""

    for_guests: bool = False
    """Whether the page is for visitors without a session, which may register without an account."""

    @property
    def takes_guest(self) -> bool:
        """Return whether the form to register asks for the name and the email address of a guest."""
        return self.for_guests and self.is_on_sale and (not self.tickets or self.has_choice)

    @property
    def shows_seat(self) -> bool:
        """Return whether the visitor's own seat stands in the place of the button to register."""
        return (
            self.own is not None
            and self.own.seat is not None
            and self.own.count >= self.event.max_per_person
            and self.offer.state != "cancelled"
        )

    @property
    def refunds(self) -> str:
        """The refund rule in words; empty if attendees cannot cancel what they have paid."""
        return ", ".join(stored_rule(self.event.refund_rule).sentences())

    @property
    def shown_prices(self) -> str:
        """The hidden field with the prices, so that nobody gets a ticket at another price than the page showed."""
        return facts(*(f"{ticket.id}={ticket.fee.minor}" for ticket in self.tickets))

    @property
    def is_single(self) -> bool:
        """Return whether one person can have one ticket, so that the types are alternatives."""
        return self.event.max_per_person == 1

    @property
    def sells_singles(self) -> bool:
        """Return whether a single person can register, not only a team."""
        return bool(self.tickets) or not self.teams

    @property
    def has_choice(self) -> bool:
        """Return whether any ticket type can be chosen."""
        return any(ticket.can_be_chosen for ticket in self.tickets)

    @property
    def first_choice(self) -> int:
        """Return the id of the type that is chosen at first; 0 for none."""
        return next((ticket.id for ticket in self.tickets if ticket.can_be_chosen), 0)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The paragraphs and lists of the description."""
        return blocks_of(self.event.description)

    @property
    def is_on_sale(self) -> bool:
        """Return whether a visitor can register now."""
        return self.offer.state in ("open", "few") and not self.event.needs_approval

    @property
    def line_form(self) -> Literal["", "apply", "wait"]:
        """The form that the page has besides, or in place of, the one to register: to apply, or to join the list."""
        has_place = self.own is not None and self.own.place is not None and self.own.place.is_open
        if has_place or self.shows_seat or self.offer.state not in ("open", "few", "soldout"):
            return ""
        if self.event.needs_approval:
            return "apply"
        is_sold_out = self.offer.state == "soldout" or any(kind.state == "soldout" for kind in self.tickets)
        return "wait" if self.event.waiting_list == "open" and is_sold_out else ""

    @property
    def line_types(self) -> tuple[TicketOffer, ...]:
        """The ticket types that somebody can apply or wait for; empty for the only one."""
        states = ("soldout",) if self.line_form == "wait" else ("open", "few", "soldout")
        return tuple(kind for kind in self.tickets if kind.name and kind.state in states)

    @property
    def has_calendar(self) -> bool:
        """Return whether the event can still be added to a calendar."""
        return self.offer.state not in ("over", "cancelled")

    @property
    def seats_left(self) -> str:
        """The number of seats of an event that is on sale."""
        return gettext("{count} of {capacity} left").format(
            count=self.offer.left, capacity=self.event.capacity
        )

    @property
    def badge(self) -> Badge:
        """The badge in other states than `open` and `soon`."""
        return _badge_of(self.offer.state)

    @property
    def hint(self) -> str:
        """The sentence about registering in other states than `soon`."""
        minutes = self.hold_minutes
        choices = [ticket.fee.minor for ticket in self.tickets if ticket.can_be_chosen]
        if self.is_on_sale and self.code and choices and not any(choices):
            sentence = gettext(_FREE)
        elif self.is_on_sale and (self.event.fee.minor or self.event.several_prices):
            sentence = ngettext(
                "The seat is held for {minutes} minute while you pay.",
                "The seat is held for {minutes} minutes while you pay.",
                minutes,
            )
        elif self.event.needs_approval and self.offer.state in ("open", "few", "soldout"):
            sentence = gettext("The organisers answer each application by email.")
        elif self.offer.state == "soldout" and self.event.waiting_list == "open":
            sentence = gettext("All seats are taken. A seat that comes free is offered to the waiting list.")
        elif self.offer.state == "soldout" and self.event.fee.minor:
            sentence = ngettext(
                "All seats are taken. Held seats that are not paid within {minutes} minute become available "
                "again, so check back later.",
                "All seats are taken. Held seats that are not paid within {minutes} minutes become available "
                "again, so check back later.",
                minutes,
            )
        elif self.offer.state == "cancelled" and self.event.fee.minor:
            sentence = gettext("This event has been cancelled. All payments are refunded in full.")
        else:
            sentence = gettext(_HINTS[self.offer.state])
        return sentence.format(minutes=minutes)


def _badge_of(state: OfferState) -> Badge:
    kind, text = _BADGES[state]
    return kind, gettext(text)


def card_of(event: ListedEvent, offer: Offer, heading: str) -> Card:
    """Return the card of an event. It is equal to another card unless they look different."""
    return Card(event._replace(taken=0), replace(offer, left=0), heading)


def event_page(
    event: Event,
    offer: Offer,
    hold_minutes: int,
    until: Milliseconds,
    tickets: tuple[TicketOffer, ...] = (),
    access_key: str = "",
    tax: TaxShown | None = None,
) -> EventPage:
    """Return the page of an event. It is equal to another page unless the event or its offer is different."""
    return EventPage(
        replace(event, taken=0, updated_at=0, version=0, waiting=min(1, event.waiting), to_offer=0),
        offer,
        hold_minutes,
        until,
        single_offers(tickets),
        team_offers(tickets),
        access_key,
        tax=tax,
    )


def blocks_of(text: str) -> tuple[Block, ...]:
    """Split plain text into paragraphs, and into lists where lines begin with a hyphen or an asterisk and a space."""
    return tuple(
        Block(points, tuple(line.removeprefix("- ").removeprefix("* ").strip() for line in lines))
        for paragraph in re.split(r"\n\s*\n", text)
        for points, lines in groupby(filter(str.strip, paragraph.split("\n")), key=_is_point)
    )


def _is_point(line: str) -> bool:
    return line.startswith(("- ", "* "))
