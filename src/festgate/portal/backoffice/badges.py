"""The words and colours by which organisers see the states of orders and events."""

from collections.abc import Mapping

from festgate.kit.translation import N_, gettext
from festgate.portal.catalogue.facade import Event, Offer
from festgate.portal.checkout.facade import OrderState

Badge = tuple[str, str]
"""The kind of `badge` in kit/parts.html, and its text."""
_ORDERS: Mapping[OrderState, Badge] = {
    "pending": ("pending", N_("Awaiting payment")),
    "paid": ("paid", N_("Paid")),
    "declined": ("cancelled", N_("Declined")),
    "cancelled": ("cancelled", N_("Cancelled")),
    "expired": ("cancelled", N_("Expired")),
    "refunding": ("refunded", N_("Refund due")),
    "refunded": ("refunded", N_("Refunded")),
}
_ON_SALE = ("confirmed", N_("On sale"))
_EVENTS: Mapping[str, Badge] = {
    "open": _ON_SALE,
    "few": ("few", N_("Nearly full")),
    "soldout": ("soldout", N_("Sold out")),
    "soon": ("soon", N_("Published")),
    "closed": ("closed", N_("Sales closed")),
    "over": ("closed", N_("Over")),
    "cancelled": ("cancelled", N_("Cancelled")),
}


def badge_of_order(state: OrderState) -> Badge:
    """Return the badge of an order."""
    kind, text = _ORDERS[state]
    return kind, gettext(text)


def badge_of_event(event: Event, offer: Offer, taken: int) -> Badge:
    """Return the badge of an event. Few seats left of a small event are no news while most of them are free."""
    if event.state == "draft":
        return "closed", gettext("Draft")
    small = offer.state == "few" and taken * 2 <= (event.capacity or 0)
    kind, text = _ON_SALE if small else _EVENTS[offer.state]
    return kind, gettext(text)
