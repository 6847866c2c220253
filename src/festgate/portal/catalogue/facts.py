"""Facts about events."""

from dataclasses import dataclass

from festgate.kit.clock import Milliseconds
from festgate.kit.messaging.outbox import Fact


@dataclass(frozen=True)
class EventCancelled(Fact):
    """An event was cancelled; its seats have to be released and its payments refunded."""

    KIND = "catalogue.EventCancelled"

    event_id: int


@dataclass(frozen=True)
class EventChanged(Fact):
    """The title, the time or the place of a published event has changed.

    The other fields are the values that its attendees know. They are empty in a fact of an earlier version.
    """

    KIND = "catalogue.EventChanged"

    event_id: int
    title: str = ""
    place: str = ""
    starts_at: Milliseconds = 0
    ends_at: Milliseconds = 0


@dataclass(frozen=True)
class SeatsFreed(Fact):
    """Seats of the event may be free that have to be offered to its waiting list before others can take them."""

    KIND = "catalogue.SeatsFreed"

    event_id: int


FACTS: tuple[type[Fact], ...] = (EventCancelled, EventChanged, SeatsFreed)
"""Every kind of fact that this module writes into the data."""
