"""What has happened to events."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EventCancelled:
    """An event was called off; its seats are to be given back and what was paid refunded."""

    event_id: int


@dataclass(frozen=True)
class EventChanged:
    """The title, the time or the place of a published event is another now."""

    event_id: int
