"""Complimentary tickets: given by an organiser for nothing, to a name and an email address."""

from sqlalchemy import bindparam, select, table
from sqlalchemy.sql import column

from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.visitors import Actor
from festgate.portal.accounts import facade as accounts
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout.errors import KeyReused
from festgate.portal.checkout.exchanges import subject_of_person
from festgate.portal.checkout.tables import complimentary
from festgate.portal.registrations import facade as registrations

_insert = inserting(complimentary)
_by_key = Statement(select(complimentary.c.seat_id).where(complimentary.c.request_key == bindparam("key")))
_by_seat = Statement(select(complimentary.c.seat_id).where(complimentary.c.seat_id == bindparam("seat")))
# A table of a lower module, by name (decision 0012): one query serves a whole list.
_seats = table("registrations_seats", column("id"), column("event_id"))
_of_event = Statement(
    select(complimentary.c.seat_id)
    .join_from(complimentary, _seats, _seats.c.id == complimentary.c.seat_id)
    .where(_seats.c.event_id == bindparam("event"))
)


def give_ticket(
    connection: Connection, actor: Actor, slug: str, type_id: int, entry: accounts.GuestEntry, key: str
) -> registrations.Seat:
    """Give a ticket of that type to a guest, counted in the capacity and the quotas; return the seat.

    The same key again gives nothing. Raises NotFound, KeyReused for another guest or type, registrations'
    NotExchangeable, AlreadyRegistered or TooManyTickets, or catalogue's SoldOut or NotOnSale.
    """
    known: int | None = connection.value(_by_key, key=key)
    if known is not None:
        seat = registrations.seat(connection, known)
        person = accounts.person_by_id(connection, seat.person_id)
        if seat.type_id != type_id or not accounts.is_same_guest(person.email, entry):
            raise KeyReused
        return seat
    guest_id = accounts.add_guest(connection, entry)
    seat_id = registrations.give_seat(connection, guest_id, slug, type_id)
    try:
        connection.run(
            _insert, seat_id=seat_id, given_by=actor.person, given_at=connection.now, request_key=key
        )
    except UniqueViolation:
        raise TryAgain from None  # another process has just given it
    event = catalogue.any_event_by_slug(connection, slug)
    seat = registrations.seat(connection, seat_id)
    audit.record(
        connection, actor, "ticket.given", subject_of_person(guest_id), event_id=event.id, ticket=seat.label
    )
    return seat


def is_complimentary(connection: Connection, seat_id: int) -> bool:
    """Return whether the ticket of the seat was given, also if it was exchanged since."""
    return connection.first(_by_seat, seat=seat_id) is not None


def complimentary_seats(connection: Connection, event_id: int) -> set[int]:
    """Return the ids of the seats of the event that were given as complimentary tickets, also ended ones."""
    return {seat for (seat,) in connection.all(_of_event, event=event_id)}
