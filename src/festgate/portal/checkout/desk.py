"""The payment method `desk`: the seats are kept, and an organiser marks the order as paid.

A form about an order contains the facts that it shows. They are compared with the order when the form is sent.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from festgate.kit.clock import HOUR, Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.money import Money
from festgate.kit.shown import amount, facts
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Actor
from festgate.portal.audit import facade as audit
from festgate.portal.checkout import queries
from festgate.portal.checkout.errors import NotAtDesk, NotPending, OrderChanged
from festgate.portal.checkout.methods import Outcome, Waiting
from festgate.portal.checkout.orders import mark_paid
from festgate.portal.checkout.records import Order, Refund
from festgate.portal.checkout.refunds import BY_HAND, note_refunded
from festgate.portal.checkout.tables import orders, refunds


@dataclass(frozen=True, slots=True)
class DeskForms:
    """The hidden fields of the forms about one order."""

    paid: str = ""
    """The form that marks the order as paid: `pending;0;45000 INR` (its state, revision and amount). Empty if it cannot
    be.
    """
    refunded: str = ""
    """The form that marks refunds as done: `4=30000 INR`, one part for each refund that is due. Empty without one."""
    due: Money | None = None
    """The sum of the refunds that are due."""


_orders = select(*orders.c["ref", "state", "revision", "total_minor", "currency"]).where(
    orders.c.method == "desk"
)
_BY_HAND = orders.c.method.in_(sorted(BY_HAND))
_refunds = (
    select(orders.c.ref, refunds.c.id, refunds.c.amount_minor, refunds.c.currency)
    .join_from(refunds, orders)
    .where(_BY_HAND, refunds.c.done_at.is_(None))
    .order_by(refunds.c.id)
)
_all_orders = Statement(_orders.where(orders.c.state == "pending"))
_one_order = Statement(
    _orders.where(orders.c.state.in_(("pending", "expired")), orders.c.ref == bindparam("ref"))
)
_all_refunds = Statement(_refunds)
_one_refunds = Statement(_refunds.where(orders.c.ref == bindparam("ref")))


class Desk:
    """The payment method `desk`."""

    name = "desk"
    label = N_("Pay at the desk")
    button = N_("Reserve, pay at the desk")
    asks = False

    def __init__(self, hours: int) -> None:
        """Keep the seats for that many hours."""
        self.keeps: Milliseconds = hours * HOUR
        hint = gettext("Your seats are held for {hours} hours. Bring your order number.")
        self.hint = hint.format(hours=hours)

    async def begin(self, order: Order, details: Mapping[str, str]) -> Outcome:
        """Return Waiting: the attendee pays at the desk."""
        del order, details
        return Waiting()

    async def look_up(self, order: Order) -> Outcome:
        """Return Waiting: an organiser marks the order as paid."""
        del order
        return Waiting()

    async def refund(self, refund: Refund) -> None:
        """Send nothing: refunds at the desk wait for the organiser (`refunds.BY_HAND`)."""

    async def abandon(self, order: Order) -> None:
        """Do nothing: no provider knows of the order."""


def mark_paid_at_desk(
    connection: Connection, ref: str, organiser_id: int, shown: str, actor: Actor | None = None
) -> Order:
    """Mark the order as paid: an organiser has received the amount that the form showed. A second call changes nothing.

    `actor` is for the audit log. Raises OrderChanged if the order has changed since, and NotPending if it has ended.
    """
    order = _lock(connection, ref)
    if order.state == "paid":
        return order
    if order.state not in ("pending", "expired"):
        raise NotPending
    if shown != desk_forms_of(connection, order.ref).paid:
        raise OrderChanged(ref)
    if actor is not None:
        audit.record(connection, actor, "order.marked-paid", order.ref, amount=order.total.coded())
    charge = f"desk-{order.ref}-{organiser_id}"
    return mark_paid(connection, order.id, charge, order.total, paid_by=organiser_id)


def mark_refunded_at_desk(
    connection: Connection, ref: str, organiser_id: int, shown: str, actor: Actor | None = None
) -> Order:
    """Mark the refunds that the form showed as done by this organiser, at the desk or by transfer.

    A second call changes nothing. `actor` is for the audit log. Raises OrderChanged if other refunds are due now.
    """
    order = _lock(connection, ref, BY_HAND)
    due = desk_forms_of(connection, order.ref).refunded
    if due and shown != due:
        raise OrderChanged(ref)
    for refund in queries.refunds_of(connection, order.id):
        if refund.done_at is None:
            if actor is not None:
                amount = refund.amount.coded()
                audit.record(connection, actor, "order.marked-refunded", order.ref, amount=amount)
            note_refunded(connection, refund.id, order.id, refund.seat_id, done_by=organiser_id)
    return queries.order_by_id(connection, order.id)


def _lock(connection: Connection, ref: str, methods: Collection[str] = (Desk.name,)) -> Order:
    order = queries.lock_order(connection, queries.order_by_ref(connection, ref).id)
    if order.method not in methods:
        raise NotAtDesk
    return order


def desk_forms(connection: Connection) -> Mapping[str, DeskForms]:
    """Return the forms of all open orders that are paid or refunded by hand, by the order's reference."""
    return _forms(connection.all(_all_orders), connection.all(_all_refunds))


def desk_forms_of(connection: Connection, ref: str) -> DeskForms:
    """Return the forms of one order, which may have expired."""
    forms = _forms(connection.all(_one_order, ref=ref), connection.all(_one_refunds, ref=ref))
    return forms.get(ref, DeskForms())


def _forms(
    waiting: list[tuple[str, str, int, int, str]], owed: list[tuple[str, int, int, str]]
) -> dict[str, DeskForms]:
    paid = {
        ref: facts(state, revision, amount(Money(total, currency)))
        for ref, state, revision, total, currency in waiting
    }
    lines: dict[str, list[str]] = {}
    due: dict[str, Money] = {}
    for ref, refund, minor, currency in owed:
        money = Money(minor, currency)
        lines.setdefault(ref, []).append(f"{refund}={amount(money)}")
        due[ref] = due[ref] + money if ref in due else money
    return {
        ref: DeskForms(paid.get(ref, ""), ",".join(lines.get(ref, [])), due.get(ref))
        for ref in (*paid, *lines)
    }
