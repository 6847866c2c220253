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
from festgate.portal.checkout.errors import NothingToCancel, OrderChanged
from festgate.portal.checkout.reasons import reason_for
from festgate.portal.checkout.records import Line, Order
from festgate.portal.registrations import facade as registrations

BY_ORGANISERS = N_("The organisers cancelled this order.")


@dataclass(frozen=True)
class Cancellation:
    """The effect of a cancellation on an order."""

    order: Order
    lines: tuple[Line, ...]
    """The lines that would end."""
    back: Money
    """The amount that would be refunded."""
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
        back = total([line.fee for line in lines], order.total.currency)
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
    actor: Actor | None = None,
) -> Order:
    """Cancel one seat of an order, or with None all of them. A second time does nothing.

    `organiser_id` is None on the command line of the machine. `force` also cancels seats whose holder was checked in.
    `seen` is what the organiser was shown. `actor` is for the audit log. Raises NotFound, NothingToCancel,
    OrderChanged, or registrations' SeatUsed.
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
    if actor is not None:
        _record(connection, actor, plan, organiser_id)
    _release(connection, plan)
    if order.state == "pending":
        return orders.reduce_order(connection, order.id)
    if plan.whole and not refunds.keeps_a_part(connection, order):
        refunds.refund_whole(connection, order, BY_ORGANISERS, organiser_id)
    else:
        for line in plan.lines:
            reason = reason_for(connection, [line])
            refunds.refund_seat(connection, order, line.seat_id, reason, organiser_id)
    return queries.order_by_id(connection, order.id)


def _release(connection: Connection, plan: Cancellation) -> None:
    for line in plan.lines:
        seat = registrations.lock_seat(connection, line.seat_id)
        if seat is not None:
            registrations.release_seat(connection, seat, registrations.ORGANISER)


def _record(connection: Connection, actor: Actor, plan: Cancellation, organiser_id: int | None) -> None:
    details: dict[str, str | int] = {"registrations": len(plan.lines)}
    if organiser_id is not None and organiser_id != actor.person:
        details[audit.DECIDED_BY] = organiser_id
    if plan.back.minor:
        details["amount"] = f"{plan.back.plain()} {plan.back.currency}"
    action: audit.Action = "order.refunded" if plan.back.minor else "order.cancelled"
    audit.record(connection, actor, action, plan.order.ref, event_id=None, **details)


def _is_done(connection: Connection, order: Order, seat_id: int | None) -> bool:
    """Return whether an organiser has cancelled the same seats before."""
    wanted = [line for line in order.lines if seat_id in (None, line.seat_id)]
    ended = [registrations.seat(connection, line.seat_id).ended_by for line in wanted]
    return all(by == registrations.ORGANISER for by in ended)
