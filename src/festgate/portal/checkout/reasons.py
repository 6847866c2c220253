"""Sentences for attendees about the reasons for refunds and reduced orders."""

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
    """Return the cause of the seat's cancellation; if it was not recorded, the event if that is cancelled."""
    if seat.ended_by is not None:
        return seat.ended_by
    event = catalogue.event_by_id(connection, seat.event_id)
    return registrations.EVENT if event.state == "cancelled" else None


def reason_for(connection: Connection, lines: Sequence[Line]) -> str:
    """Return the reasons for which these lines ended, a sentence for each."""
    return " ".join(
        ending_sentence(line.title, ended_by_of(connection, registrations.seat(connection, line.seat_id)))
        for line in lines
    )
