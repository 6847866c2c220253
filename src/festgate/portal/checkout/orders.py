"""Changes of an order's state. docs/explanation/orders.md draws them, and test_order_machine.py tests them."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import BigInteger, Integer, bindparam, case, func, update

from festgate.kit.clock import DAY, MINUTE, NEVER, Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.messaging import outbox
from festgate.kit.messaging.outbox import backoff
from festgate.kit.money import Money
from festgate.kit.translation import N_
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import queries
from festgate.portal.checkout.errors import NotPending
from festgate.portal.checkout.facts import OrderPaid, OrderReduced
from festgate.portal.checkout.reasons import reason_for
from festgate.portal.checkout.records import Line, Order, OrderState
from festgate.portal.checkout.refunds import BY_HAND, refund_charge, refund_seat
from festgate.portal.checkout.tables import lines, orders, refunds
from festgate.portal.registrations import facade as registrations

ASK_AFTER: Milliseconds = 15_000
"""The time until the first look-up of a payment without a response: longer than its first call can take."""
MAX_ASK: Milliseconds = 60_000
ASK_PAUSE: Milliseconds = 5_000
"""The least time between two look-ups that are caused by requests for the order's page."""
MAX_ERROR_LENGTH = 500
"""Characters of a provider's error that are stored."""
REDUCED_KEEPS: Milliseconds = 35 * MINUTE
"""The least time for which an order that has lost a line is kept, unless it is paid at the desk.

A payment page has to be open for half an hour, and the attendee has to read that the amount has changed.
"""
MAX_CLOSING: Milliseconds = 7 * DAY
"""The time for which the provider is asked to close the payment page of an order that has ended."""

MAX_RENEWED: Milliseconds = DAY - REDUCED_KEEPS
"""The time after its placement in which an order can be extended for a new payment page: Stripe's last a day."""

# Reasons are stored in English, and translated where they are shown.
CANCELLED_BY_OWNER = N_("You cancelled it.")

_order = update(orders).where(orders.c.id == bindparam("order"))
_pending = _order.where(orders.c.state == "pending")
_move = Statement(
    _order.values(state=bindparam("new_state"), reason=bindparam("new_reason"), pay_url=None, ask_at=NEVER)
)
_pay = Statement(
    _order.values(
        paid_at=bindparam("now"),
        paid_minor=bindparam("amount"),
        paid_by=bindparam("organiser"),
        provider_ref=bindparam("charge"),
        state=bindparam("new_state"),
        reason=bindparam("new_reason"),
        pay_url=None,
        ask_at=NEVER,
    )
)
_wait = Statement(
    # A response for an earlier amount of the order is too late: its payment page must not be used.
    _pending.where(
        orders.c.revision == func.coalesce(bindparam("seen_revision", type_=Integer), orders.c.revision)
    ).values(provider_ref=bindparam("new_ref"), pay_url=bindparam("new_url"), ask_error=None)
)
# While a closed order is to be asked about, its payment page may be open, or its payment under way.
_close = Statement(
    _order.values(
        state="cancelled",
        reason=bindparam("new_reason"),
        pay_url=None,
        asked=0,
        ask_at=case((orders.c.ask_at < NEVER, bindparam("close_at", type_=BigInteger)), else_=NEVER),
    )
)
_close_later = Statement(
    _order.where(orders.c.state == "cancelled", orders.c.ask_at < NEVER).values(
        ask_at=bindparam("later"), asked=orders.c.asked + 1
    )
)
_drop = Statement(
    update(lines)
    .where(
        lines.c.order_id == bindparam("order"),
        lines.c.seat_id == bindparam("seat"),
        lines.c.dropped_at.is_(None),
    )
    .values(dropped_at=bindparam("dropped"))
)
_lower = Statement(
    update(lines)
    .where(lines.c.order_id == bindparam("order"), lines.c.seat_id == bindparam("seat"))
    .values(fee_minor=bindparam("new_fee"), tax_minor=bindparam("new_tax"))
)
_revise = Statement(
    _order.values(
        total_minor=bindparam("left"),
        revision=bindparam("new_revision"),
        expires_at=bindparam("new_end"),
        pay_url=None,
        asked=0,
        # After COMMIT the next question to the provider replaces the payment page of the old amount (payments.py).
        ask_at=case((orders.c.ask_at < NEVER, bindparam("now", type_=BigInteger)), else_=NEVER),
    )
)
_ask_later = Statement(
    _pending.where(orders.c.ask_at < NEVER).values(
        ask_at=bindparam("later"), asked=orders.c.asked + 1, ask_error=bindparam("new_error")
    )
)
_claim_question = Statement(
    _pending.where(orders.c.asked_at <= bindparam("before")).values(asked_at=bindparam("now"))
)
_note_error = Statement(_pending.values(ask_error=bindparam("new_error")))
_move_end = Statement(_order.values(expires_at=bindparam("new_end")))
_ask_now = Statement(_pending.where(orders.c.ask_at < NEVER).values(ask_at=bindparam("now")))
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
_stop_asking = Statement(_order.values(ask_at=NEVER))


