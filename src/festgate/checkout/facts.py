"""What has happened to orders."""

from dataclasses import dataclass
from typing import ClassVar

from festgate.kit.outbox import Fact


@dataclass(frozen=True)
class OrderPaid(Fact):
    """The money is there and every seat of the order is confirmed."""

    KIND: ClassVar[str] = "checkout.OrderPaid"

    order_id: int


@dataclass(frozen=True)
class OrderRefunded(Fact):
    """The whole amount went back: the seats were gone when the money came, or the order was undone."""

    KIND: ClassVar[str] = "checkout.OrderRefunded"

    order_id: int


@dataclass(frozen=True)
class SeatRefunded(Fact):
    """One seat's fee of an order went back; the rest of the order stands."""

    KIND: ClassVar[str] = "checkout.SeatRefunded"

    order_id: int
    seat_id: int


FACTS: tuple[type[Fact], ...] = (OrderPaid, OrderRefunded, SeatRefunded)
"""All of them: the kinds that this module writes into the data."""
