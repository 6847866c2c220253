"""The moves between the states of an order: docs/explanation/orders.md draws them, test_order_machine.py holds them."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import BigInteger, Integer, bindparam, case, func, update

from festgate.kit.clock import DAY, MINUTE, NEVER, Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.messaging import outbox
from festgate.kit.messaging.outbox import backoff
from festgate.kit.money import Money
from festgate.kit.translation import N_
from festgate.portal.checkout import queries
from festgate.portal.checkout.errors import NotPending
from festgate.portal.checkout.facts import OrderPaid, OrderReduced
from festgate.portal.checkout.reasons import reason_for
from festgate.portal.checkout.records import Line, Order, OrderState
from festgate.portal.checkout.refunds import BY_HAND, refund_charge, refund_seat
from festgate.portal.checkout.tables import lines, orders, refunds
from festgate.portal.registrations import facade as registrations

ASK_AFTER: Milliseconds = 15_000
"""When a payment that has not been answered is first asked about: longer than its first call may take."""
MAX_ASK: Milliseconds = 60_000
ASK_PAUSE: Milliseconds = 5_000
"""The least time between two questions to a provider that requests for the order's page cause."""
MAX_ERROR_LENGTH = 500
"""Characters of a provider's error that are stored."""
REDUCED_KEEPS: Milliseconds = 35 * MINUTE
"""How long an order that lost a line is kept at least, unless it is paid at the desk: a payment page has to be open for
half an hour, and the person has to read that the amount is another."""
MAX_CLOSING: Milliseconds = 7 * DAY
"""How long a provider is asked to close the payment page of an order that is over."""

MAX_RENEWED: Milliseconds = DAY - REDUCED_KEEPS
"""Until when, after it was placed, an order gets more time for a new payment page. Stripe's pages end within a day."""

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
    # An answer about an amount that is not the order's any more is too late: nobody is to be sent to its page.
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
    """Record that a provider has the money, or the organiser `paid_by`. Told twice, it is still one payment.

    A second charge is given back. The seats are confirmed, or, where one is gone, everything is refunded and the
    attendee emailed.
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
    """Record that the payment failed: the seats are plain holds again. Nothing changes once the order is past pending.

    Nor does it where only the payment page of an earlier `revision` has expired.
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
    """Record the payment page of the order, unless the order is past that `revision`."""
    connection.run(_wait, order=order_id, new_ref=provider_ref, new_url=pay_url, seen_revision=revision)
    return queries.order_by_id(connection, order_id)


def note_unanswered(connection: Connection, order_id: int, error: str) -> None:
    """Record for the organisers that the provider has not answered the first call."""
    connection.run(_note_error, order=order_id, new_error=error[:MAX_ERROR_LENGTH])


def ask_later(connection: Connection, order_id: int, asked: int, error: str | None = None) -> None:
    """Ask again, less and less often.

    A provider whose answer is still pending is asked until the order's time is over. One that could not be asked,
    for the reason `error`, is asked until it answers, however late: it may have the money.
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
    """Return whether the provider may be asked about this order now because someone looks at it.

    True at most once in ASK_PAUSE, over all processes.
    """
    now = connection.now
    return connection.run(_claim_question, order=order_id, now=now, before=now - ASK_PAUSE) == 1


def cancel_order(connection: Connection, person_id: int, ref: str) -> Order:
    """Give up an order that is not paid, and its seats. A second time does nothing; NotPending once it is paid."""
    order = queries.lock_order(connection, queries.order_of_person(connection, person_id, ref).id)
    if order.state == "cancelled":
        return order
    if order.state != "pending":
        raise NotPending
    registrations.release_seats(connection, order.id)
    # Payments.cancel has the page closed at once; where that fails, it is done when the provider is asked next.
    return _close_order(connection, order, CANCELLED_BY_OWNER, connection.now + ASK_AFTER)


def reduce_order(connection: Connection, order_id: int) -> Order:
    """Drop the lines whose event or registration was cancelled; with none left the order is closed.

    A second time, or once the order is paid or over, it does nothing. A fact has its owner emailed, and its provider is
    asked at once, so that nobody can pay the old amount any more.
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
    # Wakes the task that asks the providers.
    connection.announce("refunds")
    return order


def renew_order(connection: Connection, order_id: int, revision: int, reason: str) -> Order:
    """Give an order time for a new payment page: its provider was away for so long that too little is left.

    Its revision rises, so that the provider takes the next page for another one. An order that was placed a day ago is
    declined for `reason` instead. Nothing changes once the order is past pending or that `revision`.
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
    """Try again to have the page of an order that is over closed, less and less often, for a week."""
    order = queries.order_by_id(connection, order_id)
    if connection.now >= order.expires_at + MAX_CLOSING:
        stop_asking(connection, order_id)
    else:
        connection.run(_close_later, order=order_id, later=connection.now + backoff(asked + 2, MAX_ASK))


def stop_asking(connection: Connection, order_id: int) -> None:
    """Stop asking the provider about the order."""
    connection.run(_stop_asking, order=order_id)


def expire_order(connection: Connection, order_id: int) -> None:
    """Expire an order whose time is over. Its seats are already free by the clock.

    Where the holds were paused, the seats have more time than the order, and the order gets that time.
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
    """Extend every pending order to the end of its holds, and return how many. A second time changes nothing."""
    behind = queries.orders_behind_seats(connection)
    for order_id, end in behind:
        connection.run(_move_end, order=order_id, new_end=end)
    return len(behind)


def try_now(connection: Connection, ref: str) -> Order:
    """Ask about the order's payment, and send its refunds, at once. Raises NotFound.

    It does nothing where there is nothing to ask or to send.
    """
    order = queries.order_by_ref(connection, ref)
    connection.run(_ask_now, order=order.id, now=connection.now)
    connection.run(_send_now, order=order.id, now=connection.now)
    # Wakes the task that sends refunds and asks about payments.
    connection.announce("refunds")
    return order


def _end_of(connection: Connection, order: Order) -> Milliseconds:
    """Return when the order expires: its own time, or that of its seats where the holds were paused."""
    if connection.now < order.expires_at:
        return order.expires_at
    return max(order.expires_at, registrations.kept_until(connection, order.id))


def _drop_lines(connection: Connection, order: Order, gone: Sequence[Line]) -> Order:
    """Take lines out of an order that is not paid: its total, and what its owner has to pay, become less."""
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
    """Cancel an order; what is open at its provider is closed from `close_at` on."""
    connection.run(_close, order=order.id, new_reason=reason, close_at=close_at)
    return replace(order, state="cancelled", reason=reason, pay_url=None)


def _why_undone(connection: Connection, order: Order) -> str:
    """Return why a payment cannot be fulfilled."""
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
    """Record what was charged, and what the order comes to by that."""
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
