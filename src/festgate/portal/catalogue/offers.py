"""The offer of an event: whether a seat is available now, how many are left, and when that may change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from festgate.kit.clock import NEVER, Milliseconds
from festgate.portal.catalogue.queries import Event, ListedEvent

OfferState = Literal["open", "few", "soldout", "soon", "closed", "over", "cancelled"]

FEW = 10
"""The number of seats, or of per cent of all seats, that counts as few."""


@dataclass(frozen=True, slots=True)
class LapsedHolds:
    """Holds that have ended but have not been swept yet: their seats are free. Registrations finds them."""

    seats: Mapping[int, int] = field(default_factory=dict)
    """The number of such seats by event id."""
    next_at: Milliseconds = NEVER
    """The time at which the next hold ends; NEVER without an open hold, or while holds are paused."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The availability of an event at one moment."""

    state: OfferState
    left: int
    """Free seats, in every state."""
    opens_at: Milliseconds
    """The start of sales if it is still ahead; else 0."""


def offer_of(event: Event | ListedEvent, lapsed: Mapping[int, int], now: Milliseconds) -> Offer:
    """Return the event's offer at `now`; the seats of ended holds in `lapsed` count as free."""
    left = max(0, min(event.capacity, event.capacity - event.taken + lapsed.get(event.id, 0)))
    if (
        isinstance(event, Event)
        and event.waiting
        and not event.needs_approval
        and left <= lapsed.get(event.id, 0)
    ):
        left = 0  # they go to the waiting list
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


def until(event: Event | ListedEvent, lapsed: LapsedHolds, now: Milliseconds) -> Milliseconds:
    """Return when the clock may next change the offer. The next hold to end may be of another event."""
    times = (event.sales_open_at, event.sales_close_at, event.ends_at, lapsed.next_at)
    return min((at for at in times if at > now), default=NEVER)
