"""What has happened to seats."""

from dataclasses import dataclass
from typing import ClassVar

from festgate.kit.messaging.outbox import Fact


@dataclass(frozen=True)
class SeatConfirmed(Fact):
    """A free seat is someone's for good; what follows from a paid one is told by its order."""

    KIND: ClassVar[str] = "registrations.SeatConfirmed"

    seat_id: int


@dataclass(frozen=True)
class SeatReleased(Fact):
    """A confirmed seat was given back or taken back; whatever followed from it is void."""

    KIND: ClassVar[str] = "registrations.SeatReleased"

    seat_id: int


@dataclass(frozen=True)
class HoldCancelled(Fact):
    """A held seat ended because its event was cancelled or an organiser cancelled it; its holder does not know yet.

    An order that it is part of goes on without it.
    """

    KIND: ClassVar[str] = "registrations.HoldCancelled"

    seat_id: int


@dataclass(frozen=True)
class HoldsResumed(Fact):
    """The clock of holds stood still between these times (milliseconds), and every held seat has got that time back."""

    KIND: ClassVar[str] = "registrations.HoldsResumed"

    began_at: int
    resumed_at: int


FACTS: tuple[type[Fact], ...] = (HoldCancelled, SeatConfirmed, SeatReleased, HoldsResumed)
"""All of them: the kinds that this module writes into the data."""


def tickets_of(person_id: int) -> str:
    """The topic that is announced when the person got a ticket, for a page of theirs that waits for it."""
    return f"tickets of {person_id}"
