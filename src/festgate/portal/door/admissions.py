"""Check in a ticket's holder, and undo a check-in.

The row of the seat is locked first: either the registration is cancelled before, and its ticket is void, or the holder
is in.
"""

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, TryAgain
from festgate.kit.errors import Forbidden, NotFound
from festgate.kit.translation import gettext
from festgate.kit.visitors import Actor, Visitor
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.door.errors import (
    UNDO_WITHIN,
    AlreadyIn,
    NotIn,
    OtherCheckIn,
    OtherEvent,
    TicketTransferred,
    TicketVoid,
    TooLateToUndo,
    UnknownTicket,
)
from festgate.portal.door.queries import Arrival, find_arrival, find_place
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets import facade as tickets


def admit(connection: Connection, code: str, staff: Visitor, slug: str | None = None) -> Arrival:
    """Check in the holder of the ticket, once; at the door of the event `slug` only, where one is given.

    Raises Forbidden, NotFound, UnknownTicket, TicketTransferred, OtherEvent, TicketVoid or AlreadyIn.
    """
    arrival, event = _find(connection, code, staff, slug)
    if event.state == "cancelled":
        raise TicketVoid(gettext("The event was cancelled, so its tickets are not valid."))
    # The ticket of a registration that was cancelled a moment ago is about to become void.
    _lock_pass(connection, arrival)
    seat = registrations.lock_seat(connection, arrival.seat_id)
    if arrival.state == "void" or seat is None or seat.state != "confirmed":
        raise TicketVoid
    if arrival.admitted_at is not None:
        raise AlreadyIn(arrival)
    if not tickets.admit_holder(connection, arrival.ticket_id, arrival.own_code, staff.person):
        # Another door was first: the next try reads by whom.
        raise TryAgain
    return _as_it_is(connection, arrival)


def admit_scanned(
    connection: Connection, scan: tickets.Scan, staff: Visitor, slug: str | None = None
) -> Arrival:
    """Check in the holder of the scanned ticket as `admit` does. Raises OtherKeyboard too."""
    return admit(connection, choose_code(connection, scan), staff, slug)


def undo_scanned(
    connection: Connection,
    scan: tickets.Scan,
    staff: Visitor,
    slug: str | None = None,
    actor: Actor | None = None,
) -> Arrival:
    """Undo the check-in of the scanned ticket as `undo_admission` does. Raises OtherKeyboard too."""
    return undo_admission(connection, choose_code(connection, scan), staff, slug, actor=actor)


def choose_code(connection: Connection, scan: tickets.Scan) -> str:
    """Return the code of the scan that a ticket has: the typed one, or else the only guess; any if there is no ticket.

    Raises OtherKeyboard if several guesses are codes of tickets.
    """
    if scan.code is not None and (not scan.guesses or find_arrival(connection, scan.code) is not None):
        return scan.code
    known = [code for code in scan.guesses if find_arrival(connection, code) is not None]
    if len(known) > 1:
        raise tickets.OtherKeyboard
    return known[0] if known else scan.code or scan.guesses[0]


def undo_admission(
    connection: Connection,
    code: str,
    staff: Visitor,
    slug: str | None = None,
    shown: str | None = None,
    actor: Actor | None = None,
) -> Arrival:
    """Undo a check-in: the holder is expected again. The check-in stays recorded.

    `shown` is the check-in's time as a form showed it; None for a program. `actor` is for the audit log. Raises
    Forbidden, NotFound, UnknownTicket, OtherEvent, NotIn, OtherCheckIn or TooLateToUndo.
    """
    arrival, event = _find(connection, code, staff, slug)
    if arrival.admitted_at is None:
        raise NotIn
    if shown is not None and shown != str(arrival.admitted_at):
        raise OtherCheckIn
    if not may_undo(arrival, staff, connection.now):
        raise TooLateToUndo
    _lock_pass(connection, arrival)
    # On PostgreSQL the lock of the seat keeps two who undo the same check-in from recording it twice.
    registrations.lock_seat(connection, arrival.seat_id)
    if not tickets.undo_admission(
        connection, arrival.ticket_id, arrival.seat_id, arrival.admitted_at, staff.person
    ):
        raise TryAgain
    if actor is not None:
        # The code is a secret, and the name of an attendee would stay after the account is deleted.
        seat = registrations.seat(connection, arrival.seat_id)
        details = {audit.PERSON: seat.person_id}
        audit.record(connection, actor, "check-in.undone", event.title, event_id=event.id, **details)
    return _as_it_is(connection, arrival)


def may_undo(arrival: Arrival, staff: Visitor, now: Milliseconds) -> bool:
    """Return whether this member of staff may still undo the check-in."""
    if arrival.admitted_at is None or not staff.may("door"):
        return False
    return staff.may("events.manage") or now - arrival.admitted_at <= UNDO_WITHIN


def _find(
    connection: Connection, code: str, staff: Visitor, slug: str | None
) -> tuple[Arrival, catalogue.Event]:
    """Return the ticket and its event.

    Raises Forbidden, NotFound for the slug, UnknownTicket, TicketTransferred or OtherEvent.
    """
    if not staff.may("door"):
        raise Forbidden
    door = None if slug is None else catalogue.event_by_slug(connection, slug)
    reachable = catalogue.reachable_events(connection, staff.person, staff.role)
    if door is not None and reachable is not None and door.id not in reachable:
        raise NotFound
    arrival = find_arrival(connection, code)
    if arrival is None:
        raise TicketTransferred if tickets.is_replaced(connection, code) else UnknownTicket
    if door is not None and arrival.event_id != door.id:
        place = find_place(connection, code, door.id)
        if place is None:
            raise OtherEvent(catalogue.event_by_id(connection, arrival.event_id))
        arrival = place
    if reachable is not None and arrival.event_id not in reachable:
        raise OtherEvent(catalogue.event_by_id(connection, arrival.event_id))
    return arrival, catalogue.event_by_id(connection, arrival.event_id)


def _lock_pass(connection: Connection, arrival: Arrival) -> None:
    """Lock the seat of the pass, so that the pass is not transferred or cancelled before its holder is in."""
    if arrival.pass_seat_id is None:
        return
    registrations.lock_seat(connection, arrival.pass_seat_id)
    if find_place(connection, arrival.code, arrival.event_id) is None:
        raise TryAgain  # it was transferred since it was read


def _as_it_is(connection: Connection, before: Arrival) -> Arrival:
    code, event_id = before.code, before.event_id
    is_place = before.pass_seat_id is not None
    arrival = find_place(connection, code, event_id) if is_place else find_arrival(connection, code)
    assert arrival is not None  # noqa: S101  (it was there a line ago, and tickets are never deleted)
    return arrival