def mark_paid(
    connection: Connection, order_id: int, charge: str, amount: Money, *, paid_by: int | None = None
) -> Order:
    """Record that a provider, or the organiser `paid_by`, has received the money. Return the order.

    The same charge reported twice is one payment, and a second charge is refunded. The seats are confirmed. If one of
    them is gone, everything is refunded, and the attendee gets an email.
    """
    order = queries.lock_order(connection, order_id)
    if order.paid_at is not None:
        if charge != order.provider_ref:
            refund_charge(connection, order, charge, amount, N_("It was charged a second time."))
        return order
    lost = order.dropped_within(amount)
    if lost is None:
        registrations.release_seats(connection, order_id)
        reason = N_("The amount that was charged is not the order's.")
        paid = _keep_payment(connection, order, charge, amount, "refunding", reason, paid_by)
        refund_charge(connection, paid, charge, amount, N_("The amount was wrong."))
        return paid
    if order.state in ("pending", "expired"):
        confirmed = registrations.confirm_seats(connection, order_id)
        # Looked at only where a seat is missing, so that the common payment costs no query more.
        gone = () if confirmed else queries.lost_lines(connection, order)
        if gone:
            order = _drop_lines(connection, order, gone)
            lost = order.dropped_within(amount) or ()
            confirmed = registrations.confirm_seats(connection, order_id)
        if confirmed:
            outbox.record(connection, OrderPaid(order_id))
            paid = _keep_payment(connection, order, charge, amount, "paid", None, paid_by)
            for line in lost:
                refund_seat(connection, paid, line.seat_id, reason_for(connection, [line]))
            return paid
    reason = _why_undone(connection, order)
    registrations.release_seats(connection, order_id)
    paid = _keep_payment(connection, order, charge, amount, "refunding", reason, paid_by)
    refund_charge(connection, paid, charge, amount, reason)
    return paid


def mark_declined(connection: Connection, order_id: int, reason: str, revision: int | None = None) -> Order:
    """Record that the payment failed, and make its seats plain holds again.

    Nothing changes if the order is not pending, or if only the payment page of an earlier `revision` has expired.
    """
    order = queries.lock_order(connection, order_id)
    if order.state != "pending" or revision not in (None, order.revision):
        return order
    registrations.unclaim_seats(connection, order_id)
    return _move_to(connection, order, "declined", reason)


def mark_waiting(
    connection: Connection,
    order_id: int,
    provider_ref: str | None,
    pay_url: str | None,
    revision: int | None = None,
) -> Order:
    """Record the payment page of the order, unless the order has a later revision than `revision`."""
    connection.run(_wait, order=order_id, new_ref=provider_ref, new_url=pay_url, seen_revision=revision)
    return queries.order_by_id(connection, order_id)


def note_unanswered(connection: Connection, order_id: int, error: str) -> None:
    """Record, for organisers, that the provider has not responded to the first call."""
    connection.run(_note_error, order=order_id, new_error=error[:MAX_ERROR_LENGTH])


def ask_later(connection: Connection, order_id: int, asked: int, error: str | None = None) -> None:
    """Schedule the next look-up of a payment, with growing intervals.

    A pending payment is looked up until the order ends. After an `error`, it is looked up until the provider responds,
    however late that is, because the provider may have the money.
    """
    now = connection.now
    if error is None and now >= _end_of(connection, queries.order_by_id(connection, order_id)) + MAX_ASK:
        stop_asking(connection, order_id)
        return
    connection.run(
        _ask_later,
        order=order_id,
        later=now + backoff(asked + 2, MAX_ASK),
        new_error=None if error is None else error[:MAX_ERROR_LENGTH],
    )


