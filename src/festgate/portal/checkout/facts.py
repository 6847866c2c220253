"""Facts about orders."""

from dataclasses import dataclass

from festgate.kit.messaging.outbox import Fact


@dataclass(frozen=True)
class OrderPaid(Fact):
    """The money is there and every seat of the order is confirmed."""

    KIND = "checkout.OrderPaid"

    order_id: int


@dataclass(frozen=True)
class OrderRefunded(Fact):
    """The whole amount went back: the seats were gone when the money came, or the order was undone."""

    KIND = "checkout.OrderRefunded"

    order_id: int


@dataclass(frozen=True)
class OrderReduced(Fact):
    """Seats left an order that waits for its payment, because their event or an organiser cancelled them.

    With none left the order is closed. A later revision makes an earlier fact obsolete.
    """

    KIND = "checkout.OrderReduced"

    order_id: int
    revision: int


@dataclass(frozen=True)
class SeatRefunded(Fact):
    """One seat's fee of an order went back; the rest of the order stands."""

    KIND = "checkout.SeatRefunded"

    order_id: int
    seat_id: int


FACTS: tuple[type[Fact], ...] = (OrderPaid, OrderReduced, OrderRefunded, SeatRefunded)
"""Every kind of fact that this module writes into the data."""
