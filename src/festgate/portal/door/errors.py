"""Reasons for which the door refuses a scan or the undoing of a check-in."""

from festgate.kit.clock import MINUTE, Milliseconds, moment
from festgate.kit.errors import Conflict, NotFound
from festgate.kit.shown import Changed
from festgate.kit.translation import N_, gettext
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.door.queries import Arrival

UNDO_WITHIN: Milliseconds = 30 * MINUTE
"""For so long after a check-in staff may undo it; organisers may at any time."""
_TO_THE_DOOR = ((N_("To the door"), "/door"),)


class UnknownTicket(NotFound):
    """No ticket has that code."""

    code = "unknown-ticket"
    title = N_("No such ticket")
    message = N_("This fest has no ticket with that code.")
    actions = _TO_THE_DOOR


class TicketVoid(Conflict):
    """The ticket is not valid any more."""

    code = "ticket-void"
    title = N_("Not valid")
    message = N_("The registration was cancelled or refunded, so its ticket is not valid.")
    actions = _TO_THE_DOOR


class TicketTransferred(Conflict):
    """A code that its ticket had until it was transferred."""

    code = "ticket-transferred"
    title = N_("Transferred")
    message = N_("This ticket was transferred, so this code is not valid. Its new holder has the new code.")
    actions = _TO_THE_DOOR


class OtherEvent(Conflict):
    """A valid ticket for another event."""

    code = "other-event"
    title = N_("For another event")
    message = N_("This ticket is for another event.")
    actions = _TO_THE_DOOR

    def __init__(self, event: catalogue.Event) -> None:
        """`event` is the one that the ticket is for."""
        super().__init__(gettext("This ticket is for {event}.").format(event=event.title))
        self.event = event


class AlreadyIn(Conflict):
    """The ticket was scanned before."""

    code = "already-in"
    title = N_("Already in")
    message = N_("This ticket has already been checked in.")
    actions = _TO_THE_DOOR

    def __init__(self, arrival: Arrival) -> None:
        """`arrival` has the time of the check-in, and the member of staff who did it."""
        since = "" if arrival.admitted_at is None else f"{moment(arrival.admitted_at):%Y-%m-%dT%H:%M:%SZ}"
        sentence = gettext("Already in since {since}, checked in by {staff}.")
        super().__init__(sentence.format(since=since, staff=arrival.admitted_by))
        self.arrival = arrival


class NotIn(Conflict):
    """There is no check-in to undo."""

    code = "not-in"
    title = N_("Not in")
    message = N_("This ticket is not checked in, so there is nothing to undo.")
    actions = _TO_THE_DOOR


class OtherCheckIn(Changed):
    """The holder was checked in again since the page was opened: that is not the check-in to undo."""

    code = "checked-in-again"
    title = N_("Checked in again")
    message = N_(
        "This ticket was checked in again since you opened the page, so nothing was undone. Check it again."
    )
    actions = _TO_THE_DOOR


class TooLateToUndo(Conflict):
    """Staff may undo only a fresh check-in."""

    code = "too-late-to-undo"
    title = N_("Too late to undo")
    message = N_("This check-in is older than 30 minutes. Only an organiser can undo it now.")
    actions = _TO_THE_DOOR