def claim_question(connection: Connection, order_id: int) -> bool:
    """Return whether the payment may be looked up now because somebody has opened the order's page.

    It is True at most once in ASK_PAUSE, over all processes.
    """
    now = connection.now
    return connection.run(_claim_question, order=order_id, now=now, before=now - ASK_PAUSE) == 1


def cancel_order(connection: Connection, person_id: int, ref: str) -> Order:
    """Cancel an unpaid order and release its seats. A second call changes nothing. Raises NotPending."""
    order = queries.lock_order(connection, queries.order_of_person(connection, person_id, ref).id)
    if order.state == "cancelled":
        return order
    if order.state != "pending":
        raise NotPending
    registrations.release_seats(connection, order.id)
    # Payments.cancel closes the page at once. If that fails, the next look-up closes it.
    return _close_order(connection, order, CANCELLED_BY_OWNER, connection.now + ASK_AFTER)


def reduce_order(connection: Connection, order_id: int) -> Order:
    """Drop the lines whose event or registration was cancelled, and close the order if no line is left.

    The owner gets an email (by a fact), and the provider is called at once, so that the old amount cannot be paid any
    more. Nothing changes on a second call, or if the order is paid or has ended.
    """
    order = queries.lock_order(connection, order_id)
    if order.state not in ("pending", "expired"):
        return order
    gone = queries.lost_lines(connection, order)
    if not gone:
        return order
    order = _drop_lines(connection, order, gone)
    if order.state == "expired":
        return order
    if not order.kept_lines:
        order = _close_order(connection, order, reason_for(connection, order.lines), connection.now)
    outbox.record(connection, OrderReduced(order.id, order.revision))
    # This wakes the task that looks up payments.
    connection.announce("refunds")
    return order


def lower_total(connection: Connection, order: Order, amount: Money) -> None:
    """Lower the fees of a locked, unpaid order so that they add up to `amount`, which was paid and accepted.

    The taxes fall with the fees. The revision rises, since forms show another amount. Raises ValueError for an amount
    that is not lower.
    """
    before = order.total.minor
    if not 0 < amount.minor < before or amount.currency != order.total.currency:
        msg = f"{amount.plain()} is not less than {order.total.plain()} {order.total.currency}"
        raise ValueError(msg)
    left = amount.minor
    for number, line in enumerate(order.kept_lines, 1):
        share = line.fee.minor * amount.minor // before if number < len(order.kept_lines) else left
        left -= share
        tax = catalogue.tax_within(Money(share, amount.currency), line.tax_rate).minor
        connection.run(_lower, order=order.id, seat=line.seat_id, new_fee=share, new_tax=tax)
    connection.run(
        _revise,
        order=order.id,
        left=amount.minor,
        new_revision=order.revision + 1,
        new_end=order.expires_at,
        now=connection.now,
    )


def renew_order(connection: Connection, order_id: int, revision: int, reason: str) -> Order:
    """Extend an order for a new payment page, because too little time is left after an outage of its provider.

    Its revision rises, so the provider makes a new page. An order that was placed a day ago is declined for `reason`
    instead. Nothing changes if the order is not pending or has a later revision.
    """
    order = queries.lock_order(connection, order_id)
    if order.state != "pending" or order.revision != revision:
        return order
    if connection.now > order.created_at + MAX_RENEWED:
        return mark_declined(connection, order_id, reason)
    end = connection.now + REDUCED_KEEPS
    registrations.extend_seats(connection, order_id, end)
    connection.run(
        _revise,
        order=order_id,
        left=order.total.minor,
        new_revision=revision + 1,
        new_end=end,
        now=connection.now,
    )
    connection.announce("refunds")
    return queries.order_by_id(connection, order_id)


def close_later(connection: Connection, order_id: int, asked: int) -> None:
    """Schedule the next attempt to close an ended order's payment page, with growing intervals, for a week."""
    order = queries.order_by_id(connection, order_id)
    if connection.now >= order.expires_at + MAX_CLOSING:
        stop_asking(connection, order_id)
    else:
        connection.run(_close_later, order=order_id, later=connection.now + backoff(asked + 2, MAX_ASK))


def stop_asking(connection: Connection, order_id: int) -> None:
    """End the look-ups of the order's payment."""
    connection.run(_stop_asking, order=order_id)


