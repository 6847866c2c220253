"""Facts about tickets."""

from dataclasses import dataclass

from festgate.kit.clock import Milliseconds
from festgate.kit.messaging.outbox import Fact


@dataclass(frozen=True)
class HoldersLeft(Fact):
    """An event changed at `changed_at`, and the holders of tickets after `after_ticket` are still to be emailed."""

    KIND = "tickets.HoldersLeft"

    event_id: int
    changed_at: Milliseconds
    after_ticket: int


FACTS: tuple[type[Fact], ...] = (HoldersLeft,)
"""Every kind of fact that this module writes into the data."""
