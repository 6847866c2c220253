"""What has happened to seats."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SeatConfirmed:
    """A free seat is someone's for good. (A paid one follows from its order's OrderPaid.)"""

    seat_id: int


@dataclass(frozen=True)
class SeatReleased:
    """A confirmed seat was given back or taken back; whatever followed from it is void."""

    seat_id: int
