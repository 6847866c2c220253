"""Why a seat cannot be taken, or an event not be changed."""

from festgate.kit.errors import Conflict
from festgate.kit.shown import Changed
from festgate.kit.translation import N_


class SoldOut(Conflict):
    """Every seat is taken."""

    code = "sold-out"
    title = N_("Sold out")
    message = N_(
        "All seats at this event are taken. Held seats that are not paid become available again, "
        "so check back later."
    )


class NotOnSale(Conflict):
    """The event was cancelled this instant, or is not published."""

    code = "not-on-sale"
    title = N_("Not on sale")
    message = N_("This event is not on sale: it is cancelled, or not published yet.")


class EventWasCancelled(Conflict):
    """A cancelled event stays as it is."""

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
    """The capacity cannot go below what people hold already."""

    code = "capacity-taken"
    title = N_("More seats are taken")
    actions = ((N_("All events"), "/organise"),)

    def __init__(self, taken: int) -> None:
        """`taken` seats are held or confirmed."""
        seats = "1 seat is" if taken == 1 else f"{taken} seats are"
        super().__init__(f"{seats} taken already, so the capacity cannot be lower than {taken}.")
        self.taken = taken


class FeesSold(Conflict):
    """The currency of a fee cannot change once somebody has a seat for it."""

    code = "fees-sold"
    title = N_("Seats are taken already")

    def __init__(self, title: str) -> None:
        """`title` is the event's."""
        super().__init__(
            f"Seats at {title} are taken, so the currency of its fee cannot change. Nothing was changed."
        )


class OtherCurrency(Conflict):
    """New fees are in the currency of those that are there."""

    code = "other-currency"
    title = N_("Another currency")

    def __init__(self, currency: str, used: list[str]) -> None:
        """`currency` is the setting's, `used` are those of the events."""
        super().__init__(
            f"The currency is set to {currency}, but the events of this fest are in {' and '.join(used)}. "
            f"Set FESTGATE_CURRENCY={used[0]}, or run `festgate events set-currency {currency}` first."
        )
