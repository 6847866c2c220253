"""Reasons for refunds and for reduced orders, in a sentence for the attendee."""

from collections.abc import Sequence

from festgate.kit.db.statements import Connection
from festgate.kit.translation import N_, gettext
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout.records import Line
from festgate.portal.registrations import facade as registrations

EVERY_SEAT = N_("Every seat of this order was cancelled.")


def ending_sentence(title: str, ended_by: registrations.EndedBy | None) -> str:
    """Return the sentence for one seat at the event `title`."""
    if ended_by == registrations.EVENT:
        sentence = gettext("{event} was cancelled.")
    elif ended_by == registrations.ORGANISER:
        sentence = gettext("The organisers cancelled your registration for {event}.")
    elif ended_by == registrations.HOLDER:
        sentence = gettext("You cancelled your registration for {event}.")
    else:
        sentence = gettext("Your registration for {event} was cancelled.")
    return sentence.format(event=title)


def ended_by_of(connection: Connection, seat: registrations.Seat) -> registrations.EndedBy | None:
    """Return the party that cancelled the seat; where it was not recorded, the event if that is cancelled."""
    if seat.ended_by is not None:
        return seat.ended_by
    event = catalogue.event_by_id(connection, seat.event_id)
    return registrations.EVENT if event.state == "cancelled" else None


def reason_for(connection: Connection, lines: Sequence[Line]) -> str:
    """Return why these lines ended: a sentence each."""
    return " ".join(
        ending_sentence(line.title, ended_by_of(connection, registrations.seat(connection, line.seat_id)))
        for line in lines
    )
