"""Sums of the money of all orders, for the organisers' dashboard: a few statements, whatever their number.

Money is *received* when its order was paid, *expected* while the order can still be paid, and *refunded* once a refund
is done; a refund that is *due* is none yet. A whole order's sums are of its payment, those of an event of its lines.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, case, func, select

from festgate.kit.clock import MINUTE, Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.money import Money, totals
from festgate.portal.checkout.tables import lines, orders, refunds

QUARTER = 15 * MINUTE
"""The steps in which payments are summed: every time zone's day begins at one."""


@dataclass(frozen=True, slots=True)
class MoneySums:
    """Sums of money by currency, in the order of the codes."""

    received: tuple[Money, ...] = ()
    expected: tuple[Money, ...] = ()
    refunded: tuple[Money, ...] = ()
    due: tuple[Money, ...] = ()
    """Refunds that are not done yet."""

    def __bool__(self) -> bool:
        """Return whether there is any money."""
        return any((self.received, self.expected, self.refunded, self.due))


_IS_PAID = orders.c.state.in_(("paid", "refunding", "refunded")) & orders.c.paid_at.is_not(None)
_COUNTS = _IS_PAID | (orders.c.state == "pending")
_received = func.coalesce(orders.c.paid_minor, orders.c.total_minor)
_by_method = Statement(
    select(
        orders.c.method,
        orders.c.currency,
        func.sum(case((_IS_PAID, _received), else_=0)),
        func.sum(case((orders.c.state == "pending", orders.c.total_minor), else_=0)),
    )
    .where(_COUNTS)
    .group_by(orders.c.method, orders.c.currency)
)
_IS_DONE = refunds.c.done_at.is_not(None)
_done = func.sum(case((_IS_DONE, refunds.c.amount_minor), else_=0))
_due = func.sum(case((~_IS_DONE, refunds.c.amount_minor), else_=0))
_refunds_by_method = Statement(
    select(orders.c.method, refunds.c.currency, _done, _due)
    .join_from(refunds, orders)
    .group_by(orders.c.method, refunds.c.currency)
)
_of_lines = (
    select(
        lines.c.event_id,
        orders.c.currency,
        func.sum(case((_IS_PAID, lines.c.fee_minor), else_=0)),
        func.sum(case((orders.c.state == "pending", lines.c.fee_minor), else_=0)),
    )
    .join_from(lines, orders)
    .where(_COUNTS, lines.c.dropped_at.is_(None))
    .group_by(lines.c.event_id, orders.c.currency)
)
_of_single_refunds = (
    select(lines.c.event_id, refunds.c.currency, _done, _due)
    .join_from(
        refunds, lines, (lines.c.order_id == refunds.c.order_id) & (lines.c.seat_id == refunds.c.seat_id)
    )
    .group_by(lines.c.event_id, refunds.c.currency)
)
# The refund of a whole charge is of all lines; that of a second charge, or of another amount, is of no event.
_of_whole_refunds = (
    select(
        lines.c.event_id,
        refunds.c.currency,
        func.sum(case((_IS_DONE, lines.c.fee_minor), else_=0)),
        func.sum(case((~_IS_DONE, lines.c.fee_minor), else_=0)),
    )
    .join_from(refunds, orders)
    .join(lines, lines.c.order_id == orders.c.id)
    .where(
        refunds.c.seat_id.is_(None),
        refunds.c.amount_minor == orders.c.total_minor,
        refunds.c.provider_ref == orders.c.provider_ref,
        lines.c.dropped_at.is_(None),
    )
    .group_by(lines.c.event_id, refunds.c.currency)
)
_all_of_lines, _all_of_refunds = (
    Statement(_of_lines),
    [Statement(_of_single_refunds), Statement(_of_whole_refunds)],
)
_OF_EVENT = lines.c.event_id == bindparam("event")
_event_of_lines = Statement(_of_lines.where(_OF_EVENT))
_event_of_refunds = [Statement(part.where(_OF_EVENT)) for part in (_of_single_refunds, _of_whole_refunds)]
_paid_step, _done_step = orders.c.paid_at // QUARTER, refunds.c.done_at // QUARTER
_received_over_time = Statement(
    select(orders.c.currency, _paid_step, func.sum(_received))
    .where(_IS_PAID, orders.c.paid_at >= bindparam("since"))
    .group_by(orders.c.currency, _paid_step)
)
_refunded_over_time = Statement(
    select(refunds.c.currency, _done_step, func.sum(refunds.c.amount_minor))
    .where(refunds.c.done_at >= bindparam("since"))
    .group_by(refunds.c.currency, _done_step)
)


def sum_by_method(connection: Connection) -> Mapping[str, MoneySums]:
    """Return the money of each payment method that an order has used, by its name."""
    return _sums(connection.all(_by_method), connection.all(_refunds_by_method))


def sum_by_event(connection: Connection) -> Mapping[int, MoneySums]:
    """Return the money of each event that was ever ordered, by event id."""
    refunded = [row for statement in _all_of_refunds for row in connection.all(statement)]
    return _sums(connection.all(_all_of_lines), refunded)


def sum_of_event(connection: Connection, event_id: int) -> MoneySums:
    """Return the money of one event."""
    refunded = [row for statement in _event_of_refunds for row in connection.all(statement, event=event_id)]
    return _sums(connection.all(_event_of_lines, event=event_id), refunded).get(event_id, MoneySums())


def received_over_time(connection: Connection, since: Milliseconds) -> list[tuple[Milliseconds, Money]]:
    """Return (beginning of a quarter of an hour, amount) of what was paid since."""
    return _over_time(connection.all(_received_over_time, since=since))


def refunded_over_time(connection: Connection, since: Milliseconds) -> list[tuple[Milliseconds, Money]]:
    """Return (beginning of a quarter of an hour, amount) of what was refunded since."""
    return _over_time(connection.all(_refunded_over_time, since=since))


def add_sums(sums: Iterable[MoneySums]) -> MoneySums:
    """Return the sum of them all."""
    parts = list(sums)
    return MoneySums(
        totals(amount for part in parts for amount in part.received),
        totals(amount for part in parts for amount in part.expected),
        totals(amount for part in parts for amount in part.refunded),
        totals(amount for part in parts for amount in part.due),
    )


def _over_time(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Milliseconds, Money]]:
    # PostgreSQL returns the sum of integers as a decimal.
    return [(step * QUARTER, Money(int(minor), currency)) for currency, step, minor in rows]


def _sums(received: Iterable[tuple[Any, ...]], refunded: Iterable[tuple[Any, ...]]) -> dict[Any, MoneySums]:
    """Put rows of (key, currency, two amounts) of orders and of refunds together."""
    parts: dict[Any, list[MoneySums]] = {}
    for key, currency, paid, open_ in received:
        parts.setdefault(key, []).append(MoneySums(_some(paid, currency), _some(open_, currency)))
    for key, currency, done, due in refunded:
        parts.setdefault(key, []).append(MoneySums(refunded=_some(done, currency), due=_some(due, currency)))
    return {key: add_sums(sums) for key, sums in parts.items()}


def _some(minor: Any, currency: str) -> tuple[Money, ...]:  # noqa: ANN401  (PostgreSQL's decimal, or None)
    return (Money(int(minor), currency),) if minor else ()
