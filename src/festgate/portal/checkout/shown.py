"""The facts that the organisers' forms about desk orders show, compared when a form is sent."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from festgate.kit import shown
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.money import Money
from festgate.kit.translation import N_, gettext
from festgate.portal.checkout.tables import orders, refunds


class OrderChanged(shown.Changed):
    """The order has changed since the organiser opened the page. Nothing was done."""

    code = "order-changed"
    title = N_("This order has changed")

    def __init__(self, ref: str) -> None:
        """Name the order."""
        sentence = gettext(
            "Order {ref} has changed since you opened the page, so nothing was done. Please check it again."
        )
        super().__init__(sentence.format(ref=ref))


@dataclass(frozen=True, slots=True)
class DeskForms:
    """The hidden fields of the forms about one order."""

    paid: str = ""
    """For the form that marks it paid: `pending;0;45000 INR`, its state, revision and amount. Empty without one."""
    refunded: str = ""
    """For the form that marks it refunded: `4=30000 INR`, each refund that is due. Empty where none is."""
    due: Money | None = None
    """The sum of the refunds that are due."""


_orders = select(*orders.c["ref", "state", "revision", "total_minor", "currency"]).where(
    orders.c.method == "desk"
)
_refunds = (
    select(orders.c.ref, refunds.c.id, refunds.c.amount_minor, refunds.c.currency)
    .join_from(refunds, orders, orders.c.id == refunds.c.order_id)
    .where(orders.c.method == "desk", refunds.c.done_at.is_(None))
    .order_by(refunds.c.id)
)
_all_orders = Statement(_orders.where(orders.c.state == "pending"))
_one_order = Statement(
    _orders.where(orders.c.state.in_(("pending", "expired")), orders.c.ref == bindparam("ref"))
)
_all_refunds = Statement(_refunds)
_one_refunds = Statement(_refunds.where(orders.c.ref == bindparam("ref")))


def desk_forms(connection: Connection) -> Mapping[str, DeskForms]:
    """Return the forms of every open desk order, by the order's reference."""
    return _forms(connection.all(_all_orders), connection.all(_all_refunds))


def desk_forms_of(connection: Connection, ref: str) -> DeskForms:
    """Return the forms of one order, which may have expired."""
    forms = _forms(connection.all(_one_order, ref=ref), connection.all(_one_refunds, ref=ref))
    return forms.get(ref, DeskForms())


def refuse_other(ref: str, seen: str, now: str) -> None:
    """Raise OrderChanged where the facts are not those that the form showed."""
    if seen != now:
        raise OrderChanged(ref)


def _forms(
    waiting: list[tuple[str, str, int, int, str]], owed: list[tuple[str, int, int, str]]
) -> dict[str, DeskForms]:
    paid = {
        ref: shown.facts(state, revision, shown.amount(Money(total, currency)))
        for ref, state, revision, total, currency in waiting
    }
    lines: dict[str, list[str]] = {}
    due: dict[str, Money] = {}
    for ref, refund, minor, currency in owed:
        money = Money(minor, currency)
        lines.setdefault(ref, []).append(f"{refund}={shown.amount(money)}")
        due[ref] = due[ref] + money if ref in due else money
    return {
        ref: DeskForms(paid.get(ref, ""), ",".join(lines.get(ref, [])), due.get(ref))
        for ref in (*paid, *lines)
    }
