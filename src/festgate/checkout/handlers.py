"""What orders do when a seat they have paid for is taken back, and when the clock of holds runs on."""

from festgate.checkout import queries
from festgate.checkout.orders import follow_seats
from festgate.checkout.refunds import refund_seat
from festgate.kit.outbox import Subscription
from festgate.kit.statements import Connection
from festgate.registrations.facts import HoldsResumed, SeatReleased


def refund_released(connection: Connection, fact: SeatReleased) -> None:
    """Give back the fee of a paid seat. An order that is refunded as a whole has done so already."""
    order_id = queries.paid_order_of_seat(connection, fact.seat_id)
    if order_id is not None:
        order = queries.lock_order(connection, order_id)
        refund_seat(connection, order, fact.seat_id, "The seat was taken back by the organisers.")


def move_ends(connection: Connection, fact: HoldsResumed) -> None:
    """Give the open orders as much more time as their seats have got. The fact's own numbers are not needed."""
    del fact
    follow_seats(connection)


POINT = "outbox.checkout"
# The names are in the data: they stay as they are wherever the code goes.
SUBSCRIPTIONS = (
    Subscription(SeatReleased, refund_released, "festgate.checkout.handlers.refund_released", POINT),
    Subscription(HoldsResumed, move_ends, "festgate.checkout.handlers.move_ends", POINT),
)
