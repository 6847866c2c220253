"""Facts about orders."""

from dataclasses import dataclass
from typing import Literal

from festgate.kit.messaging.outbox import Fact


@dataclass(frozen=True)
class OrderPaid(Fact):
    """An order was paid, and all its seats are confirmed."""

    KIND = "checkout.OrderPaid"

    order_id: int


@dataclass(frozen=True)
class OrderRefunded(Fact):
    """The whole amount of an order was refunded: its seats were gone when the payment arrived, or it was cancelled."""

    KIND = "checkout.OrderRefunded"

    order_id: int


@dataclass(frozen=True)
class OrderReduced(Fact):
    """Seats left an unpaid order, because their event or an organiser cancelled them.

    With no seat left the order is closed. A later revision replaces an earlier fact.
    """

    KIND = "checkout.OrderReduced"

    order_id: int
    revision: int


@dataclass(frozen=True)
class SeatRefunded(Fact):
    """The fee of one seat was refunded; the rest of its order is unchanged."""

    KIND = "checkout.SeatRefunded"

    order_id: int
    seat_id: int


@dataclass(frozen=True)
class TransferAwaited(Fact):
    """An order waits for a transfer: it was placed, it ends soon, or the payer's number of it was rejected."""

    KIND = "checkout.TransferAwaited"

    order_id: int
    cause: Literal["placed", "ending", "rejected"]
    at: int
    """The time of the cause, which distinguishes several rejections."""


@dataclass(frozen=True)
class PartRefunded(Fact):
    """A part of an order was refunded on an organiser's request, and its seats stay."""

    KIND = "checkout.PartRefunded"

    order_id: int
    refund_id: int


FACTS: tuple[type[Fact], ...] = (
    OrderPaid,
    OrderReduced,
    OrderRefunded,
    SeatRefunded,
    TransferAwaited,
    PartRefunded,
)
"""Every kind of fact that this module writes into the data."""
