"""The sentences of emails about places on waiting lists and applications."""

from festgate.kit.formats import Formats
from festgate.kit.translation import gettext
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets.email_texts import EmailText


def describe_offer(
    seat: registrations.Seat,
    entry: registrations.Entry,
    event: catalogue.Event,
    writing: Formats,
    base_url: str,
) -> EmailText:
    """Return the sentences about a seat that is held for somebody: until when, and the link to take it."""
    opening = gettext("A seat has come free. It is held for you:")
    subject = gettext("A seat for you: {event}")
    if event.needs_approval:
        opening = gettext("The organisers have accepted your application. A seat is held for you:")
        subject = gettext("You are accepted: {event}")
    end = writing.when(seat.held_until)
    if seat.fee.minor:
        take = gettext("Pay {amount} by {end}, or the seat goes to someone else.")
        take = take.format(amount=writing.money(seat.fee), end=end)
    else:
        take = gettext("Confirm it by {end}, or the seat goes to someone else.").format(end=end)
    lines = [f"{take}\n{base_url}/events/{event.slug}"]
    if entry.state == "waiting":
        lines += ["", gettext("You keep your place on the list for your other tickets.")]
    return EmailText(subject.format(event=event.title), opening, lines)


def describe_waiting_ended(entry: registrations.Entry, event: catalogue.Event) -> EmailText:
    """Return the sentences about an application or a place on a waiting list that ended without a seat."""
    if entry.state == "ended":
        opening = gettext("This event has been cancelled by the organisers. You were waiting for a seat:")
        return EmailText(gettext("Cancelled: {event}").format(event=event.title), opening, called_off=True)
    if entry.state == "declined":
        opening = gettext("The organisers have declined your application for this event:")
        return EmailText(
            gettext("Your application: {event}").format(event=event.title),
            opening,
            [entry.answer] if entry.answer else [],
        )
    opening = gettext("The organisers have taken you off the waiting list of this event:")
    return EmailText(gettext("Waiting list: {event}").format(event=event.title), opening)
