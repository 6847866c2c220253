"""Who ended a seat: the values of `registrations_seats.ended_by`, and what its holder reads about each.

The values are stored, so they are constants that no renaming of code changes.
"""

from typing import Final, Literal, TypeAlias

EndedBy: TypeAlias = Literal["holder", "organiser", "event", "order"]

HOLDER: Final = "holder"
"""Its holder cancelled it."""
ORGANISER: Final = "organiser"
"""An organiser cancelled this registration."""
EVENT: Final = "event"
"""The whole event was cancelled."""
ORDER: Final = "order"
"""Its order was cancelled, or could not be fulfilled."""


def ending_words(ended_by: EndedBy | None) -> str:
    """Return a label for a cancelled seat; seats that ended before this was recorded have the plain one."""
    if ended_by == HOLDER:
        return "Cancelled by you"
    if ended_by == ORGANISER:
        return "Cancelled by the organisers"
    if ended_by == EVENT:
        return "Event cancelled"
    if ended_by == ORDER:
        return "Cancelled with its order"
    return "Cancelled"
