"""Why a seat cannot be had or given back."""

from festgate.kit.errors import Conflict


class AlreadyRegistered(Conflict):
    """The person has a live seat at this event."""

    code = "already-registered"
    title = "You have a seat already"
    message = "You are registered for this event already; one person has one seat."
    actions = (("My events", "/my-events"), ("More events", "/events"))


class SalesNotOpen(Conflict):
    """Before sales_open_at."""

    code = "sales-not-open"
    title = "Not open yet"
    message = "Registration for this event has not opened yet. The event's page says when it does."


class SalesClosed(Conflict):
    """After sales_close_at, or the event is cancelled."""

    code = "sales-closed"
    title = "Registration is closed"
    message = "Registration for this event has closed."


class SeatPaid(Conflict):
    """A paid seat is not given back with a click."""

    code = "seat-paid"
    title = "This seat is paid"
    message = "A paid seat cannot be given back here. Ask the organisers for a refund."
    actions = (("My events", "/my-events"),)


class SeatUsed(Conflict):
    """Whoever sits on a seat cannot give it to somebody else."""

    code = "seat-used"
    title = "You are in already"
    message = (
        "You were checked in with this seat, so it cannot be given back. Tell the staff if that is wrong."
    )
    actions = (("My events", "/my-events"),)


class SeatInOrder(Conflict):
    """The seat's order waits for its payment."""

    code = "seat-in-order"
    title = "This seat is being paid"
    message = (
        "This seat is part of an order that waits for its payment. Cancel the order to give the seat back."
    )
    actions = (("My events", "/my-events"),)


class SeatsGone(Conflict):
    """A hold ended before the seats could be put into an order."""

    code = "seats-gone"
    title = "Your hold has ended"
    message = "A seat in your list is not held for you any more. Nothing was charged; see what is left and try again."
    actions = (("My events", "/my-events"), ("See the events", "/events"))
