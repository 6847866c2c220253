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
class OrderReduced:
    """Seats left an order that waits for its payment, because their event or an organiser cancelled them.

    With none left the order is closed. A later revision makes an earlier fact obsolete.
    """

    order_id: int
    revision: int


@dataclass(frozen=True)
class SeatRefunded:
    """One seat's fee of an order went back; the rest of the order stands."""

    order_id: int
    seat_id: int
