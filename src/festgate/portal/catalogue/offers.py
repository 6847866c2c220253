"""What a visitor is shown of an event: whether a seat can be had now, how many are left, and when that changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from festgate.kit.clock import NEVER, Milliseconds
from festgate.portal.catalogue.queries import EventState

OfferState = Literal["open", "few", "soldout", "soon", "closed", "over", "cancelled"]

FEW = 10
"""Seats, or per cent of all seats, that count as few."""


class Lapsed(Protocol):
    """Holds that have ended by the clock though no operation has swept them: their seats are free."""

    @property
    def seats(self) -> Mapping[int, int]:
        """Free seats of this kind by event id."""

    @property
    def next_at(self) -> Milliseconds:
        """When the next hold ends; NEVER when none is open."""


class Sold(Protocol):
    """What an offer follows from: an Event, or an Entry of the list."""

    @property
    def id(self) -> int:
        """Names the event in the database."""

    @property
    def state(self) -> EventState:
        """Of the event itself."""

    @property
    def ends_at(self) -> Milliseconds:
        """When it is over."""

    @property
    def sales_open_at(self) -> Milliseconds:
        """When the first seat can be had."""

    @property
    def sales_close_at(self) -> Milliseconds:
        """When none can be had any more."""

    @property
    def capacity(self) -> int:
        """Seats there are."""

    @property
    def taken(self) -> int:
        """Seats counted as taken."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be had of an event at one moment."""

    state: OfferState
    left: int
    """Seats that are free; whether one can be had, `state` says."""
    opens_at: Milliseconds
    """When sales open, where that is still to come; else 0."""


def offer_of(event: Sold, lapsed: Mapping[int, int], now: Milliseconds) -> Offer:
    """What can be had of `event` at `now`; the seats of ended holds in `lapsed` count as free."""
    left = max(0, min(event.capacity, event.capacity - event.taken + lapsed.get(event.id, 0)))
    if event.state == "cancelled":
        return Offer("cancelled", left, 0)
    if now >= event.ends_at:
        return Offer("over", left, 0)
    if now >= event.sales_close_at:
        return Offer("closed", left, 0)
    if now < event.sales_open_at:
        return Offer("soon", left, event.sales_open_at)
    if left == 0:
        return Offer("soldout", 0, 0)
    few = left <= FEW or left * 100 <= FEW * event.capacity
    return Offer("few" if few else "open", left, 0)


def until(event: Sold, lapsed: Lapsed, now: Milliseconds) -> Milliseconds:
    """When the clock next changes what can be had of the event, or may: a hold that ends need not be one of its own."""
    ahead = (
        at for at in (event.sales_open_at, event.sales_close_at, event.ends_at, lapsed.next_at) if at > now
    )
    return min(ahead, default=NEVER)
