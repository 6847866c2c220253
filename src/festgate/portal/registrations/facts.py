"""Facts about seats."""

from dataclasses import dataclass

from festgate.kit.messaging.outbox import Fact


@dataclass(frozen=True)
class SeatConfirmed(Fact):
    """A free seat was confirmed; for a paid seat, its order records a fact."""

    KIND = "registrations.SeatConfirmed"

    seat_id: int


@dataclass(frozen=True)
class SeatReleased(Fact):
    """A confirmed seat was cancelled; everything that followed from it is void."""

    KIND = "registrations.SeatReleased"

    seat_id: int


@dataclass(frozen=True)
class SeatExchanged(Fact):
    """An organiser exchanged a confirmed seat for one of another ticket type or event."""

    KIND = "registrations.SeatExchanged"

    old_seat_id: int
    new_seat_id: int


@dataclass(frozen=True)
class HoldCancelled(Fact):
    """A held seat was cancelled with its event or by an organiser; its holder has to be informed.

    Its order, if it has one, continues without it.
    """

    KIND = "registrations.HoldCancelled"

    seat_id: int


@dataclass(frozen=True)
class MemberJoined(Fact):
    """A member took a place of a team at that time (milliseconds), and has to get its ticket."""

    KIND = "registrations.MemberJoined"

    seat_id: int
    person_id: int
    at: int


@dataclass(frozen=True)
class HoldsResumed(Fact):
    """Holds were paused between these times (milliseconds), and every held seat was extended accordingly."""

    KIND = "registrations.HoldsResumed"

    began_at: int
    resumed_at: int


@dataclass(frozen=True)
class SeatOffered(Fact):
    """A seat is held for somebody from the waiting list, or after an accepted application."""

    KIND = "registrations.SeatOffered"

    seat_id: int


@dataclass(frozen=True)
class WaitingEnded(Fact):
    """Somebody is not in the line of an event any more without a seat: declined, removed, or the event is cancelled."""

    KIND = "registrations.WaitingEnded"

    waiting_id: int


FACTS: tuple[type[Fact], ...] = (
    HoldCancelled,
    SeatConfirmed,
    SeatReleased,
    SeatExchanged,
    MemberJoined,
    HoldsResumed,
    SeatOffered,
    WaitingEnded,
)
"""Every kind of fact that this module writes into the data."""


def tickets_of(person_id: int) -> str:
    """Return the topic that is announced when the person gets a ticket, for a page that waits for it."""
    return f"tickets of {person_id}"
