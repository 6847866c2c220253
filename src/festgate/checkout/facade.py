"""What the modules above may ask of orders."""

from festgate.checkout.desk import mark_paid_at_desk, mark_refunded_at_desk
from festgate.checkout.queries import (
    Line,
    OpenOrder,
    Order,
    Refund,
    open_orders,
    order_by_id,
    order_by_ref,
    refs_by_seat,
    refunds_of,
)

__all__ = [
    "Line",
    "OpenOrder",
    "Order",
    "Refund",
    "mark_paid_at_desk",
    "mark_refunded_at_desk",
    "open_orders",
    "order_by_id",
    "order_by_ref",
    "refs_by_seat",
    "refunds_of",
]
