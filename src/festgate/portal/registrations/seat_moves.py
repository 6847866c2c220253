"""Giving the seats of a guest to the person that claims them."""

from itertools import count

from sqlalchemy import bindparam, select, update

from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation
from festgate.portal.accounts import facade as accounts
from festgate.portal.accounts.facts import AddressCorrected
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import guest_queries, queries
from festgate.portal.registrations.files import move_answers
from festgate.portal.registrations.tables import LIVE, seats

_OF_GUEST = seats.c.person_id == bindparam("guest")
_live = Statement(
    select(*seats.c["id", "event_id", "slot"])
    .where(_OF_GUEST, LIVE)
    .order_by(seats.c.event_id, seats.c.slot)
    .with_for_update()
)
_renumber = Statement(
    update(seats)
    .where(seats.c.id == bindparam("seat"))
    .values(person_id=bindparam("owner"), slot=bindparam("new_slot"), guest_key=bindparam("new_key"))
)
_move_ended = Statement(
    update(seats).where(_OF_GUEST, ~LIVE).values(person_id=bindparam("owner"), guest_key=bindparam("new_key"))
)
_forget = Statement(update(seats).where(_OF_GUEST).values(guest_key=None))


def move_seats(connection: Connection, guest_id: int, person_id: int) -> None:
    """Give the seats of a guest, and the uses of promo codes, to another person.

    An account may have more seats at an event then than one person can take: nobody has to give one back.
    """
    person = accounts.person_by_id(connection, person_id)
    key = accounts.key_of(person.email) if person.is_guest else None
    for seat_id, event_id, slot in connection.all(_live, guest=guest_id):
        used = queries.used_slots(connection, person_id, event_id)
        free = slot if slot not in used else next(number for number in count() if number not in used)
        try:
            connection.run(_renumber, seat=seat_id, owner=person_id, new_slot=free, new_key=key)
        except UniqueViolation:
            raise TryAgain from None  # the person has just taken that seat in another process
    connection.run(_move_ended, guest=guest_id, owner=person_id, new_key=key)
    catalogue.move_code_uses(connection, guest_id, person_id)
    move_answers(connection, guest_id, person_id)


def follow_address(connection: Connection, fact: AddressCorrected) -> None:
    """Note the corrected address of a guest at the guest's seats."""
    person = accounts.person_by_id(connection, fact.person_id)
    if not person.is_guest or person.is_deleted:
        return
    key = accounts.key_of(person.email)
    for seat_id, event_id, slot in connection.all(_live, guest=person.id):
        used = guest_queries.slots_of_guest(connection, key, event_id)
        if slot in used:
            used |= queries.used_slots(connection, person.id, event_id)
        free = slot if slot not in used else next(number for number in count() if number not in used)
        try:
            connection.run(_renumber, seat=seat_id, owner=person.id, new_slot=free, new_key=key)
        except UniqueViolation:
            raise TryAgain from None
    connection.run(_move_ended, guest=person.id, owner=person.id, new_key=key)


def forget_guest(connection: Connection, person_id: int) -> None:
    """Delete the guest's address from their seats."""
    connection.run(_forget, guest=person_id)
