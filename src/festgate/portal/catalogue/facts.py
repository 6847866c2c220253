"""What has happened to events."""

from dataclasses import dataclass
from typing import ClassVar

from festgate.kit.messaging.outbox import Fact


@dataclass(frozen=True)
class EventCancelled(Fact):
    """An event was called off; its seats are to be given back and what was paid refunded."""

    KIND: ClassVar[str] = "catalogue.EventCancelled"

    event_id: int


@dataclass(frozen=True)
class EventChanged(Fact):
    """The title, the time or the place of a published event is another now."""

    KIND: ClassVar[str] = "catalogue.EventChanged"

    event_id: int


FACTS: tuple[type[Fact], ...] = (EventCancelled, EventChanged)
"""All of them: the kinds that this module writes into the data."""
