"""Errors of taking and cancelling a seat."""

from festgate.kit.errors import Conflict
from festgate.kit.translation import N_, gettext


class AlreadyRegistered(Conflict):
    """The person has a live seat at this event already."""

    code = "already-registered"
    title = N_("You are already registered")
    message = N_("You are already registered for this event. Each person can have one seat.")
    actions = ((N_("My events"), "/my-events"), (N_("More events"), "/events"))


class TooManyTickets(Conflict):
    """The person would have more seats at the event than one person can have."""

    code = "too-many-tickets"
    title = N_("Too many tickets")
    actions = ((N_("My events"), "/my-events"), (N_("More events"), "/events"))

    def __init__(self, most: int, has: int) -> None:
        """Take the number of seats that one person can have at the event, and that this person has."""
        sentence = gettext("Each person can have {max} tickets for this event, and you have {count}.")
        super().__init__(sentence.format(max=most, count=has))


class ChooseTicket(Conflict):
    """The event has several ticket types, and the request does not say which, or asks for one that is not on sale."""

    code = "choose-ticket"
    title = N_("Choose a ticket")
    message = N_("This event has several ticket types. Choose one on the event's page.")


class PriceTooLow(Conflict):
    """The chosen price is below the least price of the ticket type, or out of range."""

    code = "price-too-low"
    title = N_("Choose another price")

    def __init__(self, least: str) -> None:
        """Take the least price, written out."""
        super().__init__(gettext("The price of this ticket is at least {least}.").format(least=least))


class SalesNotOpen(Conflict):
    """Sales have not opened yet."""

    code = "sales-not-open"
    title = N_("Not open yet")
    message = N_("Registration for this event has not opened yet. The event's page shows when it opens.")


class SalesClosed(Conflict):
    """Sales have closed, or the event is cancelled."""

    code = "sales-closed"
    title = N_("Registration is closed")
    message = N_("Registration for this event has closed.")


class SeatPaid(Conflict):
    """A paid seat can only be cancelled with its refund, by an organiser."""

    code = "seat-paid"
    title = N_("This seat has been paid")
    message = N_("A paid registration cannot be cancelled here. Ask the organisers for a refund.")
    actions = ((N_("My events"), "/my-events"),)


class SeatUsed(Conflict):
    """A seat cannot be cancelled after its holder was checked in."""

    code = "seat-used"
    title = N_("You are already checked in")
    message = N_(
        "You have been checked in, so this registration cannot be cancelled. "
        "If this is a mistake, contact the staff at the door."
    )
    actions = ((N_("My events"), "/my-events"),)


class SeatInOrder(Conflict):
    """The seat is in an order that is waiting for its payment."""

    code = "seat-in-order"
    title = N_("This seat is part of an order")
    message = N_(
        "This seat is part of an order that is waiting for payment. Cancel the order to release the seat."
    )
    actions = ((N_("My events"), "/my-events"),)


class SeatsGone(Conflict):
    """A hold ended before the seats could be put into an order."""

    code = "seats-gone"
    title = N_("Your hold has expired")
    message = N_("One of your seats is no longer held. Nothing was charged. Check your list and try again.")
    actions = ((N_("My events"), "/my-events"), (N_("See the events"), "/events"))


class ApprovalNeeded(Conflict):
    """The organisers decide about each person; a seat cannot be taken directly."""

    code = "approval-needed"
    title = N_("Apply for this event")
    message = N_("The organisers choose the people for this event. Apply on the event's page.")


class ListClosed(Conflict):
    """The event has no waiting list that people can join."""

    code = "list-closed"
    title = N_("The waiting list is closed")
    message = N_("Nobody can join the waiting list of this event at the moment.")


class SeatsAvailable(Conflict):
    """Somebody wants to wait for seats that are free."""

    code = "seats-available"
    title = N_("There are seats")
    message = N_("There are free seats, so you need not wait. Register on the event's page.")


class NotEnoughSeats(Conflict):
    """An organiser offers more seats than are free."""

    code = "not-enough-seats"
    title = N_("Not enough seats")

    def __init__(self, free: int, wanted: int) -> None:
        """Take the number of free seats, and of those that would be offered."""
        sentence = gettext(
            "You chose {wanted} seats, and {free} are free. Nothing was sent. "
            "Choose fewer people, or raise the capacity."
        )
        super().__init__(sentence.format(free=free, wanted=wanted))
