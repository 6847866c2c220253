"""Issuing a ticket for a seat, checking its holder in, and voiding it.

Facts arrive in any order and more than once, so issuing and voiding do not depend on earlier facts: the state of the
seat decides whether its ticket is valid, and a unique key ensures that there is one. A seat that was cancelled before
its ticket was issued gets one that is void from the start, and another process that was about to issue it finds it.

Two people at the door may scan one code at the same moment, at two doors, in two processes. A conditional update of the
ticket's own row decides which check-in counts.
"""

from sqlalchemy import bindparam, insert, select, update

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.ids import new_code
from festgate.portal.registrations.facade import Seat, lock_seat, places_of_pass, tickets_of
from festgate.portal.tickets.queries import Ticket, TicketState, ticket_of_seat
from festgate.portal.tickets.tables import replaced_codes, tickets, undone_admissions

CODE_LENGTH = 16
"""Characters of 5 bits each: 80 bits, which nobody finds by trying."""

_insert = inserting(tickets, returning="id")
_void = Statement(
    update(tickets)
    .where(tickets.c.seat_id == bindparam("seat"), tickets.c.state == "valid")
    .values(state="void", admitted_at=None, admitted_by=None)
)
_admit = Statement(
    update(tickets)
    .where(
        tickets.c.id == bindparam("ticket"),
        # A ticket that was transferred since the scan was read has another code.
        tickets.c.code == bindparam("scanned"),
        tickets.c.state == "valid",
        tickets.c.admitted_at.is_(None),
    )
    .values(admitted_at=bindparam("now"), admitted_by=bindparam("staff"))
)
_replace_code = Statement(
    update(tickets)
    .where(
        tickets.c.seat_id == bindparam("seat"), tickets.c.state == "valid", tickets.c.admitted_at.is_(None)
    )
    .values(code=bindparam("new_code"))
)
_keep_old = inserting(replaced_codes)
_undo = Statement(
    update(tickets)
    .where(tickets.c.id == bindparam("ticket"), tickets.c.admitted_at == bindparam("since"))
    .values(admitted_at=None, admitted_by=None)
)
_record_undone = Statement(
    insert(undone_admissions).from_select(
        ["ticket_id", "admitted_at", "admitted_by", "undone_at", "undone_by"],
        select(
            tickets.c.id,
            tickets.c.admitted_at,
            tickets.c.admitted_by,
            bindparam("now", type_=undone_admissions.c.undone_at.type),
            bindparam("staff", type_=undone_admissions.c.undone_by.type),
        ).where(tickets.c.seat_id == bindparam("seat"), tickets.c.admitted_at.is_not(None)),
    )
)


def replace_code(connection: Connection, seat_id: int) -> bool:
    """Give the seat's ticket another code for another attendee; False, and no change, if its holder was checked in.

    A ticket that has not been issued yet gets its code later.
    """
    ticket = ticket_of_seat(connection, seat_id)
    if ticket is None:
        return True
    if not connection.run(_replace_code, seat=seat_id, new_code=new_code(CODE_LENGTH)):
        return False
    keep_old_code(connection, ticket)
    return True


def keep_old_code(connection: Connection, ticket: Ticket) -> None:
    """Record the code that the ticket had until now, so that the door refuses it with the reason."""
    connection.run(_keep_old, code=ticket.code, ticket_id=ticket.id, replaced_at=connection.now)


def issue_ticket(connection: Connection, seat: Seat) -> Ticket | None:
    """Return the seat's ticket, issued now if there is none; None unless the seat is confirmed and the ticket valid."""
    ticket = ticket_of_seat(connection, seat.id)
    if ticket is None and seat.guest_key is not None:
        # An account may claim the seats of a guest at the same time: the ticket is its owner's.
        seat = lock_seat(connection, seat.id) or seat
    if ticket is None and seat.state == "confirmed":
        ticket = _insert_ticket(connection, seat, "valid")
    return ticket if ticket is not None and ticket.state == "valid" else None


def issue_places(connection: Connection, seat: Seat) -> list[Seat]:
    """Issue the tickets of a pass's places at other events, and return the confirmed ones; none for another ticket.

    Their codes are sent to nobody: the code of the pass admits at each event, and each has its own check-in.
    """
    if not seat.is_pass:
        return []
    places = places_of_pass(connection, seat.id)
    return [place for place in places if issue_ticket(connection, place) is not None]


def void_places(connection: Connection, seat: Seat) -> list[Seat]:
    """Void the tickets of the places of a pass that have ended, and return these places."""
    if not seat.is_pass:
        return []
    ended = [place for place in places_of_pass(connection, seat.id) if place.state != "confirmed"]
    return [place for place in ended if void_ticket(connection, place)]


def void_ticket(connection: Connection, seat: Seat) -> bool:
    """Void the ticket of a cancelled seat, issued or not; return False if it was void already.

    If its holder was checked in, that is undone with it, and recorded.
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
    whole = None if seat.pass_seat_id is None else ticket_of_seat(connection, seat.pass_seat_id)
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
            pass_ticket_id=None if whole is None else whole.id,
        )
    except UniqueViolation:
        # Another process has made it since we looked: the next try finds it.
        raise TryAgain from None
    connection.announce(tickets_of(seat.person_id))
    return Ticket(number, code, seat.id, seat.person_id, seat.event_id, seat.order_id, state, connection.now)


def admit_holder(connection: Connection, ticket_id: int, code: str, staff_id: int) -> bool:
    """Check in the holder of a valid ticket with that code; False where it is void, or was checked in meanwhile."""
    return connection.run(_admit, ticket=ticket_id, scanned=code, now=connection.now, staff=staff_id) == 1


def undo_admission(
    connection: Connection, ticket_id: int, seat_id: int, since: Milliseconds, staff_id: int
) -> bool:
    """Undo the check-in of the time `since`, and record that it was undone; False where it was undone meanwhile."""
    record_undone(connection, seat_id, staff_id)
    return connection.run(_undo, ticket=ticket_id, since=since) == 1


def record_undone(connection: Connection, seat_id: int, staff_id: int | None) -> int:
    """Record the seat's check-in before it is undone by `staff_id`; None when the ticket became void.

    Return how many were recorded: 0 when the holder was not in, else 1.
    """
    return connection.run(_record_undone, seat=seat_id, now=connection.now, staff=staff_id)
