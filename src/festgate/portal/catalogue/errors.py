"""Errors of taking a seat and of changing an event."""

from festgate.kit.errors import Conflict
from festgate.kit.shown import Changed
from festgate.kit.translation import N_, gettext, ngettext


class SoldOut(Conflict):
    """All seats of the event are taken."""

    code = "sold-out"
    title = N_("Sold out")
    message = N_(
        "All seats at this event are taken. Held seats that are not paid become available again, "
        "so check back later."
    )


class NotOnSale(Conflict):
    """The event has just been cancelled, or is not published."""

    code = "not-on-sale"
    title = N_("Not on sale")
    message = N_("This event is not on sale: it is cancelled, or not published yet.")


class EventWasCancelled(Conflict):
    """The event is cancelled, and a cancelled event cannot be changed."""

    code = "event-cancelled"
    title = N_("This event is cancelled")
    message = N_("A cancelled event cannot be changed. Create a new event instead.")
    actions = ((N_("All events"), "/organise"),)


class EventEdited(Changed):
    """Somebody else has changed the event since the form was opened. Nothing was saved."""

    code = "event-edited"
    title = N_("Somebody else has changed this event")
    message = N_(
        "Somebody else has changed this event since you opened the page, so your changes have not been saved yet."
    )
    actions = ((N_("All events"), "/organise"),)


class CapacityTaken(Conflict):
    """The new capacity is lower than the number of seats that are taken."""

    code = "capacity-taken"
    title = N_("More seats are taken")
    actions = ((N_("All events"), "/organise"),)

    def __init__(self, taken: int) -> None:
        """Take the number of seats that are held or confirmed."""
        sentence = ngettext(
            "{count} seat is taken already, so the capacity cannot be lower than {count}.",
            "{count} seats are taken already, so the capacity cannot be lower than {count}.",
            taken,
        )
        super().__init__(sentence.format(count=taken))
        self.taken = taken


class EventInPass(Conflict):
    """A draft that a pass of another event admits to cannot be deleted."""

    code = "event-in-pass"
    title = N_("A pass admits to this event")
    message = N_("A pass of another event admits to this event. Take it out of the pass first.")
    actions = ((N_("All events"), "/organise"),)


class EventAssigned(Conflict):
    """A draft that is the only assigned event of somebody at the door: without it they would see all events."""

    code = "event-assigned"
    title = N_("Somebody at the door has only this event")
    message = N_(
        "Somebody at the door is assigned to this event only. Give them another event in the team first."
    )
    actions = ((N_("Team"), "/organise/team"), (N_("All events"), "/organise"))


class FeesSold(Conflict):
    """The currency of an event's fee cannot change, because seats at the event are taken."""

    code = "fees-sold"
    title = N_("Seats are taken already")

    def __init__(self, title: str) -> None:
        """Take the title of the event."""
        sentence = gettext(
            "Seats at {title} are taken, so the currency of its fee cannot change. Nothing was changed."
        )
        super().__init__(sentence.format(title=title))


class OtherCurrency(Conflict):
    """The setting has another currency than the fees of the fest's events."""

    code = "other-currency"
    title = N_("Another currency")

    def __init__(self, currency: str, used: list[str]) -> None:
        """Take the currency of the setting, and those that the events use."""
        sentence = gettext(
            "The currency is set to {currency}, but the events of this fest are in {used}. "
            "Set FESTGATE_CURRENCY={first}, or run `festgate events set-currency {currency}` first."
        )
        super().__init__(sentence.format(currency=currency, used=", ".join(used), first=used[0]))


class CodeUnknown(Conflict):
    """There is no such promo code, or it is for another event."""

    code = "code-unknown"
    title = N_("No such promo code")
    message = N_("There is no such promo code for this event. Check the spelling.")


class CodeNotValid(Conflict):
    """The promo code has ended, has not begun, or has not enough uses left."""

    code = "code-not-valid"
    title = N_("This promo code cannot be used")
    message = N_("This promo code cannot be used any more.")
