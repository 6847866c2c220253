"""Notices about the last step of an organiser."""

from collections.abc import Mapping
from typing import Literal

from festgate.kit.formats import Formats
from festgate.kit.translation import gettext
from festgate.portal.backoffice.queries import FoundOrder, Organised
from festgate.portal.checkout import facade as checkout

Notice = tuple[Literal["good", "warn", "info"], str]
"""The tone of a notice, and its sentence."""
NOTICES = ("saved", "published", "cancelled")
"""Query parameters of the redirect to the list of events after a change; each has the slug of the changed event."""


def notice_of(asked: Mapping[str, str], listed: list[Organised]) -> str:
    """Return the notice about an event if its state matches the address, otherwise an empty one."""
    titles = {(organised.event.slug, organised.event.state): organised.event.title for organised in listed}
    for (slug, state), title in titles.items():
        if slug == asked.get("saved"):
            sentence = (
                gettext("{event} is saved as a draft.") if state == "draft" else gettext("{event} is saved.")
            )
            return sentence.format(event=title)
        if slug == asked.get("published") and state == "published":
            return gettext("{event} is published.").format(event=title)
        if slug == asked.get("cancelled") and state == "cancelled":
            sentence = gettext("{event} is cancelled. Attendees are being emailed and payments refunded.")
            return sentence.format(event=title)
    return gettext("The draft has been deleted.") if asked.get("cancelled") else ""


def notice_of_order(order: checkout.Order | None, writing: Formats) -> Notice | None:
    """Return the notice about an order that was marked at the desk."""
    if order is None:
        return None
    amount = writing.money(order.total)
    if order.state == "paid":
        sentence = gettext("Order {ref} is paid: {amount}. Its tickets are being sent.")
        return "good", sentence.format(ref=order.ref, amount=amount)
    if order.state == "refunded":
        return "good", gettext("Order {ref} is refunded: {amount}.").format(ref=order.ref, amount=amount)
    if order.state == "refunding":
        sentence = gettext("Order {ref} cannot be fulfilled: {reason} Please refund it.")
        reason = gettext(order.reason or "A seat was no longer available.")
        return "warn", sentence.format(ref=order.ref, reason=reason)
    return None


def notice_of_retry(tried: FoundOrder | None) -> Notice | None:
    """Return the notice about a payment or refund that was retried."""
    if tried is None:
        return None
    if tried.stuck:
        sentence = gettext("Order {ref} is being retried. Check again in a moment.")
        return "info", sentence.format(ref=tried.order.ref)
    sentence = gettext("Order {ref} is settled: {state}.")
    return "good", sentence.format(ref=tried.order.ref, state=tried.badge[1].lower())
