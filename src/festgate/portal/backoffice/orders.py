"""One order as its organisers see it: its lines, its refunds, its person, and who did what."""

from dataclasses import dataclass

from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound
from festgate.kit.money import Money
from festgate.portal.accounts import facade as accounts
from festgate.portal.checkout import facade as checkout
from festgate.portal.checkout.facade import Cancellation, Order, Refund
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets import facade as tickets

MAX_ID = 2**53
"""Beyond any seat's id, and within what every database can hold."""


@dataclass(frozen=True)
class LineView:
    """A line of the order."""

    line: checkout.Line
    words: str
    """What has become of the seat."""
    can_cancel: bool


@dataclass(frozen=True)
class RefundView:
    """A refund of the order."""

    refund: Refund
    asked_by: str
    """The organiser who asked for it; empty where it followed by itself or was asked for on the command line."""


@dataclass(frozen=True)
class OrderView:
    """What /organise/orders/{ref} shows."""

    order: Order
    username: str
    lines: tuple[LineView, ...]
    refunds: tuple[RefundView, ...]
    can_cancel: bool

    @property
    def charged(self) -> Money | None:
        """The amount that was charged, in its own currency."""
        for each in self.refunds:
            if each.refund.foreign and each.refund.provider_ref == self.order.provider_ref:
                return each.refund.amount
        return self.order.paid


def view_order(connection: Connection, ref: str) -> OrderView:
    """Return the order of that reference; NotFound when there is none."""
    order = checkout.order_by_ref(connection, ref)
    cancellable = {
        line.seat_id for line in checkout.plan_cancellation(connection, order, None, tickets.is_used).lines
    }
    lines = tuple(
        LineView(line, _words(connection, order, line), line.seat_id in cancellable) for line in order.lines
    )
    refunds = tuple(
        RefundView(
            refund,
            "" if refund.asked_by is None else accounts.person_by_id(connection, refund.asked_by).username,
        )
        for refund in checkout.refunds_of(connection, order.id)
    )
    username = accounts.person_by_id(connection, order.person_id).username
    return OrderView(order, username, lines, refunds, bool(cancellable))


def plan_for_page(connection: Connection, ref: str, seat_id: int | None) -> tuple[Cancellation, str]:
    """Return what cancelling would do, and the name of whom it concerns."""
    order = checkout.order_by_ref(connection, ref)
    plan = checkout.plan_cancellation(connection, order, seat_id, tickets.is_used)
    return plan, accounts.person_by_id(connection, order.person_id).username


def _words(connection: Connection, order: Order, line: checkout.Line) -> str:
    seat = registrations.seat(connection, line.seat_id)
    if seat.state == "cancelled":
        return registrations.ending_words(checkout.ended_by_of(connection, seat))
    if seat.state == "lapsed":
        return "Hold expired"
    if order.state == "paid" and tickets.is_used(connection, line.seat_id):
        return "Confirmed, checked in"
    return "Confirmed" if seat.state == "confirmed" else "Held"


def read_seat(given: str) -> int | None:
    """Read the id of a seat, empty for the whole order. NotFound for anything else."""
    if not given:
        return None
    if not (
        given.isascii() and given.isdecimal() and len(given) <= len(str(MAX_ID)) and int(given) <= MAX_ID
    ):
        raise NotFound
    return int(given)
