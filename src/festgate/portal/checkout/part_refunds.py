"""Refunding a part of a paid order as an organiser; its seats and tickets stay.

A confirmation shows the amounts beforehand and carries `PartRefund.seen`; where the order has changed since, nothing is
done. The same key is one refund: a second click, or a call that is repeated after a fault, refunds nothing more.
"""

from dataclasses import dataclass

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.kit.money import Money
from festgate.kit.shown import amount as shown_amount
from festgate.kit.shown import facts
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Actor
from festgate.portal.audit import facade as audit
from festgate.portal.checkout import queries, refunds
from festgate.portal.checkout.errors import KeyReused, NotPaid, OrderChanged, RefundTooHigh
from festgate.portal.checkout.records import Order

A_PART = N_("The organisers refunded a part of this order.")


@dataclass(frozen=True)
class PartRefund:
    """The amounts of a refund in part."""

    order: Order
    left: Money
    """The amount that can be refunded at most."""

    @property
    def by_hand(self) -> bool:
        """Return whether the order was paid to the organisers themselves, not to a provider."""
        return self.order.method in refunds.BY_HAND

    @property
    def seen(self) -> str:
        """A short text that changes with the order's state and with every refund."""
        return facts(self.order.state, shown_amount(self.left))


def plan_part(connection: Connection, order: Order) -> PartRefund:
    """Return what could be refunded of the order now. Raises NotPaid."""
    if order.state != "paid":
        raise NotPaid
    return PartRefund(order, refunds.left_of(connection, order))


def refund_part(
    connection: Connection,
    actor: Actor,
    ref: str,
    amount: Money,
    key: str,
    *,
    by_hand: bool = False,
    seen: str | None = None,
) -> Order:
    """Refund an amount of a paid order and keep its seats. The same key again does nothing.

    `by_hand`: the organiser has given it back already. `seen` is what the organiser was shown. Raises NotFound,
    NotPaid, Invalid, OrderChanged, RefundTooHigh, or KeyReused for another amount.
    """
    order = queries.lock_order(connection, queries.order_by_ref(connection, ref).id)
    before = refunds.requested_refund(connection, order, key)
    if before is not None:
        if before != amount:
            raise KeyReused
        return order
    plan = plan_part(connection, order)
    if seen is not None and seen != plan.seen:
        raise OrderChanged(ref)
    if amount.minor <= 0:
        raise Invalid({"amount": gettext("Enter an amount above zero.")})
    if amount.currency != plan.left.currency or amount.minor > plan.left.minor:
        raise RefundTooHigh
    refunds.refund_part(connection, order, amount, A_PART, refunds.Request(actor.person, by_hand, key))
    audit.record(
        connection,
        actor,
        "order.refunded",
        ref,
        amount=amount.coded(),
        **({"by_hand": 1} if by_hand else {}),
    )
    return queries.order_by_id(connection, order.id)
