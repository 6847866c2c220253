"""The causes that end a seat: the values of `registrations_seats.ended_by`, and their labels for the holder.

The values are stored, so they are constants that no renaming of code changes.
"""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from festgate.kit.translation import N_, gettext

EndedBy: TypeAlias = Literal["holder", "organiser", "event", "order", "exchange"]

HOLDER: Final = "holder"
"""The holder cancelled it."""
ORGANISER: Final = "organiser"
"""An organiser cancelled this registration."""
EVENT: Final = "event"
"""The whole event was cancelled."""
ORDER: Final = "order"
"""Its order was cancelled, or could not be fulfilled."""
EXCHANGE: Final = "exchange"
"""An organiser exchanged its ticket for one of another type or event."""

_LABELS: Mapping[EndedBy | None, str] = {
    HOLDER: N_("You cancelled"),
    ORGANISER: N_("Cancelled by the organisers"),
    EVENT: N_("Event cancelled by the organisers"),
    ORDER: N_("Cancelled with its order"),
    EXCHANGE: N_("Exchanged for another ticket"),
    None: N_("Cancelled"),
}


def ending_words(ended_by: EndedBy | None) -> str:
    """Return the label of a cancelled seat; None stands for a seat that ended before causes were recorded."""
    return gettext(_LABELS[ended_by])
