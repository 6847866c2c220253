"""The functions of checkout that other modules may call."""

from festgate.portal.checkout.cancellations import Cancellation, cancel_registrations, plan_cancellation
from festgate.portal.checkout.complimentary import complimentary_seats, give_ticket, is_complimentary
from festgate.portal.checkout.desk import (
    DeskForms,
    desk_forms,
    desk_forms_of,
    mark_paid_at_desk,
    mark_refunded_at_desk,
)
from festgate.portal.checkout.errors import NotPaid, OrderChanged, RefundTooHigh, WrongSettlement
from festgate.portal.checkout.exchanges import (
    CHOICES,
    STEPS,
    Exchange,
    Exchanged,
    Settlement,
    exchange_by_id,
    exchange_ticket,
    exchanges_of_order,
    exchanges_of_seat,
    plan_exchange,
    settle_difference,
    subject_of_person,
)
from festgate.portal.checkout.notes import (
    MAX_NOTE,
    Note,
    delete_note,
    notes_of_order,
    notes_of_person,
    write_note,
)
from festgate.portal.checkout.orders import try_now
from festgate.portal.checkout.part_refunds import PartRefund, plan_part, refund_part
from festgate.portal.checkout.personal_data import PERSONAL_RECORDS
from festgate.portal.checkout.queries import (
    count_by_currency,
    count_stuck,
    open_orders,
    order_by_id,
    order_by_ref,
    paid_order_of_seat,
    ref_of,
    refs_by_seat,
    refunds_of,
    stuck_payments,
)
from festgate.portal.checkout.reasons import ended_by_of, reason_for
from festgate.portal.checkout.records import Line, OpenOrder, Order, OrderState, Refund

__all__ = [
    "CHOICES",
    "MAX_NOTE",
    "PERSONAL_RECORDS",
    "STEPS",
    "Cancellation",
    "DeskForms",
    "Exchange",
    "Exchanged",
    "Line",
    "NotPaid",
    "Note",
    "OpenOrder",
    "Order",
    "OrderChanged",
    "OrderState",
    "PartRefund",
    "Refund",
    "RefundTooHigh",
    "Settlement",
    "WrongSettlement",
    "cancel_registrations",
    "complimentary_seats",
    "count_by_currency",
    "count_stuck",
    "delete_note",
    "desk_forms",
    "desk_forms_of",
    "ended_by_of",
    "exchange_by_id",
    "exchange_ticket",
    "exchanges_of_order",
    "exchanges_of_seat",
    "give_ticket",
    "is_complimentary",
    "mark_paid_at_desk",
    "mark_refunded_at_desk",
    "notes_of_order",
    "notes_of_person",
    "open_orders",
    "order_by_id",
    "order_by_ref",
    "paid_order_of_seat",
    "plan_cancellation",
    "plan_exchange",
    "plan_part",
    "reason_for",
    "ref_of",
    "refs_by_seat",
    "refund_part",
    "refunds_of",
    "settle_difference",
    "stuck_payments",
    "subject_of_person",
    "try_now",
    "write_note",
]