def expire_order(connection: Connection, order_id: int) -> None:
    """Expire an order whose time has ended. Its seats are free already, because holds end by the clock.

    If holds were paused, the seats have more time than the order, and the order is extended to that time.
    """
    order = queries.lock_order(connection, order_id)
    if order.state != "pending" or order.expires_at > connection.now:
        return
    end = _end_of(connection, order)
    if end > connection.now:
        connection.run(_move_end, order=order_id, new_end=end)
    else:
        _move_to(connection, order, "expired", N_("It was not paid in time."))


def follow_seats(connection: Connection) -> int:
    """Extend every pending order to the end of its holds, and return their number. A second call changes nothing."""
    behind = queries.orders_behind_seats(connection)
    for order_id, end in behind:
        connection.run(_move_end, order=order_id, new_end=end)
    return len(behind)


def try_now(connection: Connection, ref: str) -> Order:
    """Look up the order's payment and send its refunds at once. Raises NotFound.

    Nothing changes if there is nothing to look up or to send.
    """
    order = queries.order_by_ref(connection, ref)
    connection.run(_ask_now, order=order.id, now=connection.now)
    connection.run(_send_now, order=order.id, now=connection.now)
    # This wakes the task that sends refunds and looks up payments.
    connection.announce("refunds")
    return order


def _end_of(connection: Connection, order: Order) -> Milliseconds:
    """Return when the order expires: at its own time, or at that of its seats if holds were paused."""
    if connection.now < order.expires_at:
        return order.expires_at
    return max(order.expires_at, registrations.kept_until(connection, order.id))


def _drop_lines(connection: Connection, order: Order, gone: Sequence[Line]) -> Order:
    """Drop lines of an unpaid order. Its total, the amount that is left to pay, falls."""
    # Distinct times, also within one millisecond: each total that the order ever had has its own time.
    at = max([connection.now, *(line.dropped_at + 1 for line in order.lines if line.dropped_at is not None)])
    dropped = {line.seat_id: replace(line, dropped_at=at + step) for step, line in enumerate(gone)}
    for line in dropped.values():
        connection.run(_drop, order=order.id, seat=line.seat_id, dropped=line.dropped_at)
        registrations.drop_seat(connection, line.seat_id)
    kept = tuple(dropped.get(line.seat_id, line) for line in order.lines)
    left = sum(line.fee.minor for line in kept if line.dropped_at is None)
    end = order.expires_at
    if order.state == "pending" and left and order.method not in BY_HAND:
        end = max(end, connection.now + REDUCED_KEEPS)
        registrations.extend_seats(connection, order.id, end)
    reduced = replace(
        order,
        lines=kept,
        total=Money(left, order.total.currency),
        revision=order.revision + len(gone),
        expires_at=end,
        pay_url=None,
    )
    connection.run(
        _revise, order=order.id, left=left, new_revision=reduced.revision, new_end=end, now=connection.now
    )
    return reduced


def _close_order(connection: Connection, order: Order, reason: str, close_at: Milliseconds) -> Order:
    """Cancel an order. Whatever is open at its provider is closed from `close_at` on."""
    connection.run(_close, order=order.id, new_reason=reason, close_at=close_at)
    return replace(order, state="cancelled", reason=reason, pay_url=None)


def _why_undone(connection: Connection, order: Order) -> str:
    """Return the reason for which a payment cannot be fulfilled, as a sentence."""
    if not order.kept_lines:
        return reason_for(connection, order.lines)
    if order.state == "cancelled":
        return N_("The order had been cancelled before the payment came.")
    return N_("The payment came after your hold had ended, and a seat was gone.")


def _keep_payment(
    connection: Connection,
    order: Order,
    charge: str,
    amount: Money,
    state: OrderState,
    reason: str | None,
    paid_by: int | None,
) -> Order:
    """Record the amount that was charged, and the state of the order after it."""
    connection.run(
        _pay,
        order=order.id,
        charge=charge,
        amount=amount.minor,
        now=connection.now,
        new_state=state,
        new_reason=reason,
        organiser=paid_by,
    )
    return replace(
        order,
        provider_ref=charge,
        paid_at=connection.now,
        paid_by=paid_by,
        paid=amount,
        state=state,
        reason=reason,
        pay_url=None,
    )


def _move_to(connection: Connection, order: Order, state: OrderState, reason: str | None) -> Order:
    connection.run(_move, order=order.id, new_state=state, new_reason=reason)
    return replace(order, state=state, reason=reason, pay_url=None)
