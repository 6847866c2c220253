"""Why money goes back or an order shrank, in a sentence for the person."""

from collections.abc import Sequence

from festgate.kit.db.statements import Connection
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout.records import Line
from festgate.portal.registrations import facade as registrations

EVERY_SEAT = "Every seat of this order was cancelled."


def ending_sentence(title: str, ended_by: registrations.EndedBy | None) -> str:
    """Return the sentence for one seat at the event `title`."""
    if ended_by == registrations.EVENT:
        return f"{title} was cancelled."
    if ended_by == registrations.ORGANISER:
        return f"The organisers cancelled your registration for {title}."
    if ended_by == registrations.HOLDER:
        return f"You cancelled your registration for {title}."
    return f"Your registration for {title} was cancelled."


def ended_by_of(connection: Connection, seat: registrations.Seat) -> registrations.EndedBy | None:
    """Return who ended the seat; where that was not recorded, its event if it is cancelled."""
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
