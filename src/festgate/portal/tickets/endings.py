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
        closing.append("The ticket is no longer valid.")
    if paid:
        closing.append(
            f"Your payment of {writing.money(seat.fee)} will be refunded. We will email you when that is done."
        )
    elif not had_ticket:
        closing.append(
            "You had not paid for this seat. If you have just paid, you will be refunded automatically."
        )
    if ended_by == registrations.EVENT:
        return EndingEmail(
            f"Cancelled: {event.title}",
            "This event has been cancelled by the organisers:",
            tuple(closing),
            called_off=True,
        )
    if ended_by == registrations.ORGANISER or paid:
        return EndingEmail(
            f"Your registration was cancelled: {event.title}",
            "The organisers have cancelled your registration for this event:",
            tuple(closing),
        )
    closing.append(f"To register again, while seats are available:\n{base_url}/events/{event.slug}")
    return EndingEmail(
        f"Your registration was cancelled: {event.title}",
        "Your registration for this event has been cancelled:",
        tuple(closing),
    )


def describe_reduction(order: checkout.Order, reason: str, writing: Formats) -> ReducedEmail:
    """Say what is left to pay of the order and until when, or that it is closed."""
    if not order.kept_lines:
        return ReducedEmail(
            f"Order {order.ref} is closed",
            (
                reason,
                f"Order {order.ref} had no other seats, so it has been closed. There is nothing to pay.",
            ),
        )
    amount, end = writing.money(order.total), writing.when(order.expires_at)
    left = ", ".join(line.title for line in order.kept_lines)
    where = (
        f"Pay {amount} at the desk by {end}. Your order number is {order.ref}."
        if order.method == "desk"
        else f"Pay {amount} by {end}. Pay from the order's page."
    )
    return ReducedEmail(
        f"Order {order.ref} has changed: {amount} to pay",
        (reason, f"The rest of your order is unchanged: {left}.", where),
    )
