"""The sentences of emails about tickets: issued, cancelled, refunded, and unpaid orders that became smaller."""

from dataclasses import dataclass

from festgate.kit.formats import Formats
from festgate.kit.translation import gettext, ngettext
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout
from festgate.portal.registrations import facade as registrations


@dataclass(frozen=True)
class TicketsEmail:
    """The sentences of an email that brings tickets."""

    opening: str
    advice: tuple[str, ...]


@dataclass(frozen=True)
class EndingEmail:
    """The sentences of the email about one cancelled seat."""

    subject: str
    opening: str
    closing: tuple[str, ...]
    called_off: bool = False
    """The event itself is cancelled, so calendars need an update."""


@dataclass(frozen=True)
class ReducedEmail:
    """The sentences of the email about an order that lost lines before it was paid."""

    subject: str
    news: tuple[str, ...]


@dataclass(frozen=True)
class RefundEmail:
    """The sentences of the email about a refund."""

    opening: str
    reason: str
    arrival: str
    """When the money arrives; empty for a refund at the desk."""


def describe_tickets(count: int, order: checkout.Order | None, writing: Formats) -> TicketsEmail:
    """Return the sentences around `count` tickets of the paid order; None for a free seat."""
    opening = gettext("Your seat is confirmed. Here is your ticket:")
    if order is not None:
        opening = ngettext(
            "We have received {amount} for order {ref}. Here is your ticket:",
            "We have received {amount} for order {ref}. Here are your tickets:",
            count,
        ).format(amount=writing.money(order.total), ref=order.ref)
    return TicketsEmail(
        opening,
        (
            ngettext(
                "Show the code on it at the door, on your phone or printed.",
                "Show the code on each at the door, on your phone or printed.",
                count,
            ),
            ngettext(
                "Add it to your calendar with the attached file.",
                "Add them to your calendar with the attached files.",
                count,
            ),
        ),
    )


def describe_ending(
    seat: registrations.Seat, event: catalogue.Event, writing: Formats, base_url: str, *, had_ticket: bool
) -> EndingEmail:
    """Return the sentences about a cancelled seat; `had_ticket`: it was confirmed before."""
    ended_by = seat.ended_by
    if ended_by is None and event.state == "cancelled":  # data from before `ended_by` was recorded
        ended_by = registrations.EVENT
    paid = had_ticket and seat.fee.minor > 0
    closing = []
    if had_ticket:
        closing.append(gettext("The ticket is no longer valid."))
    if paid:
        sentence = gettext("Your payment of {amount} will be refunded. We will email you when that is done.")
        closing.append(sentence.format(amount=writing.money(seat.fee)))
    elif not had_ticket:
        closing.append(
            gettext(
                "You had not paid for this seat. If you have just paid, you will be refunded automatically."
            )
        )
    if ended_by == registrations.EVENT:
        return EndingEmail(
            gettext("Cancelled: {event}").format(event=event.title),
            gettext("This event has been cancelled by the organisers:"),
            tuple(closing),
            called_off=True,
        )
    subject = gettext("Your registration was cancelled: {event}").format(event=event.title)
    if ended_by == registrations.ORGANISER or paid:
        opening = gettext("The organisers have cancelled your registration for this event:")
        return EndingEmail(subject, opening, tuple(closing))
    again = gettext("To register again, while seats are available:")
    closing.append(f"{again}\n{base_url}/events/{event.slug}")
    return EndingEmail(
        subject, gettext("Your registration for this event has been cancelled:"), tuple(closing)
    )


def describe_reduction(order: checkout.Order, reason: str, writing: Formats) -> ReducedEmail:
    """Return what is left to pay of the order and until when, or that it is closed."""
    if not order.kept_lines:
        closed = gettext("Order {ref} had no other seats, so it has been closed. There is nothing to pay.")
        return ReducedEmail(
            gettext("Order {ref} is closed").format(ref=order.ref), (reason, closed.format(ref=order.ref))
        )
    amount, end = writing.money(order.total), writing.when(order.expires_at)
    rest = gettext("The rest of your order is unchanged: {events}.")
    pay = (
        gettext("Pay {amount} at the desk by {end}. Your order number is {ref}.")
        if order.method == "desk"
        else gettext("Pay {amount} by {end}. Pay from the order's page.")
    )
    return ReducedEmail(
        gettext("Order {ref} has changed: {amount} to pay").format(ref=order.ref, amount=amount),
        (
            reason,
            rest.format(events=", ".join(line.title for line in order.kept_lines)),
            pay.format(amount=amount, end=end, ref=order.ref),
        ),
    )


def describe_refund(
    order: checkout.Order, amount: str, reason: str, titles: str, *, whole: bool
) -> RefundEmail:
    """Return the sentences about a refund: for the seats of `titles`, for the `whole` order, or for its rest."""
    if titles:
        opening = gettext("We have refunded {amount} for {events} (order {ref}).")
    elif whole:
        opening = gettext("We have refunded {amount}, the whole of order {ref}.")
    else:
        opening = gettext("We have refunded {amount}, the rest of order {ref}.")
    arrival = (
        ""
        if order.method == "desk"
        else gettext(
            "The refund goes to the card or account you paid with. It can take your bank a few days to show it."
        )
    )
    return RefundEmail(opening.format(amount=amount, events=titles, ref=order.ref), gettext(reason), arrival)
