"""The functions of checkout that other modules may call."""

from festgate.portal.checkout.cancellations import Cancellation, cancel_registrations, plan_cancellation
from festgate.portal.checkout.desk import (
    DeskForms,
    desk_forms,
    desk_forms_of,
    mark_paid_at_desk,
    mark_refunded_at_desk,
)
from festgate.portal.checkout.errors import OrderChanged
from festgate.portal.checkout.orders import try_now
from festgate.portal.checkout.personal_data import PERSONAL_RECORDS
from festgate.portal.checkout.queries import (
    count_by_currency,
    count_stuck,
    open_orders,
    order_by_id,
    order_by_ref,
    ref_of,
    refs_by_seat,
    refunds_of,
    stuck_payments,
)
from festgate.portal.checkout.reasons import ended_by_of, reason_for
from festgate.portal.checkout.records import Line, OpenOrder, Order, OrderState, Refund
from festgate.portal.checkout.sums import (
    MoneySums,
    add_sums,
    received_over_time,
    refunded_over_time,
    sum_by_event,
    sum_by_method,
    sum_of_event,
)

__all__ = [
    "PERSONAL_RECORDS",
    "Cancellation",
    "DeskForms",
    "Line",
    "MoneySums",
    "OpenOrder",
    "Order",
    "OrderChanged",
    "OrderState",
    "Refund",
    "add_sums",
    "cancel_registrations",
    "count_by_currency",
    "count_stuck",
    "desk_forms",
    "desk_forms_of",
    "ended_by_of",
    "mark_paid_at_desk",
    "mark_refunded_at_desk",
    "open_orders",
    "order_by_id",
    "order_by_ref",
    "plan_cancellation",
    "reason_for",
    "received_over_time",
    "ref_of",
    "refs_by_seat",
    "refunded_over_time",
    "refunds_of",
    "stuck_payments",
    "sum_by_event",
    "sum_by_method",
    "sum_of_event",
    "try_now",
]
