"""Cancelling registrations of an order as an organiser: one seat, or all that it still has.

What was paid goes back, the tickets are void, and the holder gets an email. A confirmation shows what would happen and
carries `Cancellation.seen`; where the order has changed since, nothing is done.
"""

from dataclasses import dataclass

from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound
from festgate.kit.money import Money, total
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Actor
from festgate.portal.audit import facade as audit
from festgate.portal.checkout import orders, queries, refunds
from festgate.portal.checkout.errors import NothingToCancel, OrderChanged, RefundTooHigh
from festgate.portal.checkout.reasons import reason_for
from festgate.portal.checkout.records import Line, Order
from festgate.portal.registrations import facade as registrations


@dataclass(frozen=True, slots=True)
class RefundTerms:
    """The terms of a refund, as the organiser has chosen them."""

    amount: Money | None = None
    """The amount that is refunded; None: the whole amount of the plan."""
    by_hand: bool = False
    """Whether the organiser has given it back already."""
    actor: Actor | None = None
    """The origin of the operation for the audit log; None for tests and repairs that record nothing."""


AS_PLANNED = RefundTerms()
BY_ORGANISERS = N_("The organisers cancelled this order.")


@dataclass(frozen=True)
class Cancellation:
    """The effect of a cancellation on an order."""

    order: Order
    lines: tuple[Line, ...]
    """The lines that would end."""
    back: Money
    """The amount that would be refunded, if the organiser does not choose less."""
    checked_in: tuple[Line, ...]
    """The lines whose holder was checked in."""
    whole: bool

    @property
    def seen(self) -> str:
        """A short text that changes when any part of the cancellation changes."""
        seats = ",".join(str(line.seat_id) for line in self.lines)
        used = ",".join(str(line.seat_id) for line in self.checked_in)
        return (
            f"{self.order.state}.{self.order.revision}.{self.back.minor}{self.back.currency}.{seats}.{used}"
        )


def plan_cancellation(
    connection: Connection, order: Order, seat_id: int | None, is_used: registrations.IsUsed
) -> Cancellation:
    """Return the effect of cancelling the seat now, or of cancelling the whole order for None.

    Without a line in the result there is nothing to cancel. Raises NotFound if the order does not have the seat.
    """
    if seat_id is not None and all(line.seat_id != seat_id for line in order.lines):
        raise NotFound
    live = tuple(
        line
        for line in order.kept_lines
        if order.state in ("pending", "paid")
        and registrations.seat(connection, line.seat_id).state in ("held", "confirmed")
    )
    lines = live if seat_id is None else tuple(line for line in live if line.seat_id == seat_id)
    paid = order.state == "paid"
    if not paid:
        back = Money(0, order.total.currency)
    elif seat_id is None and not refunds.keeps_a_part(connection, order):
        back = refunds.left_of(connection, order)
    else:
        fees = total([line.fee for line in lines], order.total.currency)
        back = min(fees, refunds.left_of(connection, order), key=lambda amount: amount.minor)
    used = tuple(line for line in lines if paid and is_used(connection, line.seat_id))
    return Cancellation(order, lines, back, used, seat_id is None)


def cancel_registrations(
    connection: Connection,
    ref: str,
    seat_id: int | None,
    organiser_id: int | None,
    is_used: registrations.IsUsed,
    *,
    force: bool = False,
    seen: str | None = None,
    terms: RefundTerms = AS_PLANNED,
) -> Order:
    """Cancel one seat of an order, or with None all of them. A second time does nothing.

    `organiser_id` is None on the command line of the machine. `force` also cancels seats whose holder was checked in.
    `seen` is what the organiser was shown. Raises NotFound, NothingToCancel, OrderChanged, RefundTooHigh, or
    registrations' SeatUsed.
    """
    order = queries.lock_order(connection, queries.order_by_ref(connection, ref).id)
    plan = plan_cancellation(connection, order, seat_id, is_used)
    if not plan.lines:
        if _is_done(connection, order, seat_id):
            return order
        raise NothingToCancel
    if seen is not None and seen != plan.seen:
        raise OrderChanged(ref)
    if plan.checked_in and not force:
        titles = ", ".join(line.title for line in plan.checked_in)
        sentence = gettext("The holder was checked in at {events}. Cancel only if you are sure.")
        raise registrations.SeatUsed(sentence.format(events=titles))
    back = plan.back if terms.amount is None else terms.amount
    if back.currency != plan.back.currency or back.minor > plan.back.minor:
        raise RefundTooHigh
    for line in plan.lines:
        seat = registrations.lock_seat(connection, line.seat_id)
        if seat is not None:
            registrations.release_seat(connection, seat, registrations.ORGANISER)
    if terms.actor is not None:
        _log(connection, terms.actor, plan, back, by_hand=terms.by_hand)
    if order.state == "pending":
        return orders.reduce_order(connection, order.id)
    _refund(connection, plan, back, refunds.Request(organiser_id, terms.by_hand))
    return queries.order_by_id(connection, order.id)


def _refund(connection: Connection, plan: Cancellation, back: Money, request: refunds.Request) -> None:
    """Refund the amount: for the whole order as one, else for its lines in their order, none more than its fee."""
    if plan.whole and back.minor and back == refunds.left_of(connection, plan.order):
        refunds.refund_whole(connection, plan.order, BY_ORGANISERS, request)
        return
    rest = back.minor
    for line in plan.lines:
        part = Money(min(rest, line.fee.minor), back.currency)
        rest -= part.minor
        reason = reason_for(connection, [line])
        refunds.refund_seat(connection, plan.order, line.seat_id, reason, request, amount=part)


def _is_done(connection: Connection, order: Order, seat_id: int | None) -> bool:
    """Return whether an organiser has cancelled the same seats before."""
    wanted = [line for line in order.lines if seat_id in (None, line.seat_id)]
    ended = [registrations.seat(connection, line.seat_id).ended_by for line in wanted]
    return all(by in (registrations.ORGANISER, registrations.EXCHANGE) for by in ended)


def _log(connection: Connection, actor: Actor, plan: Cancellation, back: Money, *, by_hand: bool) -> None:
    """Add the cancellation to the audit log."""
    details: dict[str, str | int] = {"events": ", ".join(line.title for line in plan.lines)[:500]}
    is_refund = plan.order.state == "paid" and back.minor > 0
    if is_refund:
        details["amount"] = back.coded()
    if by_hand:
        details["by_hand"] = 1
    events = {line.event_id for line in plan.lines}
    audit.record(
        connection,
        actor,
        "order.refunded" if is_refund else "order.cancelled",
        plan.order.ref,
        event_id=events.pop() if len(events) == 1 else None,
        **details,
    )
