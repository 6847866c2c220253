"""Invariants of orders and money."""

from sqlalchemy import Column, ColumnElement, ScalarSelect, func, select, table
from sqlalchemy.sql import column

from festgate.kit.checks import Check, Finding
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.messaging import outbox
from festgate.portal.checkout.tables import exchanges, lines, orders, refunds
from festgate.portal.registrations.facts import SeatReleased

_people = table("accounts_people", column("id"), column("claimed_by"))
_seats = table("registrations_seats", column("id"), column("state"), column("order_id"))

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


def check_claims(connection: Connection) -> list[Finding]:
    """Check that no order belongs to a guest whose orders somebody has claimed."""
    return [
        Finding("a claimed guest has no order", f"order {ref}", "its person was claimed")
        for (ref,) in connection.all(_of_claimed)
    ]


def check_exchanges(connection: Connection) -> list[Finding]:
    """Check that a difference is open only while its seat is confirmed, or a waiting fact will end it."""
    coming = {
        number
        for kind, fields in outbox.waiting(connection)
        if kind == SeatReleased.KIND
        for number in fields.values()
    }
    return [
        Finding(
            "a difference is open only while its seat is confirmed",
            f"exchange {number}",
            f"it is {settlement}, but its seat has ended",
        )
        for number, settlement, seat in connection.all(_ended_open)
        if seat not in coming
    ]


CHECKS: tuple[Check, ...] = (check_money, check_seats, check_exchanges, check_claims)
