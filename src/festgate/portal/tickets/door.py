"""The door: a code is read, its holder is let in once, and a mistake is taken back.

Two people at the door may scan the same code in the same moment, at two doors, in two processes. Whoever is first is
decided by a conditional update of the ticket's own row. The seat's row is locked first: a seat that is given back
meanwhile either finds its holder in, or is gone before they come.
"""

import re

from sqlalchemy import bindparam, update

from festgate.kit.clock import MINUTE, Milliseconds, moment
from festgate.kit.db.statements import Connection, Statement, TryAgain
from festgate.kit.errors import Conflict, Forbidden, NotFound
from festgate.kit.ids import read_code
from festgate.kit.shown import Changed
from festgate.kit.translation import N_
from festgate.kit.visitors import Visitor
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets.admissions import Arrival, find_arrival, record_undone
from festgate.portal.tickets.qr import CODE, ForgedCode, read_qr
from festgate.portal.tickets.tables import tickets

UNDO_WITHIN: Milliseconds = 30 * MINUTE
"""After a check-in staff may take it back for that long; an organiser may at any time."""
MAX_SCAN_LENGTH = 300
"""Characters: several times a ticket's whole address."""
_ADDRESS = re.compile(r"https?://\S*/tickets/([^/?#\s]+?)(?:\.svg|\.ics)?(?:[?#]\S*)?", re.IGNORECASE)
_TO_THE_DOOR = (("To the door", "/door"),)

_admit = Statement(
    update(tickets)
    .where(tickets.c.id == bindparam("ticket"), tickets.c.state == "valid", tickets.c.admitted_at.is_(None))
    .values(admitted_at=bindparam("now"), admitted_by=bindparam("staff"))
)
_undo = Statement(
    update(tickets)
    .where(tickets.c.id == bindparam("ticket"), tickets.c.admitted_at == bindparam("since"))
    .values(admitted_at=None, admitted_by=None)
)


class UnknownTicket(NotFound):
    """No ticket has that code."""

    code = "unknown-ticket"
    title = N_("No such ticket")
    message = N_("This fest has no ticket with that code.")
    actions = _TO_THE_DOOR


class TicketVoid(Conflict):
    """The ticket opens no door any more."""

    code = "ticket-void"
    title = N_("Not valid")
    message = N_("The registration was cancelled or refunded, so its ticket is not valid.")
    actions = _TO_THE_DOOR


class OtherEvent(Conflict):
    """A good ticket, at the wrong door."""

    code = "other-event"
    title = N_("For another event")
    message = N_("This ticket is for another event.")
    actions = _TO_THE_DOOR

    def __init__(self, event: catalogue.Event) -> None:
        """`event` is the one that the ticket is for."""
        super().__init__(f"This ticket is for {event.title}.")
        self.event = event


class AlreadyIn(Conflict):
    """The ticket was scanned before."""

    code = "already-in"
    title = N_("Already in")
    message = N_("This ticket has already been checked in.")
    actions = _TO_THE_DOOR

    def __init__(self, arrival: Arrival) -> None:
        """`arrival` says since when, and by whom."""
        since = "" if arrival.admitted_at is None else f"{moment(arrival.admitted_at):%Y-%m-%dT%H:%M:%SZ}"
        super().__init__(f"Already in since {since}, checked in by {arrival.admitted_by}.")
        self.arrival = arrival


class NotIn(Conflict):
    """There is no check-in to take back."""

    code = "not-in"
    title = N_("Not in")
    message = N_("This ticket is not checked in, so there is nothing to undo.")
    actions = _TO_THE_DOOR


class OtherCheckIn(Changed):
    """The holder was checked in again since the page was opened: that is not the check-in to take back."""

    code = "checked-in-again"
    title = N_("Checked in again")
    message = N_(
        "This ticket was checked in again since you opened the page, so nothing was undone. Check it again."
    )
    actions = _TO_THE_DOOR


