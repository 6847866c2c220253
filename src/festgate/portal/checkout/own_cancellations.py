"""Cancelling a paid seat as its attendee, under the refund rule that was shown when the order was placed.

The seat ends and its refund becomes due in one transaction. A confirmation shows the amount beforehand and carries
`OwnCancellation.seen`; once another amount comes back, nothing is done.
"""

from dataclasses import dataclass

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Conflict, NotFound
from festgate.kit.money import Money
from festgate.kit.translation import N_
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import queries, refunds
from festgate.portal.checkout.errors import OrderChanged
from festgate.portal.checkout.methods import TRANSFER
from festgate.portal.checkout.reasons import reason_for
from festgate.portal.checkout.records import Line, Order
from festgate.portal.registrations import facade as registrations


class CannotCancel(Conflict):
    """The refund rule does not let the attendee cancel this seat now."""

    code = "cannot-cancel"
    title = N_("It cannot be cancelled here")
    message = N_("This registration cannot be cancelled by yourself any more. Ask the organisers.")
    actions = ((N_("My events"), "/my-events"),)


@dataclass(frozen=True)
class OwnCancellation:
    """The effect of an attendee's cancellation of one paid seat."""

    order: Order
    line: Line
    back: Money
    """The amount that would be refunded."""

    @property
    def kept(self) -> Money:
        """The amount that the fest would keep."""
        return Money(self.line.fee.minor - self.back.minor, self.back.currency)

    @property
    def by_hand(self) -> bool:
        """Return whether the organisers pay it out at the desk."""
        return self.order.method in refunds.BY_HAND and not self.by_transfer

    @property
    def by_transfer(self) -> bool:
        """Return whether the organisers transfer it back."""
        return self.order.method == TRANSFER

    @property
    def seen(self) -> str:
        """A short text that changes with the amount."""
        return f"{self.line.seat_id}.{self.back.minor}{self.back.currency}"


def refund_of_line(line: Line, starts_at: int, now: int) -> Money | None:
    """Return the amount that comes back if the attendee cancels now; None if that is not possible."""
    return catalogue.stored_rule(line.refund_rule).amount_at(line.fee, starts_at, now)


def plan_own_cancellation(
    connection: Connection, person_id: int, ref: str, seat_id: int, is_used: registrations.IsUsed
) -> OwnCancellation:
    """Return the effect of cancelling the seat now. Raises NotFound, CannotCancel, or registrations' SeatUsed."""
    order = queries.order_of_person(connection, person_id, ref)
    return _plan(connection, order, seat_id, is_used)


def cancel_own_seat(
    connection: Connection,
    person_id: int,
    ref: str,
    seat_id: int,
    is_used: registrations.IsUsed,
    *,
    seen: str | None = None,
) -> Order:
    """Cancel a paid seat and refund it by its refund rule. A second time does nothing.

    `seen` is what the attendee was shown. Raises NotFound, CannotCancel, OrderChanged, or registrations' SeatUsed.
    """
    order = queries.lock_order(connection, queries.order_of_person(connection, person_id, ref).id)
    seat = registrations.lock_seat(connection, seat_id)
    own = any(line.seat_id == seat_id for line in order.lines)
    if own and seat is not None and seat.state == "cancelled" and seat.ended_by == registrations.HOLDER:
        return order
    plan = _plan(connection, order, seat_id, is_used)
    if seen is not None and seen != plan.seen:
        raise OrderChanged(ref)
    if seat is None or not registrations.release_seat(connection, seat, registrations.HOLDER):
        raise CannotCancel
    reason = reason_for(connection, [plan.line])
    refunds.refund_seat(connection, order, seat_id, reason, amount=plan.back)
    return queries.order_by_id(connection, order.id)


def _plan(
    connection: Connection, order: Order, seat_id: int, is_used: registrations.IsUsed
) -> OwnCancellation:
    line = next((line for line in order.kept_lines if line.seat_id == seat_id), None)
    if line is None:
        raise NotFound
    seat = registrations.seat(connection, seat_id)
    # The start as it is now: an event that was moved to a later day can be cancelled for longer.
    back = refund_of_line(line, max(seat.starts_at, line.starts_at), connection.now)
    if order.state != "paid" or seat.state != "confirmed" or back is None or not line.fee.minor:
        raise CannotCancel
    if is_used(connection, seat_id):
        raise registrations.SeatUsed
    return OwnCancellation(order, line, back)
