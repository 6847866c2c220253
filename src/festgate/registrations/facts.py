"""What has happened to seats."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SeatConfirmed:
    """A free seat is someone's for good; what follows from a paid one is told by its order."""

    seat_id: int


@dataclass(frozen=True)
class SeatReleased:
    """A confirmed seat was given back or taken back; whatever followed from it is void."""

    seat_id: int


@dataclass(frozen=True)
class HoldCancelled:
    """A held seat ended because its event was cancelled or an organiser cancelled it; its holder does not know yet.

    An order that it is part of goes on without it.
    """

    seat_id: int


@dataclass(frozen=True)
class HoldsResumed:
    """The clock of holds stood still between these times (milliseconds), and every held seat has got that time back."""

    began_at: int
    resumed_at: int


def tickets_of(person_id: int) -> str:
    """The topic that is announced when the person got a ticket, for a page of theirs that waits for it."""
    return f"tickets of {person_id}"