class TooLateToUndo(Conflict):
    """It is no slip of the hand any more."""

    code = "too-late-to-undo"
    title = N_("Too late to undo")
    message = (
        f"This check-in is older than {UNDO_WITHIN // MINUTE} minutes. Only an organiser can undo it now."
    )
    actions = _TO_THE_DOOR


def read_scan(secret: bytes, text: str) -> str:
    """The ticket's code in what was scanned or typed: its QR code's text, its page's address, or the code itself.

    Raises ForgedCode for what is none of them, or was not signed by this fest.
    """
    scanned = text.strip()
    if scanned.upper().startswith("FESTGATE"):
        return read_qr(secret, scanned.upper())
    found = _ADDRESS.fullmatch(scanned)
    code = read_code(found[1] if found else scanned)
    if CODE.fullmatch(code) is None:
        msg = "This is not a ticket code. A ticket code has 16 letters and digits."
        raise ForgedCode(msg)
    return code


def admit(connection: Connection, code: str, staff: Visitor, event_id: int | None = None) -> Arrival:
    """Let the holder of the ticket in, once; at the door of `event_id` only, where one is given.

    Raises Forbidden, UnknownTicket, OtherEvent, TicketVoid or AlreadyIn.
    """
    arrival, event = _find(connection, code, staff, event_id)
    if event.state == "cancelled":
        msg = "The event was cancelled, so its tickets are not valid."
        raise TicketVoid(msg)
    # A seat that was given back a moment ago has a ticket that is about to become void.
    seat = registrations.lock_seat(connection, arrival.seat_id)
    if arrival.state == "void" or seat is None or seat.state != "confirmed":
        raise TicketVoid
    if arrival.admitted_at is not None:
        raise AlreadyIn(arrival)
    if not connection.run(_admit, ticket=arrival.ticket_id, now=connection.now, staff=staff.person):
        # Somebody at another door was first: the next look says who.
        raise TryAgain
    return _as_it_is(connection, code)


def undo_admission(
    connection: Connection, code: str, staff: Visitor, event_id: int | None = None, shown: str | None = None
) -> Arrival:
    """Take a check-in back: the holder is expected again. That there was one stays recorded.

    `shown` is the check-in's time as a form showed it; None for a program. Raises Forbidden, UnknownTicket,
    OtherEvent, NotIn, OtherCheckIn or TooLateToUndo.
    """
    arrival, _ = _find(connection, code, staff, event_id)
    if arrival.admitted_at is None:
        raise NotIn
    if shown is not None and shown != str(arrival.admitted_at):
        raise OtherCheckIn
    if not may_undo(arrival, staff, connection.now):
        raise TooLateToUndo
    # On PostgreSQL the seat's lock is what keeps two who take back the same check-in from recording it twice.
    registrations.lock_seat(connection, arrival.seat_id)
    record_undone(connection, arrival.seat_id, staff.person)
    if not connection.run(_undo, ticket=arrival.ticket_id, since=arrival.admitted_at):
        raise TryAgain
    return _as_it_is(connection, code)


def may_undo(arrival: Arrival, staff: Visitor, now: Milliseconds) -> bool:
    """Whether this member of staff may still take the check-in back."""
    if arrival.admitted_at is None or not staff.admits:
        return False
    return staff.organises or now - arrival.admitted_at <= UNDO_WITHIN


def _find(
    connection: Connection, code: str, staff: Visitor, event_id: int | None
) -> tuple[Arrival, catalogue.Event]:
    """The ticket and its event. Raises Forbidden, UnknownTicket, OtherEvent."""
    if not staff.admits:
        raise Forbidden
    arrival = find_arrival(connection, code)
    if arrival is None:
        raise UnknownTicket
    event = catalogue.event_by_id(connection, arrival.event_id)
    if event_id is not None and event.id != event_id:
        raise OtherEvent(event)
    return arrival, event


def _as_it_is(connection: Connection, code: str) -> Arrival:
    arrival = find_arrival(connection, code)
    assert arrival is not None  # noqa: S101  (it was there a line ago, and tickets are never deleted)
    return arrival
