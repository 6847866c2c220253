"""Reduce orders whose seats are cancelled, and extend them when the holds were paused."""

from festgate.kit.db.statements import Connection
from festgate.kit.messaging.outbox import Subscription
from festgate.portal.checkout import queries
from festgate.portal.checkout.exchange_states import release_differences
from festgate.portal.checkout.orders import follow_seats, reduce_order
from festgate.portal.checkout.reasons import ended_by_of, ending_sentence
from festgate.portal.checkout.refunds import refund_seat
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.facts import HoldCancelled, HoldsResumed, SeatReleased


def refund_released(connection: Connection, fact: SeatReleased) -> None:
    """Refund the fee of a paid seat, unless its order is refunded as a whole."""
    release_differences(connection, [fact.seat_id])
    order_id = queries.paid_order_of_seat(connection, fact.seat_id)
    if order_id is not None:
        order = queries.lock_order(connection, order_id)
        seat = registrations.seat(connection, fact.seat_id)
        reason = ending_sentence(seat.title, ended_by_of(connection, seat))
        refund_seat(connection, order, fact.seat_id, reason)


def reduce_orders(connection: Connection, fact: HoldCancelled) -> None:
    """Take the cancelled seat out of its unpaid order, or close the order."""
    order_id = queries.open_order_of_seat(connection, fact.seat_id)
    if order_id is not None:
        reduce_order(connection, order_id)


def move_ends(connection: Connection, fact: HoldsResumed) -> None:
    """Extend the open orders as far as their seats were extended. The numbers in the fact are not needed."""
    del fact
    follow_seats(connection)


POINT = "outbox.checkout"
# The names are stored in the data, so renaming the code does not change them.
SUBSCRIPTIONS = (
    Subscription(SeatReleased, refund_released, "festgate.checkout.handlers.refund_released", POINT),
    Subscription(HoldCancelled, reduce_orders, "festgate.checkout.handlers.reduce_orders", POINT),
    Subscription(HoldsResumed, move_ends, "festgate.checkout.handlers.move_ends", POINT),
)
