"""The payment method `transfer`: seats are kept until a treasurer confirms the payment, or a statement does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select, update

from festgate.kit.clock import DAY, HOUR, NEVER, Milliseconds
from festgate.kit.db.statements import Connection, Statement, inserting
from festgate.kit.errors import NotFound
from festgate.kit.messaging import outbox
from festgate.kit.shown import amount, facts
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Actor
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import queries
from festgate.portal.checkout.errors import NotByTransfer, NotPending, OrderChanged
from festgate.portal.checkout.facts import TransferAwaited
from festgate.portal.checkout.methods import TRANSFER, Outcome, Waiting
from festgate.portal.checkout.orders import mark_paid
from festgate.portal.checkout.records import Order, Refund
from festgate.portal.checkout.tables import transfers
from festgate.portal.checkout.transfer_account import TransferAccount
from festgate.portal.checkout.utrs import read_utr
from festgate.portal.registrations import facade as registrations

REMIND_BEFORE: Milliseconds = DAY
"""The time before the end of an order at which its payer is reminded."""
MIN_NOTICE: Milliseconds = HOUR
"""The least time between the order and its reminder; a shorter order has none."""
MAX_REMINDED = 100
"""Reminders of one round."""
PAYABLE = ("pending", "expired")
"""States in which a payment can still get its seats."""

_transfer = transfers.c.order_id == bindparam("order")
_insert = inserting(transfers)
_by_order = Statement(
    select(*transfers.c["order_id", "utr", "utr_at", "rejected_utr", "by_hand_minor", "waived_minor"]).where(
        _transfer
    )
)
_set_utr = Statement(
    update(transfers)
    .where(_transfer)
    .values(utr=bindparam("new_utr"), utr_at=bindparam("now"), rejected_utr="")
)
_reject = Statement(
    update(transfers)
    .where(_transfer, transfers.c.utr == bindparam("seen"))
    .values(utr="", utr_at=None, rejected_utr=transfers.c.utr)
)
_by_hand = Statement(update(transfers).where(_transfer).values(by_hand_minor=bindparam("received")))
_to_remind = Statement(
    select(transfers.c.order_id)
    .where(transfers.c.remind_at <= bindparam("now"), transfers.c.remind_at < NEVER)
    .order_by(transfers.c.remind_at)
    .limit(MAX_REMINDED)
)
_reminded = Statement(
    update(transfers)
    .where(_transfer, transfers.c.remind_at <= bindparam("now"))
    .values(remind_at=bindparam("later"))
)
_forget = Statement(update(transfers).where(_transfer).values(utr="", utr_at=None, rejected_utr=""))


@dataclass(frozen=True, slots=True)
class TransferState:
    """The progress of one order's transfer."""

    order_id: int
    utr: str
    """The bank's number that the payer entered; empty without one."""
    utr_at: Milliseconds | None
    rejected_utr: str
    by_hand_minor: int
    """The amount that was confirmed by hand, and that no line of a statement has."""
    waived_minor: int
    """The amount by which the order was lowered, since less was paid and accepted."""


class Transfer:
    """The payment method `transfer`."""

    name = TRANSFER
    button = N_("Reserve, pay by transfer")
    asks = False

    def __init__(self, account: TransferAccount, hours: int, currency: str) -> None:
        """Keep the seats for that many hours."""
        self.account = account
        self.keeps: Milliseconds = hours * HOUR
        has_upi = bool(account.upi_id) and currency == "INR"
        self.label = N_("UPI or bank transfer") if has_upi else N_("Bank transfer")
        days, rest = divmod(hours, 24)
        length = gettext("{days} days").format(days=days) if days > 1 and not rest else ""
        length = length or gettext("{hours} hours").format(hours=hours)
        hint = (
            gettext(
                "You get a QR code for your UPI app and the account. Your seats are held for up to {length}."
            )
            if has_upi
            else gettext("You get the account and a reference. Your seats are held for up to {length}.")
        )
        self.hint = hint.format(length=length)

    async def begin(self, order: Order, details: Mapping[str, str]) -> Outcome:
        """Return Waiting: the payer transfers the money."""
        del order, details
        return Waiting()

    async def look_up(self, order: Order) -> Outcome:
        """Return Waiting: a treasurer confirms the payment."""
        del order
        return Waiting()

    async def refund(self, refund: Refund) -> None:
        """Send nothing: a treasurer transfers the money back (`refunds.BY_HAND`)."""

    async def abandon(self, order: Order) -> None:
        """Do nothing: no provider knows of the order."""


def end_of_sales(connection: Connection, seats: Sequence[registrations.Seat]) -> Milliseconds:
    """Return when sales of the first of the seats end: unpaid ones are not kept from others any longer."""
    ends = [NEVER]
    for seat in seats:
        event = catalogue.event_by_id(connection, seat.event_id)
        kind = catalogue.type_of(catalogue.types_of_event(connection, event), seat.type_id)
        ends += [event.sales_close_at, kind.details.sales_close_at or NEVER]
    return min(ends)


