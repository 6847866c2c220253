"""Invariants of orders and money."""

from sqlalchemy import (
    Column,
    ColumnElement,
    ScalarSelect,
    Text,
    cast,
    func,
    literal_column,
    select,
    table,
)
from sqlalchemy.sql import column

from festgate.kit.checks import Check, Finding
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.messaging import outbox
from festgate.portal.checkout.methods import TRANSFER
from festgate.portal.checkout.records import AT_BOX_OFFICE
from festgate.portal.checkout.shifts import Shift, shift_by_id
from festgate.portal.checkout.tables import (
    bank_lines,
    complimentary,
    exchanges,
    lines,
    notes,
    orders,
    refunds,
    sales,
    shift_refunds,
    shifts,
    transfers,
)
from festgate.portal.registrations.facts import SeatReleased

_people = table("accounts_people", column("id"), column("claimed_by"))
_seats = table("registrations_seats", column("id"), column("state"), column("order_id"), column("fee_minor"))

_ended_open = Statement(
    select(*exchanges.c["id", "settlement", "seat_id"])
    .join_from(exchanges, _seats, _seats.c.id == exchanges.c.seat_id)
    .where(exchanges.c.settlement.in_(("owed", "paid")), _seats.c.state != "confirmed")
)
_of_claimed = Statement(
    select(orders.c.ref)
    .join_from(orders, _people, _people.c.id == orders.c.person_id)
    .where(_people.c.claimed_by.is_not(None))
)


