"""Refunds: decided in the transaction that makes them due, sent to the provider after COMMIT, and retried."""

from dataclasses import dataclass

from sqlalchemy import bindparam, func, select, update

from festgate.kit.clock import MINUTE, NEVER
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.messaging import outbox
from festgate.kit.messaging.outbox import backoff
from festgate.kit.money import Money
from festgate.portal.checkout import queries
from festgate.portal.checkout.errors import RefundTooHigh
from festgate.portal.checkout.exchange_states import release_differences
from festgate.portal.checkout.facts import OrderRefunded, PartRefunded, SeatRefunded
from festgate.portal.checkout.reasons import EVERY_SEAT
from festgate.portal.checkout.records import AT_BOX_OFFICE, Order
from festgate.portal.checkout.shifts import count_refund
from festgate.portal.checkout.tables import orders, refunds

LEASE = 2 * MINUTE
"""The time for which one process has the right to send a refund."""
BY_HAND = frozenset({"desk", "transfer", *AT_BOX_OFFICE})
"""Methods whose refunds an organiser pays out. Such a refund is listed until it is marked as done."""

_insert = inserting(refunds, returning="id")
_sum = Statement(
    select(func.coalesce(func.sum(refunds.c.amount_minor), 0)).where(
        refunds.c.order_id == bindparam("order"), refunds.c.provider_ref == bindparam("charge")
    )
)
_of_seat = Statement(
    select(refunds.c.id).where(
        refunds.c.order_id == bindparam("order"), refunds.c.seat_id == bindparam("seat")
    )
)
_of_seats = Statement(
    select(refunds.c.seat_id, refunds.c.amount_minor).where(
        refunds.c.order_id == bindparam("order"), refunds.c.seat_id.is_not(None)
    )
)
_count = Statement(
    # The database refuses to refund more than was paid, whatever several organisers ask for at once.
    update(orders)
    .where(
        orders.c.id == bindparam("order"),
        orders.c.refunded_minor + bindparam("amount") <= func.coalesce(orders.c.paid_minor, 0),
    )
    .values(refunded_minor=orders.c.refunded_minor + bindparam("amount"))
)
_ended_lines = Statement(
    select(refunds.c.seat_id).where(refunds.c.order_id == bindparam("order"), refunds.c.seat_id.is_not(None))
)
_by_key = Statement(
    select(*refunds.c["amount_minor", "currency"]).where(
        refunds.c.order_id == bindparam("order"), refunds.c.request_key == bindparam("key")
    )
)
_is_part = Statement(
    select(refunds.c.id).where(
        refunds.c.id == bindparam("refund"), refunds.c.seat_id.is_(None), refunds.c.request_key.is_not(None)
    )
)
_refund = update(refunds).where(refunds.c.id == bindparam("refund"))
_open = _refund.where(refunds.c.done_at.is_(None))
_claim = Statement(
    _refund.where(refunds.c.due_at <= bindparam("now")).values(
        due_at=bindparam("until"), attempts=refunds.c.attempts + 1
    )
)
_done = Statement(
    _open.values(done_at=bindparam("now"), done_by=bindparam("organiser"), due_at=NEVER, error=None)
)
_postpone = Statement(_open.values(due_at=bindparam("later"), error=bindparam("new_error")))
_pending = Statement(
    select(func.count()).where(refunds.c.order_id == bindparam("order"), refunds.c.done_at.is_(None))
)
_finish = Statement(
    update(orders)
    .where(orders.c.id == bindparam("order"), orders.c.state == "refunding")
    .values(state="refunded")
)
_undo = Statement(
    update(orders)
    .where(orders.c.id == bindparam("order"), orders.c.state == "paid")
    .values(state="refunding", reason=bindparam("new_reason"))
)


@dataclass(frozen=True, slots=True)
class Request:
    """The wish of an organiser for a refund."""

    asked_by: int | None = None
    """The organiser; None on the command line, and for automatic refunds."""
    by_hand: bool = False
    """Whether the organiser has given the money back already, so that no provider is asked to."""
    key: str | None = None
    """The key of the form or call; the same key is one refund."""


AUTOMATIC = Request()


def refund_charge(connection: Connection, order: Order, charge: str, amount: Money, reason: str) -> None:
    """Refund one charge as a whole. A second call changes nothing."""
    if connection.value(_sum, order=order.id, charge=charge) == 0:
        _record(connection, order, None, charge, amount, reason)


def refund_whole(connection: Connection, order: Order, reason: str, request: Request = AUTOMATIC) -> None:
    """Refund the rest of a paid order's own charge. The state of the order is then *refunding*."""
    left = left_of(connection, order)
    if order.state != "paid" or left.minor == 0:
        return
    number = _record(connection, order, None, order.provider_ref or "", left, reason, request)
    release_differences(connection, [line.seat_id for line in order.lines])
    connection.run(_undo, order=order.id, new_reason=reason)
    _hand_over(connection, order, number, None, request)


def left_of(connection: Connection, order: Order) -> Money:
    """Return the part of the order's own charge that has neither been refunded nor is being refunded."""
    paid = order.paid.minor if order.paid is not None else 0
    back = connection.value(_sum, order=order.id, charge=order.provider_ref or "")
    return Money(max(0, paid - back), order.total.currency)


