"""Why a seat cannot be had or given back."""

from festgate.kit.errors import Conflict


class AlreadyRegistered(Conflict):
    """The person has a live seat at this event."""

    code = "already-registered"
    title = "You are already registered"
    message = "You are already registered for this event. Each person can have one seat."
    actions = (("My events", "/my-events"), ("More events", "/events"))


class SalesNotOpen(Conflict):
    """Before sales_open_at."""

    code = "sales-not-open"
    title = "Not open yet"
    message = "Registration for this event has not opened yet. The event's page shows when it opens."


class SalesClosed(Conflict):
    """After sales_close_at, or the event is cancelled."""

    code = "sales-closed"
    title = "Registration is closed"
    message = "Registration for this event has closed."


class SeatPaid(Conflict):
    """A paid seat is not given back with a click."""

    code = "seat-paid"
    title = "This seat has been paid"
    message = "A paid registration cannot be cancelled here. Ask the organisers for a refund."
    actions = (("My events", "/my-events"),)


class SeatUsed(Conflict):
    """Whoever sits on a seat cannot give it to somebody else."""

    code = "seat-used"
    title = "You are already checked in"
    message = (
        "You have been checked in, so this registration cannot be cancelled. "
        "If this is a mistake, tell the staff."
    )
    actions = (("My events", "/my-events"),)


class SeatInOrder(Conflict):
    """The seat's order waits for its payment."""

    code = "seat-in-order"
    title = "This seat is part of an order"
    message = (
        "This seat is part of an order that is waiting for payment. Cancel the order to release the seat."
    )
    actions = (("My events", "/my-events"),)


class SeatsGone(Conflict):
    """A hold ended before the seats could be put into an order."""

    code = "seats-gone"
    title = "Your hold has expired"
    message = "One of your seats is no longer held. Nothing was charged. Check your list and try again."
    actions = (("My events", "/my-events"), ("See the events", "/events"))
