"""What a person is told when a seat of theirs ends, or an unpaid order of theirs becomes smaller."""

from dataclasses import dataclass

from festgate.kit.formats import Formats
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout
from festgate.portal.registrations import facade as registrations


@dataclass(frozen=True)
class EndingEmail:
    """The sentences of the email about one seat."""

    subject: str
    opening: str
    closing: tuple[str, ...]
    called_off: bool = False
    """The event itself is cancelled, which calendars are to know."""


@dataclass(frozen=True)
class ReducedEmail:
    """The sentences of the email about an order that lost lines before it was paid."""

    subject: str
    news: tuple[str, ...]


def describe_ending(
    seat: registrations.Seat, event: catalogue.Event, writing: Formats, base_url: str, *, had_ticket: bool
) -> EndingEmail:
    """Say who ended the seat, and what follows for its holder; `had_ticket`: it was confirmed before."""
    ended_by = seat.ended_by
    if ended_by is None and event.state == "cancelled":  # before it was recorded who ended a seat
        ended_by = registrations.EVENT
    paid = had_ticket and seat.fee.minor > 0
    closing = []
    if had_ticket:
        closing.append("Its ticket is not valid any more.")
    if paid:
        closing.append(
            f"You get back what you paid for it, {writing.money(seat.fee)}. We write again when that is done."
        )
    elif not had_ticket:
        closing.append("You had not paid for it. If you paid just now, the money goes back by itself.")
    if ended_by == registrations.EVENT:
        return EndingEmail(
            f"Cancelled: {event.title}",
            "The organisers have cancelled this event:",
            tuple(closing),
            called_off=True,
        )
    if ended_by == registrations.ORGANISER or paid:
        return EndingEmail(
            f"Your registration was cancelled: {event.title}",
            "The organisers have cancelled your registration for this event:",
            tuple(closing),
        )
    closing.append(
        f"If that was a mistake, register again while there are seats:\n{base_url}/events/{event.slug}"
    )
    return EndingEmail(
        f"Your seat was given back: {event.title}",
        "Your seat at this event has been given back:",
        tuple(closing),
    )


def describe_reduction(order: checkout.Order, reason: str, writing: Formats) -> ReducedEmail:
    """Say what is left to pay of the order and until when, or that it is closed."""
    if not order.kept_lines:
        return ReducedEmail(
            f"Order {order.ref} is closed",
            (reason, f"Order {order.ref} had no other seat, so it is closed. There is nothing to pay."),
        )
    amount, end = writing.money(order.total), writing.when(order.expires_at)
    left = ", ".join(line.title for line in order.kept_lines)
    where = (
        f"Pay {amount} at the desk by {end}. Say the order number: {order.ref}."
        if order.method == "desk"
        else f"Pay {amount} by {end}. The order's page leads to the payment."
    )
    return ReducedEmail(
        f"Order {order.ref} is {amount} now",
        (reason, f"The order goes on without that: {left}.", where),
    )
