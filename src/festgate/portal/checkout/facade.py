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
from festgate.portal.checkout.payment_tests import check_methods, run_tests
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

__all__ = [
    "PERSONAL_RECORDS",
    "Cancellation",
    "DeskForms",
    "Line",
    "OpenOrder",
    "Order",
    "OrderChanged",
    "OrderState",
    "Refund",
    "cancel_registrations",
    "check_methods",
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
    "ref_of",
    "refs_by_seat",
    "refunds_of",
    "run_tests",
    "stuck_payments",
    "try_now",
]
