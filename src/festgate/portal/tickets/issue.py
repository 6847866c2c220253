"""Issuing a ticket for a seat, and voiding it.

Facts arrive in any order and more than once, so neither function depends on earlier facts: the state of the seat
decides whether its ticket is valid, and a unique key ensures that there is one. A seat that was cancelled before its
ticket was issued gets one that is void from the start, and another process that was about to issue it finds it.
"""

from sqlalchemy import bindparam, update

from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.ids import new_code
from festgate.portal.registrations.facade import Seat, tickets_of
from festgate.portal.tickets.admissions import record_undone
from festgate.portal.tickets.queries import Ticket, TicketState, ticket_of_seat
from festgate.portal.tickets.tables import tickets

CODE_LENGTH = 16
"""Characters of 5 bits each: 80 bits, which nobody finds by trying."""

_insert = inserting(tickets, returning="id")
_void = Statement(
    update(tickets)
    .where(tickets.c.seat_id == bindparam("seat"), tickets.c.state == "valid")
    .values(state="void", admitted_at=None, admitted_by=None)
)


def issue_ticket(connection: Connection, seat: Seat) -> Ticket | None:
    """Return the seat's ticket, issued now if there is none; None unless the seat is confirmed and the ticket valid."""
    ticket = ticket_of_seat(connection, seat.id)
    if ticket is None and seat.state == "confirmed":
        ticket = _insert_ticket(connection, seat, "valid")
    return ticket if ticket is not None and ticket.state == "valid" else None


def void_ticket(connection: Connection, seat: Seat) -> bool:
    """The ticket of a seat that was taken back is void, issued or not; False if it was so already.

    Where its holder was in, that is taken back with it, and recorded.
    """
    record_undone(connection, seat.id, None)
    if connection.run(_void, seat=seat.id):
        return True
    if ticket_of_seat(connection, seat.id) is not None:
        return False
    _insert_ticket(connection, seat, "void")
    return True


def _insert_ticket(connection: Connection, seat: Seat, state: TicketState) -> Ticket:
    code = new_code(CODE_LENGTH)
    try:
        number: int = connection.value(
            _insert,
            code=code,
            seat_id=seat.id,
            person_id=seat.person_id,
            event_id=seat.event_id,
            order_id=seat.order_id,
            state=state,
            issued_at=connection.now,
            admitted_at=None,
            admitted_by=None,
        )
    except UniqueViolation:
        # Another process has made it since we looked: the next try finds it.
        raise TryAgain from None
    connection.announce(tickets_of(seat.person_id))
    return Ticket(number, code, seat.id, seat.person_id, seat.event_id, seat.order_id, state, connection.now)
