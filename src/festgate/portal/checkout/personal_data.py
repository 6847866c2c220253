"""A person's own orders and refunds: for the download, and when the account is deleted."""

from sqlalchemy import bindparam, update

from festgate.kit.db.statements import Connection, Statement
from festgate.kit.translation import gettext, ngettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.checkout import queries
from festgate.portal.checkout.bank_lines import blank_lines, lines_of_order
from festgate.portal.checkout.methods import TRANSFER
from festgate.portal.checkout.notes import forget_notes, move_notes, notes_of_person
from festgate.portal.checkout.orders import cancel_order
from festgate.portal.checkout.records import Order, Refund
from festgate.portal.checkout.shifts import Shift, list_shifts
from festgate.portal.checkout.tables import orders
from festgate.portal.checkout.transfers import forget_utr, transfer_of

MAX_SHIFTS = 10_000
"""Shifts of one person in a download."""

_move = Statement(
    update(orders)
    .where(orders.c.person_id == bindparam("guest"))
    # The key is unique among a person's orders, and that of a guest's cart is not used again.
    .values(person_id=bindparam("person"), idempotency_key=orders.c.idempotency_key + bindparam("mark"))
)


def export_orders(connection: Connection, person_id: int) -> accounts.Values:
    """Return the person's orders with lines and refunds, the organisers' notes, and own shifts at the box office."""
    shifts, _ = list_shifts(connection, person_id, MAX_SHIFTS)
    return {
        "orders": [
            {
                **_exported(order, queries.refunds_of(connection, order.id)),
                **_exported_transfer(connection, order),
            }
            for order in queries.orders_of(connection, person_id)
        ],
        "notes": [
            {"text": note.text, "written_at": accounts.export_time(note.written_at)}
            for note in notes_of_person(connection, person_id)
        ],
        "shifts": [_exported_shift(shift) for shift in shifts],
    }


def foresee_orders(connection: Connection, person_id: int) -> accounts.Forecast:
    """Return what would become of the person's orders. A refund that is not done is an obstacle."""
    obstacles, ended = [], []
    own = queries.orders_of(connection, person_id)
    for order in own:
        if order.state == "pending":
            sentence = gettext("Order {ref}, which is not paid, is cancelled.")
            ended.append(sentence.format(ref=order.ref))
        elif any(refund.done_at is None for refund in queries.refunds_of(connection, order.id)):
            sentence = gettext(
                "A refund for order {ref} is not done yet. The account can be deleted once it is."
            )
            obstacles.append(sentence.format(ref=order.ref))
    kept: tuple[str, ...] = ()
    if own:
        sentence = ngettext(
            "{count} order, with its amounts, dates and payments.",
            "{count} orders, with their amounts, dates and payments.",
            len(own),
        )
        kept = (sentence.format(count=len(own)),)
    count = list_shifts(connection, person_id, 1)[1]
    if count:
        sentence = ngettext(
            "{count} shift at the box office, with its sums and note.",
            "{count} shifts at the box office, with their sums and notes.",
            count,
        )
        kept += (sentence.format(count=count),)
    return accounts.Forecast(tuple(obstacles), tuple(ended), kept)


def end_orders(connection: Connection, person_id: int) -> None:
    """Cancel the orders that wait for a payment, erase the texts of transfers, and delete the organisers' notes.

    The provider's page is closed soon, and a late payment refunded.
    """
    for order in queries.orders_of(connection, person_id):
        if order.state == "pending":
            cancel_order(connection, person_id, order.ref)
        if order.method == TRANSFER:
            forget_utr(connection, order.id)
            blank_lines(connection, order.id)
    forget_notes(connection, person_id)


def move_orders(connection: Connection, guest_id: int, person_id: int) -> None:
    """Give the orders of a guest, and notes on them, to another person. Their references stay."""
    connection.run(_move, guest=guest_id, person=person_id, mark=f" of {guest_id}")
    move_notes(connection, guest_id, person_id)


PERSONAL_RECORDS = accounts.PersonalRecords(export_orders, foresee_orders, end_orders, move_orders)


def _exported_shift(shift: Shift) -> accounts.Values:
    return {
        "opened_at": accounts.export_time(shift.opened_at),
        "closed_at": accounts.export_time(shift.closed_at),
        "opening_float": accounts.export_amount(shift.opening),
        "sales": shift.sales,
        "expected_cash": accounts.export_amount(shift.expected),
        "counted_cash": None if shift.counted is None else accounts.export_amount(shift.counted),
        "note": shift.note,
    }


def _exported_transfer(connection: Connection, order: Order) -> accounts.Values:
    if order.method != TRANSFER:
        return {}
    return {
        "transfer": {
            "utr": transfer_of(connection, order.id).utr,
            "payments": [
                {
                    "booked_on": line.booked_on,
                    "amount": accounts.export_amount(line.amount),
                    "text": line.narration,
                    "utr": line.utr,
                }
                for line in lines_of_order(connection, order.id)
            ],
        }
    }


def _exported(order: Order, refunds: list[Refund]) -> accounts.Values:
    return {
        "ref": order.ref,
        "state": order.state,
        "method": order.method,
        "total": accounts.export_amount(order.total),
        "paid": None if order.paid is None else accounts.export_amount(order.paid),
        "created_at": accounts.export_time(order.created_at),
        "paid_at": accounts.export_time(order.paid_at),
        "payment_reference": order.provider_ref,
        "reason": order.reason,
        "lines": [
            {
                "registration": line.seat_id,
                "event": line.slug,
                "title": line.title,
                "starts_at": accounts.export_time(line.starts_at),
                "fee": accounts.export_amount(line.fee),
                "dropped_at": accounts.export_time(line.dropped_at),
            }
            for line in order.lines
        ],
        "refunds": [
            {
                "registration": refund.seat_id,
                "amount": accounts.export_amount(refund.amount),
                "reason": refund.reason,
                "done_at": accounts.export_time(refund.done_at),
            }
            for refund in refunds
        ],
    }
