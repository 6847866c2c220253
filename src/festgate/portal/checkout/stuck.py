"""Payments and refunds that hang: what the organisers see of them, and trying at once.

All of them are asked about or sent again by themselves (payments.py). An order is not stuck while its provider answers
and only waits for the person, who may take their time on the payment page.
"""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import bindparam, func, select, table, update
from sqlalchemy.sql import column

from festgate.kit.clock import NEVER, SECOND, Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.money import Money
from festgate.portal.checkout import queries
from festgate.portal.checkout.records import Order
from festgate.portal.checkout.tables import orders, refunds

SILENT: Milliseconds = 30 * SECOND
"""From then on a provider that has said nothing is taken for one that hangs."""
MAX_LISTED = 500
"""That one list holds; the oldest."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """A payment whose end is not known, or a refund that has not gone through."""

    kind: Literal["payment", "refund"]
    ref: str
    """The order's."""
    username: str
    method: str
    amount: Money
    since: Milliseconds
    tries: int
    """How often it was asked about, or sent."""
    error: str | None
    """What came of the last try; None when nothing was tried yet or the provider only said that it does not know."""
    next_at: Milliseconds


_people = table("accounts_people", column("id"), column("username"))
_payment_hangs = (
    (orders.c.state == "pending")
    & (orders.c.ask_at < NEVER)
    & (
        orders.c.ask_error.is_not(None)
        | (orders.c.pay_url.is_(None) & ((orders.c.asked > 0) | (orders.c.created_at <= bindparam("before"))))
    )
)
_refund_hangs = (
    refunds.c.done_at.is_(None)
    & (refunds.c.due_at < NEVER)
    & (refunds.c.error.is_not(None) | (refunds.c.created_at <= bindparam("before")))
)
_payments = Statement(
    select(
        orders.c.ref,
        _people.c.username,
        orders.c.method,
        orders.c.total_minor,
        orders.c.currency,
        orders.c.created_at,
        orders.c.asked,
        orders.c.ask_error,
        orders.c.ask_at,
    )
    .join_from(orders, _people, _people.c.id == orders.c.person_id)
    .where(_payment_hangs)
    .order_by(orders.c.id)
    .limit(MAX_LISTED)
)
_refunds = Statement(
    select(
        orders.c.ref,
        _people.c.username,
        orders.c.method,
        refunds.c.amount_minor,
        refunds.c.currency,
        refunds.c.created_at,
        refunds.c.attempts,
        refunds.c.error,
        refunds.c.due_at,
    )
    .join_from(refunds, orders, orders.c.id == refunds.c.order_id)
    .join(_people, _people.c.id == orders.c.person_id)
    .where(_refund_hangs)
    .order_by(refunds.c.id)
    .limit(MAX_LISTED)
)
_LISTS: tuple[tuple[Literal["payment", "refund"], Statement], ...] = (
    ("payment", _payments),
    ("refund", _refunds),
)
_count_payments = Statement(select(func.count()).select_from(orders).where(_payment_hangs))
_count_refunds = Statement(select(func.count()).select_from(refunds).where(_refund_hangs))
_ask_now = Statement(
    update(orders)
    .where(orders.c.id == bindparam("order"), orders.c.state == "pending", orders.c.ask_at < NEVER)
    .values(ask_at=bindparam("now"))
)
_send_now = Statement(
    update(refunds)
    .where(
        refunds.c.order_id == bindparam("order"),
        refunds.c.done_at.is_(None),
        refunds.c.due_at < NEVER,
        refunds.c.error.is_not(None),
    )
    .values(due_at=bindparam("now"))
)


def stuck_payments(connection: Connection) -> list[Stuck]:
    """Return the payments and refunds that need attention, oldest first."""
    before = connection.now - SILENT
    found = [
        Stuck(kind, ref, username, method, Money(amount, currency), since, tries, error, next_at)
        for kind, statement in _LISTS
        for ref, username, method, amount, currency, since, tries, error, next_at in connection.all(
            statement, before=before
        )
    ]
    return sorted(found, key=lambda stuck: (stuck.since, stuck.ref))


def count_stuck(connection: Connection) -> int:
    """Return how many payments and refunds need attention."""
    before = connection.now - SILENT
    count: int = connection.value(_count_payments, before=before) + connection.value(
        _count_refunds, before=before
    )
    return count


def try_now(connection: Connection, ref: str) -> Order:
    """Ask about the order's payment, and send its refunds, at once instead of at their next time.

    Raises NotFound. It does nothing where there is nothing to ask or to send.
    """
    order = queries.order_by_ref(connection, ref)
    connection.run(_ask_now, order=order.id, now=connection.now)
    connection.run(_send_now, order=order.id, now=connection.now)
    # What wakes whoever sends refunds also has the payments looked at.
    connection.announce("refunds")
    return order