def _sum_of_order(amounts: Column[int], *conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    total = select(func.coalesce(func.sum(amounts), 0)).where(*conditions)
    return total.correlate(orders).scalar_subquery()


_OF_ITS_PAYMENT = (refunds.c.order_id == orders.c.id, refunds.c.provider_ref == orders.c.provider_ref)
_line_sum = _sum_of_order(lines.c.fee_minor, lines.c.order_id == orders.c.id, lines.c.dropped_at.is_(None))
_refund_sum = _sum_of_order(refunds.c.amount_minor, *_OF_ITS_PAYMENT)
_dropped_sum = _sum_of_order(
    refunds.c.amount_minor,
    *_OF_ITS_PAYMENT,
    refunds.c.seat_id.in_(
        select(lines.c.seat_id).where(lines.c.order_id == orders.c.id, lines.c.dropped_at.is_not(None))
    ),
)
_wrong_totals = Statement(
    select(orders.c.ref, orders.c.total_minor, _line_sum).where(orders.c.total_minor != _line_sum)
)
_over_refunded = Statement(
    select(orders.c.ref, orders.c.paid_minor, _refund_sum).where(_refund_sum > orders.c.paid_minor)
)
_miscounted = Statement(
    select(orders.c.ref, orders.c.refunded_minor, _refund_sum).where(orders.c.refunded_minor != _refund_sum)
)
_unbacked = Statement(
    select(orders.c.ref, orders.c.state).where(
        (orders.c.state.in_(("paid", "refunding", "refunded")) & orders.c.paid_at.is_(None))
        | (orders.c.state.in_(("refunding", "refunded")) & (_refund_sum != orders.c.paid_minor))
    )
)
_overpaid = Statement(
    select(orders.c.ref, orders.c.paid_minor, orders.c.total_minor, _dropped_sum).where(
        orders.c.state == "paid", orders.c.paid_minor - _dropped_sum != orders.c.total_minor
    )
)
_paid_without_seat = Statement(
    select(orders.c.ref, lines.c.title, _seats.c.state)
    .join_from(lines, orders)
    .join(_seats, _seats.c.id == lines.c.seat_id)
    .where(
        orders.c.state == "paid",
        lines.c.dropped_at.is_(None),
        lines.c.fee_minor > 0,
        _seats.c.state != "confirmed",
        ~select(refunds.c.id)
        .where(refunds.c.order_id == orders.c.id, refunds.c.seat_id == lines.c.seat_id)
        .exists(),
    )
)
_paid_twice = Statement(
    select(lines.c.seat_id, func.count())
    .join_from(lines, orders)
    .where(orders.c.state == "paid")
    .group_by(lines.c.seat_id)
    .having(func.count() > 1)
)
_sold_unpaid = Statement(
    select(_seats.c.id)
    .join_from(_seats, orders, orders.c.id == _seats.c.order_id)
    .where(_seats.c.state == "confirmed", orders.c.state.notin_(("paid", "refunding", "refunded")))
)


_AT_BOX_OFFICE = orders.c.method.in_(sorted(AT_BOX_OFFICE))
_unsold = Statement(
    select(orders.c.ref).where(
        _AT_BOX_OFFICE, ~select(sales.c.order_id).where(sales.c.order_id == orders.c.id).exists()
    )
)
_odd_sales = Statement(
    select(orders.c.ref)
    .join_from(sales, orders)
    .join(shifts, shifts.c.id == sales.c.shift_id)
    .where(
        ~_AT_BOX_OFFICE
        | (sales.c.seller_id != shifts.c.person_id)
        | (orders.c.currency != shifts.c.currency)
        | orders.c.paid_at.is_(None)
        | (sales.c.undone_at.is_not(None) & (orders.c.state != "refunded"))
    )
)
_closed = Statement(
    select(*shifts.c["id", "cash_minor", "card_minor", "upi_minor"])
    .where(shifts.c.closed_at.is_not(None))
    .order_by(shifts.c.id)
)
_applied = _sum_of_order(bank_lines.c.applied_minor, bank_lines.c.order_id == orders.c.id)
_received = _applied + transfers.c.by_hand_minor
_unbacked_transfers = Statement(
    select(orders.c.ref, func.coalesce(orders.c.paid_minor, 0), _received)
    .join_from(orders, transfers, transfers.c.order_id == orders.c.id)
    .where(func.coalesce(orders.c.paid_minor, 0) != _received)
)
_returned = (
    select(func.coalesce(func.sum(refunds.c.amount_minor), 0))
    .where(
        refunds.c.order_id == bank_lines.c.order_id,
        refunds.c.provider_ref == literal_column("'rest-'") + cast(bank_lines.c.id, Text),
    )
    .correlate(bank_lines)
    .scalar_subquery()
)
_unreturned = Statement(
    select(bank_lines.c.id, orders.c.ref, bank_lines.c.amount_minor, bank_lines.c.applied_minor, _returned)
    .join_from(bank_lines, orders, orders.c.id == bank_lines.c.order_id)
    .where(bank_lines.c.amount_minor - bank_lines.c.applied_minor != _returned)
)
_without_transfer = Statement(
    select(orders.c.ref).where(
        orders.c.method == TRANSFER,
        ~select(transfers.c.order_id).where(transfers.c.order_id == orders.c.id).exists(),
    )
)
_other_currency = Statement(
    select(bank_lines.c.id, bank_lines.c.currency, orders.c.ref, orders.c.currency)
    .join_from(bank_lines, orders, orders.c.id == bank_lines.c.order_id)
    .where(bank_lines.c.currency != orders.c.currency)
)
_odd_refunds = Statement(
    select(refunds.c.id, orders.c.ref)
    .join_from(refunds, orders)
    .where(
        (refunds.c.amount_minor < 0)
        | (
            refunds.c.seat_id.is_not(None)
            & ~select(lines.c.seat_id)
            .where(lines.c.order_id == orders.c.id, lines.c.seat_id == refunds.c.seat_id)
            .exists()
        )
    )
)
_uncounted = Statement(
    select(shifts.c.id).where(shifts.c.closed_at.is_(None) != shifts.c.counted_minor.is_(None))
)
_odd_payouts = Statement(
    select(shift_refunds.c.refund_id, shift_refunds.c.shift_id)
    .join_from(shift_refunds, refunds, refunds.c.id == shift_refunds.c.refund_id)
    .join(shifts, shifts.c.id == shift_refunds.c.shift_id)
    .where(refunds.c.done_at.is_(None) | (refunds.c.currency != shifts.c.currency))
)
_is_settled = exchanges.c.settlement.notin_(("owed", "replaced"))
_odd_exchanges = Statement(
    select(exchanges.c.id, exchanges.c.settlement).where(
        (_is_settled == exchanges.c.settled_at.is_(None))
        | ((exchanges.c.settlement == "even") != (exchanges.c.amount_minor == 0))
        | (
            exchanges.c.order_id.is_not(None)
            & ~select(lines.c.seat_id)
            .where(lines.c.order_id == exchanges.c.order_id, lines.c.seat_id == exchanges.c.new_seat_id)
            .exists()
        )
    )
)
_foreign_notes = Statement(
    select(notes.c.id, orders.c.ref)
    .join_from(notes, orders, orders.c.id == notes.c.order_id)
    .where(notes.c.person_id != orders.c.person_id)
)
_priced_gifts = Statement(
    select(complimentary.c.seat_id)
    .join_from(complimentary, _seats, _seats.c.id == complimentary.c.seat_id)
    .where(_seats.c.fee_minor != 0)
)


def check_money(connection: Connection) -> list[Finding]:
    """Check that orders add up to their lines, and that no refund exceeds its payment."""
    findings = [
        Finding(
            "an order's total is the sum of its lines",
            f"order {ref}",
            f"{total} is not {lined} (minor units)",
        )
        for ref, total, lined in connection.all(_wrong_totals)
    ]
    findings += [
        Finding(
            "refunds do not exceed the payment", f"order {ref}", f"{back} goes back of {total} (minor units)"
        )
        for ref, total, back in connection.all(_over_refunded)
    ]
    findings += [
        Finding(
            "the counted refunds are the refunds",
            f"order {ref}",
            f"{counted} is counted, but {back} goes back (minor units)",
        )
        for ref, counted, back in connection.all(_miscounted)
    ]
    findings += [
        Finding(
            "a paid or refunded order has its payment or refund", f"order {ref}", f"it is {state} without one"
        )
        for ref, state in connection.all(_unbacked)
    ]
    findings += [
        Finding(
            "payments for cancelled seats are refunded",
            f"order {ref}",
            f"{paid} was paid, {back} of it for cancelled seats goes back, and the total is {total} (minor units)",
        )
        for ref, paid, total, back in connection.all(_overpaid)
    ]
    findings += [
        Finding(
            "a refund is for its order",
            f"refund {refund}",
            f"its amount is negative, or its seat was never in order {ref}",
        )
        for refund, ref in connection.all(_odd_refunds)
    ]
    return findings


def check_seats(connection: Connection) -> list[Finding]:
    """Check that every paid seat is confirmed once, and that every confirmed seat of an order is paid."""
    findings = [
        Finding(
            "a paid order has its seats", f"order {ref}", f"the seat at {title} is {state}, and not refunded"
        )
        for ref, title, state in connection.all(_paid_without_seat)
    ]
    findings += [
        Finding("a seat is paid once", f"seat {seat}", f"{count} paid orders have it")
        for seat, count in connection.all(_paid_twice)
    ]
    findings += [
        Finding("a confirmed seat of an order is paid", f"seat {seat}", "its order is not paid")
        for (seat,) in connection.all(_sold_unpaid)
    ]
    return findings


def check_transfers(connection: Connection) -> list[Finding]:
    """Check that what was paid by transfer is what arrived, and that the rest of each payment is to be returned."""
    findings = [
        Finding(
            "a transfer order has its payments",
            f"order {ref}",
            f"{paid} was paid, and {received} has arrived (minor units)",
        )
        for ref, paid, received in connection.all(_unbacked_transfers)
    ]
    findings += [
        Finding(
            "a payment is for its order or returned",
            f"payment {line}",
            f"{applied} of {arrived} is for order {ref}, and {back} goes back (minor units)",
        )
        for line, ref, arrived, applied, back in connection.all(_unreturned)
    ]
    findings += [
        Finding("an order by transfer is awaited", f"order {ref}", "no statement can pay it")
        for (ref,) in connection.all(_without_transfer)
    ]
    findings += [
        Finding(
            "a payment is in the currency of its order",
            f"payment {line}",
            f"it is in {own}, and order {ref} in {other}",
        )
        for line, own, ref, other in connection.all(_other_currency)
    ]
    return findings


def check_claims(connection: Connection) -> list[Finding]:
    """Check that no order belongs to a guest whose orders somebody has claimed."""
    return [
        Finding("a claimed guest has no order", f"order {ref}", "its person was claimed")
        for (ref,) in connection.all(_of_claimed)
    ]


def check_shifts(connection: Connection) -> list[Finding]:
    """Check that every sale at the box office has its order and its shift, and that shifts agree with their sales."""
    findings = [
        Finding("an order of the box office is a sale", f"order {ref}", "it is in no shift")
        for (ref,) in connection.all(_unsold)
    ]
    findings += [
        Finding(
            "a sale agrees with its order and its shift",
            f"order {ref}",
            "its way of payment, seller, currency or state is another",
        )
        for (ref,) in connection.all(_odd_sales)
    ]
    for shift_id, *kept in connection.all(_closed):
        sums = _sums_of(shift_by_id(connection, shift_id))
        if kept != sums:
            what = f"it was closed with {kept}, and its sales and refunds are {sums} (minor units)"
            findings.append(Finding("the sums of a shift are those of its sales", f"shift {shift_id}", what))
    findings += [
        Finding("a closed shift is counted", f"shift {shift_id}", "it is open and counted, or closed and not")
        for (shift_id,) in connection.all(_uncounted)
    ]
    findings += [
        Finding(
            "a shift pays out refunds that are done",
            f"refund {refund}",
            f"it is not done, or in another currency than shift {shift_id}",
        )
        for refund, shift_id in connection.all(_odd_payouts)
    ]
    return findings


def _sums_of(shift: Shift) -> list[int]:
    return [shift.net(method).minor for method in AT_BOX_OFFICE]


def check_exchanges(connection: Connection) -> list[Finding]:
    """Check that a difference is open only while its seat is confirmed, or a waiting fact will end it."""
    coming = {
        number
        for kind, fields in outbox.waiting(connection)
        if kind == SeatReleased.KIND
        for number in fields.values()
    }
    findings = [
        Finding(
            "a difference is open only while its seat is confirmed",
            f"exchange {number}",
            f"it is {settlement}, but its seat has ended",
        )
        for number, settlement, seat in connection.all(_ended_open)
        if seat not in coming
    ]
    findings += [
        Finding(
            "an exchange agrees with its order and its difference",
            f"exchange {number}",
            f"it is {settlement}, and its amount, its time or its order is that of another",
        )
        for number, settlement in connection.all(_odd_exchanges)
    ]
    return findings


def check_notes(connection: Connection) -> list[Finding]:
    """Check that a note on an order is about its buyer, with whose data it is exported and erased."""
    return [
        Finding("a note on an order is about its buyer", f"note {note}", f"order {ref} is of another person")
        for note, ref in connection.all(_foreign_notes)
    ]


def check_complimentary(connection: Connection) -> list[Finding]:
    """Check that complimentary tickets are free."""
    return [
        Finding("a complimentary ticket is free", f"seat {seat}", "it has a fee")
        for (seat,) in connection.all(_priced_gifts)
    ]


CHECKS: tuple[Check, ...] = (
    check_money,
    check_seats,
    check_transfers,
    check_exchanges,
    check_claims,
    check_shifts,
    check_notes,
    check_complimentary,
)
