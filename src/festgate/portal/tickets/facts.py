"""Facts about tickets."""

from dataclasses import dataclass

from festgate.kit.clock import Milliseconds
from festgate.kit.messaging.outbox import Fact


@dataclass(frozen=True)
class HoldersLeft(Fact):
    """An event changed at `changed_at`, and the holders of tickets after `after_ticket` are still to be emailed.

    The other fields are the values that they know, as in EventChanged.
    """

    KIND = "tickets.HoldersLeft"

    event_id: int
    changed_at: Milliseconds
    after_ticket: int
    title: str = ""
    place: str = ""
    starts_at: Milliseconds = 0
    ends_at: Milliseconds = 0


FACTS: tuple[type[Fact], ...] = (HoldersLeft,)
"""Every kind of fact that this module writes into the data."""
