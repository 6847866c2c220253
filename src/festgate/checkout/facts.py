"""What has happened to orders."""

from dataclasses import dataclass


@dataclass(frozen=True)
class OrderPaid:
    """The money is there and every seat of the order is confirmed."""

    order_id: int


@dataclass(frozen=True)
class OrderRefunded:
    """The whole amount went back: the seats were gone when the money came, or the order was undone."""

    order_id: int


@dataclass(frozen=True)
class SeatRefunded:
    """One seat's fee of an order went back; the rest of the order stands."""

    order_id: int
    seat_id: int
