"""The payment method `desk`: the seats are kept, and an organiser marks the order paid."""

from collections.abc import Mapping

from festgate.kit.clock import HOUR, Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.translation import N_, gettext
from festgate.portal.checkout import orders, queries, refunds
from festgate.portal.checkout.errors import NotAtDesk, NotPending
from festgate.portal.checkout.methods import Outcome, Waiting
from festgate.portal.checkout.records import Order, Refund
from festgate.portal.checkout.shown import desk_forms_of, refuse_other


class Desk:
    """The payment method `desk`."""

    name = "desk"
    label = N_("Pay at the desk")
    asks = False

    def __init__(self, hours: int) -> None:
        """Keep the seats for that many hours."""
        self.keeps: Milliseconds = hours * HOUR
        hint = gettext("Your seats are held for {hours} hours. Bring your order number.")
        self.hint = hint.format(hours=hours)

    async def begin(self, order: Order, details: Mapping[str, str]) -> Outcome:
        """Wait for the attendee to come to the desk."""
        del order, details
        return Waiting()

    async def look_up(self, order: Order) -> Outcome:
        """Wait: an organiser marks the order paid."""
        del order
        return Waiting()

    async def refund(self, refund: Refund) -> None:
        """Refunds at the desk wait for the organiser (`refunds.BY_HAND`) and are not sent anywhere."""

    async def abandon(self, order: Order) -> None:
        """Do nothing: no provider knows of the order."""


def mark_paid_at_desk(connection: Connection, ref: str, organiser_id: int, shown: str) -> Order:
    """Mark the order paid: an organiser has taken the amount that the form showed.

    A second click does nothing. Raises OrderChanged where the order is another by now, and NotPending once it is over.
    """
    order = queries.lock_order(connection, queries.order_by_ref(connection, ref).id)
    if order.method != Desk.name:
        raise NotAtDesk
    if order.state == "paid":
        return order
    if order.state not in ("pending", "expired"):
        raise NotPending
    refuse_other(ref, shown, desk_forms_of(connection, order.ref).paid)
    charge = f"desk-{order.ref}-{organiser_id}"
    return orders.mark_paid(connection, order.id, charge, order.total, paid_by=organiser_id)


def mark_refunded_at_desk(connection: Connection, ref: str, organiser_id: int, shown: str) -> Order:
    """Mark the refunds that the form showed as done by this organiser.

    A second click does nothing. Raises OrderChanged where others are due by now.
    """
    order = queries.lock_order(connection, queries.order_by_ref(connection, ref).id)
    if order.method != Desk.name:
        raise NotAtDesk
    due = desk_forms_of(connection, order.ref).refunded
    if due:
        refuse_other(ref, shown, due)
    for refund in queries.refunds_of(connection, order.id):
        if refund.done_at is None:
            refunds.note_refunded(connection, refund.id, order.id, refund.seat_id, done_by=organiser_id)
    return queries.order_by_id(connection, order.id)
