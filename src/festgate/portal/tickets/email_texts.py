"""The sentences of emails about tickets: issued, cancelled, refunded, and unpaid orders that became smaller."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from festgate.kit.formats import Formats
from festgate.kit.messaging import mail
from festgate.kit.translation import gettext, ngettext
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets.facts import HoldersLeft

MAX_IN_SUBJECT = 3
"""Events that the subject of an email names."""


@dataclass(frozen=True)
class EmailText:
    """The sentences of an email that depend on what happened; its template has the others."""

    subject: str
    opening: str = ""
    lines: Sequence[str] = ()
    """The lines below; an empty one begins a paragraph."""
    called_off: bool = False
    """The event itself is cancelled."""
    priority: mail.Priority = "other"


def describe_tickets(titles: Sequence[str], order: checkout.Order | None, writing: Formats) -> EmailText:
    """Return the sentences around the tickets for these events, of the paid order; None for a free seat."""
    count = len(titles)
    opening = gettext("Your seat is confirmed. Here is your ticket:")
    taxes = []
    if order is not None:
        opening = ngettext(
            "We have received {amount} for order {ref}. Here is your ticket:",
            "We have received {amount} for order {ref}. Here are your tickets:",
            count,
        ).format(amount=writing.money(order.total), ref=order.ref)
        sentence = gettext("The price includes {amount} tax ({rate} %).")
        taxes = [sentence.format(amount=writing.money(tax), rate=rate) for rate, tax in order.taxes]
    return EmailText(
        ngettext("Your ticket: {events}", "Your tickets: {events}", count).format(events=_listed(titles)),
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
            gettext("Declining in your calendar does not cancel your registration."),
            *taxes,
            *(() if order is None else _refund_sentences(order)),
        ),
        priority="ticket",
    )


def _refund_sentences(order: checkout.Order) -> list[str]:
    """Return until when the buyer can cancel each event of the order, and what comes back; none without a rule."""
    rules = {
        line.title: catalogue.stored_rule(line.refund_rule) for line in order.kept_lines if line.fee.minor
    }
    sentence = gettext("If you cancel {event} on the page of your order: {rule}.")
    return [
        sentence.format(event=label, rule=", ".join(rule.sentences()))
        for label, rule in rules.items()
        if rule.steps
    ]


def describe_copies(titles: Sequence[str], writing: Formats) -> EmailText:
    """Return the sentences around tickets that the organisers have sent again."""
    opening = ngettext(
        "The organisers have sent you this ticket again:",
        "The organisers have sent you these tickets again:",
        len(titles),
    )
    return replace(describe_tickets(titles, None, writing), opening=opening)


def describe_change(event: catalogue.Event, known: HoldersLeft, writing: Formats) -> EmailText | None:
    """Return what is different from what attendees know; None if nothing is."""
    subject = gettext("Changed: {event}").format(event=event.title)
    if not known.title:  # a fact of a version that did not record it
        opening = gettext(
            "The organisers have changed the title, time or place of an event you have a ticket for."
        )
        return EmailText(subject, opening)
    values = (
        (gettext("Title: {new} (before: {old})"), event.title, known.title),
        (
            gettext("Start: {new} (before: {old})"),
            writing.when(event.starts_at),
            writing.when(known.starts_at),
        ),
        (gettext("End: {new} (before: {old})"), writing.when(event.ends_at), writing.when(known.ends_at)),
        (gettext("Place: {new} (before: {old})"), event.place, known.place),
    )
    lines = [line.format(new=new, old=old) for line, new, old in values if new != old]
    opening = gettext("The organisers have changed an event you have a ticket for.")
    return EmailText(subject, opening, lines) if lines else None


def describe_ending(
    seat: registrations.Seat, event: catalogue.Event, writing: Formats, base_url: str, *, had_ticket: bool
) -> EmailText:
    """Return the sentences about a cancelled seat; `had_ticket`: it was confirmed before."""
    ended_by = seat.ended_by
    if ended_by is None and event.state == "cancelled":  # data from before `ended_by` was recorded
        ended_by = registrations.EVENT
    paid = had_ticket and seat.fee.minor > 0
    closing = []
    if had_ticket:
        if seat.pass_seat_id is None:
            closing.append(gettext("The ticket is no longer valid."))
        closing.append(gettext("The attached file removes the event from your calendar."))
    if paid:
        sentence = gettext("Your payment of {amount} will be refunded. We will email you when that is done.")
        closing.append(sentence.format(amount=writing.money(seat.fee)))
    elif seat.pass_seat_id is not None:
        closing.append(
            gettext("Your pass stays valid for its other events. Nothing is refunded automatically.")
        )
    elif not had_ticket:
        closing.append(
            gettext(
                "You had not paid for this seat. If you have just paid, you will be refunded automatically."
            )
        )
    if ended_by == registrations.EVENT:
        return EmailText(
            gettext("Cancelled: {event}").format(event=event.title),
            gettext("This event has been cancelled by the organisers:"),
            closing,
            called_off=True,
        )
    subject = gettext("Your registration was cancelled: {event}").format(event=event.title)
    if ended_by == registrations.ORGANISER or paid:
        opening = gettext("The organisers have cancelled your registration for this event:")
        return EmailText(subject, opening, closing)
    again = gettext("To register again, while seats are available:")
    closing.append(f"{again}\n{base_url}/events/{event.slug}")
    return EmailText(subject, gettext("Your registration for this event has been cancelled:"), closing)


def describe_reduction(order: checkout.Order, reason: str, writing: Formats) -> EmailText:
    """Return what is left to pay of the order and until when, or that it is closed."""
    if not order.kept_lines:
        closed = gettext("Order {ref} had no other seats, so it has been closed. There is nothing to pay.")
        return EmailText(
            gettext("Order {ref} is closed").format(ref=order.ref), reason, [closed.format(ref=order.ref)]
        )
    amount, end = writing.money(order.total), writing.when(order.expires_at)
    rest = gettext("The rest of your order is unchanged: {events}.")
    pay = (
        gettext("Pay {amount} at the desk by {end}. Your order number is {ref}.")
        if order.method == "desk"
        else gettext("Transfer {amount} by {end} with the reference {ref}. The order's page has the account.")
        if order.method == "transfer"
        else gettext("Pay {amount} by {end}. Pay from the order's page.")
    )
    return EmailText(
        gettext("Order {ref} has changed: {amount} to pay").format(ref=order.ref, amount=amount),
        reason,
        (
            rest.format(events=", ".join(line.title for line in order.kept_lines)),
            pay.format(amount=amount, end=end, ref=order.ref),
        ),
    )


def describe_transfer(
    order: checkout.Order, cause: str, rejected_utr: str, account: checkout.TransferAccount, writing: Formats
) -> EmailText:
    """Return how to pay the order by transfer: after it was placed, before it ends, or after a wrong number."""
    amount, end = writing.money(order.total), writing.when(order.expires_at)
    values = {"amount": amount, "end": end, "ref": order.ref, "utr": rejected_utr}
    if cause == "rejected":
        subject = gettext("Order {ref}: no payment with your number")
        opening = gettext("No payment arrived with the number {utr} that you entered for order {ref}.")
        first = gettext("Check the number and enter it again on the order's page. Or pay {amount} by {end}:")
    elif cause == "ending":
        subject = gettext("Order {ref} ends soon: {amount} to pay")
        opening = gettext("Your order {ref} is not paid yet. Your seats are held until {end}.")
        first = gettext("Transfer {amount} now, or your seats are released:")
    else:
        subject = gettext("Order {ref}: {amount} to transfer by {end}")
        opening = gettext("Thank you for your order {ref}. Your seats are held until {end}.")
        first = gettext("Transfer {amount} by then:")
    lines = [first.format(**values), ""]
    lines += [f"{label}: {text}" for label, text in account.rows(amount, order.ref)]
    upi = account.upi_link(order.total, order.ref)
    if upi:
        lines += [
            "",
            gettext("Or by UPI to {upi_id}; the order's page has a QR code:").format(upi_id=account.upi_id),
            upi,
        ]
    lines += [
        "",
        gettext("After paying, enter the number of your payment (UTR) on the order's page."),
        gettext("Your tickets come by email once the payment has arrived."),
    ]
    subject, opening = (text.format(**values) for text in (subject, opening))
    return EmailText(subject, opening, lines)


def describe_refund(
    order: checkout.Order, amount: str, reason: str, titles: str, *, whole: bool
) -> EmailText:
    """Return the sentences about a refund: for the seats of `titles`, for the `whole` order, or for its rest."""
    subject = gettext("Refunded: {amount} for order {ref}")
    if titles:
        subject = gettext("Refunded: {amount} for {events}")
        opening = gettext("We have refunded {amount} for {events} (order {ref}).")
    elif whole:
        opening = gettext("We have refunded {amount}, the whole of order {ref}.")
    else:
        opening = gettext("We have refunded {amount}, the rest of order {ref}.")
    lines = [gettext(reason)]
    if order.method not in checkout.BY_HAND:
        arrival = gettext(
            "The refund goes to the card or account you paid with. It can take your bank a few days to show it."
        )
        lines += ["", arrival]
    subject, opening = (
        text.format(amount=amount, events=titles, ref=order.ref) for text in (subject, opening)
    )
    return EmailText(subject, opening, lines)


def describe_part_refund(order: checkout.Order, amount: str, reason: str) -> EmailText:
    """Return the sentences about a refund of a part of an order, whose tickets stay valid."""
    lines = [gettext(reason), gettext("Your tickets stay valid.")]
    if order.method != "desk":
        arrival = gettext(
            "The refund goes to the card or account you paid with. It can take your bank a few days to show it."
        )
        lines += ["", arrival]
    subject = gettext("Refunded: {amount} for order {ref}").format(amount=amount, ref=order.ref)
    opening = gettext("We have refunded {amount} of order {ref}.").format(amount=amount, ref=order.ref)
    return EmailText(subject, opening, lines)


def describe_exchange(
    old: registrations.Seat, new: registrations.Seat, left: Sequence[str] = ()
) -> EmailText:
    """Return the sentences around the ticket that replaces another; `left` are the events that it does not admit to."""
    lines = [
        gettext("The ticket for {ticket} is not valid any more.").format(ticket=old.label),
        gettext("Show the code on it at the door, on your phone or printed."),
    ]
    if left:
        sentence = gettext("If your calendar still shows {event}, remove it there.")
        lines.append(sentence.format(event=", ".join(left)))
    opening = (
        gettext("The organisers have exchanged your ticket. This is the new one:")
        if new.team_id is None
        else gettext("The organisers have moved your team {team}. This is your new ticket:").format(
            team=new.team_name
        )
    )
    return EmailText(gettext("Your new ticket: {event}").format(event=new.title), opening, lines)


def _listed(titles: Sequence[str]) -> str:
    """Return `Robo Race, Hackathon and 3 more`, so that a subject stays one line."""
    few = ", ".join(titles[:MAX_IN_SUBJECT])
    more = len(titles) - MAX_IN_SUBJECT
    return gettext("{titles} and {count} more").format(titles=few, count=more) if more > 0 else few
