"""Errors of taking and cancelling a seat."""

from festgate.kit.errors import Conflict
from festgate.kit.shown import Changed
from festgate.kit.translation import N_, gettext
from festgate.portal.catalogue import facade as catalogue


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

    def __init__(self, most: int, has: int, sentence: str = "") -> None:
        """Take the number of seats that one person can have at the event, and that this person has.

        The `sentence` is for an organiser; without one it is for the person.
        """
        own = gettext("Each person can have {max} tickets for this event, and you have {count}.")
        super().__init__(sentence or own.format(max=most, count=has))


class ChooseTicket(Conflict):
    """The event has several ticket types, and the request does not say which, or asks for one that is not on sale."""

    code = "choose-ticket"
    title = N_("Choose a ticket")
    message = N_("This event has several ticket types. Choose one on the event's page.")


class TeamNameTaken(Conflict):
    """Another team of the event has the name."""

    code = "team-name-taken"
    title = N_("Choose another name")
    message = N_("Another team at this event has this name. Choose another one.")


class AlreadyInTeam(Conflict):
    """The person is in a team at the event already."""

    code = "already-in-team"
    title = N_("You are in a team already")
    message = N_("You are already in a team at this event. Each person can be in one.")
    actions = ((N_("My events"), "/my-events"),)


class TeamFull(Conflict):
    """Every place of the team has a member."""

    code = "team-full"
    title = N_("The team is full")
    message = N_("Every place of this team is taken. Ask its captain.")


class TeamFixed(Conflict):
    """A team whose members cannot change now."""

    code = "team-fixed"
    title = N_("This team cannot be changed")
    message = N_("The team is not paid yet, has been cancelled, or it is too late to change its members.")
    actions = ((N_("My events"), "/my-events"),)


class MemberIn(Conflict):
    """A member that has been checked in."""

    code = "member-in"
    title = N_("Checked in already")
    message = N_("This member has been checked in, so the place cannot be given to somebody else.")
    actions = ((N_("My events"), "/my-events"),)


class CaptainStays(Conflict):
    """The captain cannot leave the team."""

    code = "captain-stays"
    title = N_("The captain stays")
    message = N_("The captain is a member of the team. Cancel the team instead.")


class TeamSeat(Conflict):
    """A single seat of a team cannot be cancelled."""

    code = "team-seat"
    title = N_("This seat is part of a team")
    message = N_("The seats of a team are cancelled together, on the page of the team.")
    actions = ((N_("My events"), "/my-events"),)

    def __init__(self, team_id: int) -> None:
        """Take the id of the team."""
        super().__init__()
        self.team_id = team_id


class PriceTooLow(Conflict):
    """The chosen price is below the least price of the ticket type, or out of range."""

    code = "price-too-low"
    title = N_("Choose another price")

    def __init__(self, least: str) -> None:
        """Take the least price, written out."""
        super().__init__(gettext("The price of this ticket is at least {least}.").format(least=least))


class PriceChanged(Changed):
    """The price of a ticket has changed since the page was opened. Nothing was done."""

    code = "price-changed"
    title = N_("The price has changed")
    message = N_(
        "The price has changed since you opened the page, so nothing was done. Check it and try again."
    )


class CodeNotForTickets(Conflict):
    """The promo code changes nothing about the chosen tickets."""

    code = "code-not-for-tickets"
    title = N_("Another promo code")
    message = N_("This promo code is not for the tickets that you chose.")


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


class NameNeeded(Conflict):
    """The event requires the name of each attendee, and the seat has none."""

    code = "name-needed"
    title = N_("Enter the name first")
    message = N_("This event needs the name of each attendee. Enter it, then confirm the seat.")
    actions = ((N_("My events"), "/my-events"),)


class AnswersNeeded(Conflict):
    """The event asks required questions, and an answer is missing."""

    code = "answers-needed"
    title = N_("Answer the questions first")
    message = N_("The organisers need some answers about this event. Enter them, then continue.")
    actions = ((N_("My events"), "/my-events"),)

    def __init__(self, slug: str) -> None:
        """Take the slug of the event."""
        super().__init__()
        self.slug = slug


class AnswersFixed(Conflict):
    """Answers that cannot be changed any more."""

    code = "answers-fixed"
    title = N_("The answers cannot be changed")
    message = N_("It is too late to change the answers. Ask the organisers.")
    actions = ((N_("My events"), "/my-events"),)


class SeatsGone(Conflict):
    """A hold ended before the seats could be put into an order."""

    code = "seats-gone"
    title = N_("Your hold has expired")
    message = N_("One of your seats is no longer held. Nothing was charged. Check your list and try again.")
    actions = ((N_("My events"), "/my-events"), (N_("See the events"), "/events"))


class PassNotOnSale(Conflict):
    """An event that the pass admits to is a draft."""

    code = "pass-not-on-sale"
    title = N_("This pass is not on sale yet")

    def __init__(self, title: str) -> None:
        """Take the title of the event."""
        sentence = gettext("The pass also admits to {event}, which is not published yet.")
        super().__init__(sentence.format(event=title))


class PassSoldOut(catalogue.SoldOut):
    """An event that the pass admits to has no seat left."""

    code = "pass-sold-out"
    title = N_("This pass is sold out")

    def __init__(self, title: str) -> None:
        """Take the title of the event."""
        sentence = gettext("The pass also admits to {event}, and all seats there are taken.")
        super().__init__(sentence.format(event=title))


class PassSeatsTaken(Conflict):
    """The person would have more seats at an event of the pass than one person can have there."""

    code = "pass-seats-taken"
    title = N_("You have a ticket for one of its events")
    actions = ((N_("My events"), "/my-events"),)

    def __init__(self, title: str, most: int, has: int) -> None:
        """Take the title of the event, the number of seats that one person can have there, and that this one has."""
        sentence = gettext(
            "The pass also admits to {event}. Each person can have {max} of its seats, and you have {count}."
        )
        super().__init__(sentence.format(event=title, max=most, count=has))


class PassPlace(Conflict):
    """A place of a pass at one of its events cannot be cancelled alone."""

    code = "pass-place"
    title = N_("This seat is part of a pass")
    message = N_("The places of a pass are cancelled together, with the pass.")
    actions = ((N_("My events"), "/my-events"),)


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


class NotExchangeable(Conflict):
    """A seat that cannot be exchanged for another."""

    code = "not-exchangeable"
    title = N_("This ticket cannot be exchanged")
    message = N_(
        "Only a confirmed ticket of a published event can be exchanged, and only for a ticket of the same kind: that "
        "of one person, or that of a team."
    )
    actions = ((N_("Orders"), "/organise/orders"),)