def refund_seat(
    connection: Connection,
    order: Order,
    seat_id: int,
    reason: str,
    request: Request = AUTOMATIC,
    *,
    amount: Money | None = None,
) -> None:
    """Refund one ended seat's fee of a paid order, or only `amount` of it, and never more than is left.

    Without anything to refund, that is recorded. Nothing changes on a second call, or after a refund of the whole
    order.
    """
    if order.state != "paid" or connection.first(_of_seat, order=order.id, seat=seat_id) is not None:
        return
    fee = next((line.fee for line in order.lines if line.seat_id == seat_id), None)
    if fee is None:
        return
    left = left_of(connection, order)
    back = min(fee.minor if amount is None else amount.minor, left.minor)
    charge = order.provider_ref or ""
    number = _record(connection, order, seat_id, charge, Money(back, fee.currency), reason, request)
    release_differences(connection, [seat_id])
    ended = {seat for (seat,) in connection.all(_ended_lines, order=order.id)}
    if back == left.minor and ended.issuperset(line.seat_id for line in order.kept_lines):
        whole = reason if len(order.lines) == 1 else EVERY_SEAT
        connection.run(_undo, order=order.id, new_reason=whole)
        if connection.value(_pending, order=order.id) == 0:
            connection.run(_finish, order=order.id)
    if back:
        _hand_over(connection, order, number, seat_id, request)


def refund_part(connection: Connection, order: Order, amount: Money, reason: str, request: Request) -> None:
    """Refund a part of a paid order's own charge; its seats stay. Raises RefundTooHigh above what is left."""
    number = _record(connection, order, None, order.provider_ref or "", amount, reason, request)
    _hand_over(connection, order, number, None, request)


def refund_exchange(
    connection: Connection, order: Order, seat_id: int, amount: Money, reason: str, request: Request
) -> None:
    """Refund the difference of an exchanged seat, which is no line of the order any more."""
    number = _record(connection, order, seat_id, order.provider_ref or "", amount, reason, request)
    _hand_over(connection, order, number, seat_id, request)


def requested_refund(connection: Connection, order: Order, key: str) -> Money | None:
    """Return the amount of the refund that was asked for with this key; None if there is none."""
    row = connection.first(_by_key, order=order.id, key=key)
    return None if row is None else Money(*row)


def keeps_a_part(connection: Connection, order: Order) -> bool:
    """Return whether a part of the fee of a cancelled seat was kept, under the refund rule of its event."""
    fees = {line.seat_id: line.fee.minor for line in order.lines}
    rows = connection.all(_of_seats, order=order.id)
    return any(amount < fees.get(seat_id, 0) for seat_id, amount in rows)


def claim_refund(connection: Connection, refund_id: int) -> bool:
    """Take the refund for the length of a lease. Return False if another process has it."""
    now = connection.now
    return connection.run(_claim, refund=refund_id, now=now, until=now + LEASE) == 1


def note_refunded(
    connection: Connection, refund_id: int, order_id: int, seat_id: int | None, *, done_by: int | None = None
) -> None:
    """Record that the provider, or the organiser `done_by`, has made the refund. A second call changes nothing.

    Once all of an order is refunded, its state is `refunded`.
    """
    order = queries.lock_order(connection, order_id)
    if connection.run(_done, refund=refund_id, now=connection.now, organiser=done_by) == 0:
        return
    if done_by is not None and order.method in AT_BOX_OFFICE:
        count_refund(connection, refund_id, order.total.currency, done_by)
    if seat_id is not None:
        outbox.record(connection, SeatRefunded(order_id, seat_id))
    elif connection.first(_is_part, refund=refund_id) is not None:
        outbox.record(connection, PartRefunded(order_id, refund_id))
    if order.state == "refunding" and connection.value(_pending, order=order_id) == 0:
        connection.run(_finish, order=order_id)
        outbox.record(connection, OrderRefunded(order_id))


def postpone_refund(connection: Connection, refund_id: int, attempts: int, error: str) -> None:
    """Retry the refund later."""
    connection.run(
        _postpone, refund=refund_id, later=connection.now + backoff(attempts), new_error=error[:500]
    )


def _hand_over(
    connection: Connection, order: Order, refund_id: int, seat_id: int | None, request: Request
) -> None:
    """Note that the organiser has given the money back, if that is what the request is about."""
    if request.by_hand:
        note_refunded(connection, refund_id, order.id, seat_id, done_by=request.asked_by)


def _record(
    connection: Connection,
    order: Order,
    seat_id: int | None,
    charge: str,
    amount: Money,
    reason: str,
    request: Request = AUTOMATIC,
) -> int:
    """Add a refund and return its id. Raises RefundTooHigh above what is left of the order's own charge."""
    if charge == (order.provider_ref or "") and not connection.run(
        _count, order=order.id, amount=amount.minor
    ):
        raise RefundTooHigh
    nothing = amount.minor == 0
    try:
        refund_id: int = connection.value(
            _insert,
            order_id=order.id,
            seat_id=seat_id,
            provider_ref=charge,
            amount_minor=amount.minor,
            currency=amount.currency,
            reason=reason,
            asked_by=request.asked_by,
            done_by=None,
            created_at=connection.now,
            due_at=NEVER if nothing or request.by_hand or order.method in BY_HAND else connection.now,
            attempts=0,
            done_at=connection.now if nothing else None,
            error=None,
            request_key=request.key,
        )
    except UniqueViolation:
        raise TryAgain from None  # another process has just made it: the next try finds it
    connection.announce("refunds")
    return refund_id