def open_transfer(connection: Connection, order_id: int, expires_at: Milliseconds) -> None:
    """Begin to wait for the transfer of a new order: its person gets an email, and a reminder before the end."""
    remind_at = expires_at - REMIND_BEFORE
    connection.run(
        _insert,
        order_id=order_id,
        utr="",
        utr_at=None,
        rejected_utr="",
        remind_at=remind_at if remind_at >= connection.now + MIN_NOTICE else NEVER,
        by_hand_minor=0,
        waived_minor=0,
    )
    outbox.record(connection, TransferAwaited(order_id, "placed", connection.now))


def transfer_of(connection: Connection, order_id: int) -> TransferState:
    """Return the progress of an order's transfer. Raises NotByTransfer."""
    row = connection.first(_by_order, order=order_id)
    if row is None:
        raise NotByTransfer
    return TransferState(*row)


def lock_transfer(connection: Connection, ref: str) -> Order:
    """Return a transfer order, locked until the end of the transaction. Raises NotFound, NotByTransfer."""
    order = queries.lock_order(connection, queries.order_by_ref(connection, ref).id)
    if order.method != TRANSFER:
        raise NotByTransfer
    return order


def enter_utr(connection: Connection, person_id: int, ref: str, text: str) -> Order:
    """Store the bank's number of the payment. It can be changed until the order is paid. Raises Invalid, NotPending."""
    order = lock_transfer(connection, ref)
    if order.person_id != person_id:
        raise NotFound
    if order.state not in PAYABLE:
        raise NotPending
    utr = read_utr(text, order.total.currency)
    if transfer_of(connection, order.id).utr != utr:
        connection.run(_set_utr, order=order.id, new_utr=utr, now=connection.now)
    return order


def shown_transfer(order: Order, state: TransferState) -> str:
    """Return the facts that a treasurer sees and confirms: state, revision, amount and number of the payment."""
    return facts(order.state, order.revision, amount(order.total), state.utr)


def confirm_transfer(
    connection: Connection, ref: str, organiser_id: int, actor: Actor, shown: str | None
) -> Order:
    """Record that the whole amount has arrived, as the form showed it. A second call changes nothing.

    Raises OrderChanged if the order or the number of the payment has changed, NotPending if nothing can be paid.
    """
    order = lock_transfer(connection, ref)
    if order.paid_at is not None:
        return order
    if order.state not in PAYABLE:
        raise NotPending
    state = transfer_of(connection, order.id)
    if shown is not None and shown != shown_transfer(order, state):
        raise OrderChanged(ref)
    paid = mark_paid(connection, order.id, f"transfer-{order.ref}", order.total, paid_by=organiser_id)
    # The order's total may have fallen, because its event was cancelled meanwhile.
    connection.run(_by_hand, order=order.id, received=order.total.minor)
    audit.record(
        connection,
        actor,
        "transfer.confirmed",
        order.ref,
        amount=order.total.coded(),
        utr=state.utr,
        result=paid.state,
    )
    return paid


def reject_utr(connection: Connection, ref: str, actor: Actor, utr: str) -> Order:
    """Reject the number that the payer entered, because no such payment arrived. The payer gets an email.

    A second call changes nothing. Raises OrderChanged if the payer has entered another one.
    """
    order = lock_transfer(connection, ref)
    state = transfer_of(connection, order.id)
    if not utr or state.utr != utr:
        if utr and state.rejected_utr == utr:
            return order
        raise OrderChanged(ref)
    if order.state not in PAYABLE:
        raise NotPending
    connection.run(_reject, order=order.id, seen=utr)
    outbox.record(connection, TransferAwaited(order.id, "rejected", connection.now))
    audit.record(connection, actor, "transfer.rejected", order.ref, utr=utr)
    return order


def remind_payers(connection: Connection) -> None:
    """Remind the payers of orders that end within a day, once; not those that have entered a number."""
    for (order_id,) in connection.all(_to_remind, now=connection.now):
        order = queries.order_by_id(connection, order_id)
        due = order.expires_at - REMIND_BEFORE
        is_later = order.state == "pending" and due > connection.now
        later = due if is_later else NEVER
        if not connection.run(_reminded, order=order_id, now=connection.now, later=later) or is_later:
            continue
        if order.state == "pending" and not transfer_of(connection, order_id).utr:
            outbox.record(connection, TransferAwaited(order_id, "ending", connection.now))


def forget_utr(connection: Connection, order_id: int) -> None:
    """Erase the payer's number of an order."""
    connection.run(_forget, order=order_id)
