"""What a receipt says: one sentence about the order, and one about each of its lines.

Every choice among sentences is made here, from the state in the database; the template only sets them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from festgate.kit.clock import NEVER, SECOND, Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.formats import Formats
from festgate.kit.messaging.mail import MailState
from festgate.kit.money import Money
from festgate.portal.checkout.orders import CANCELLED_BY_OWNER
from festgate.portal.checkout.reasons import EVERY_SEAT, ended_by_of
from festgate.portal.checkout.records import Line, Order, OrderState, Refund
from festgate.portal.checkout.refunds import BY_HAND
from festgate.portal.registrations import facade as registrations

Headline: TypeAlias = tuple[Literal["good", "warn", "info", "bad"], str]
"""The tone of a notice, and its sentence."""
STAMPS: Mapping[OrderState, tuple[str, str]] = {
    "paid": ("paid", "Paid"),
    "pending": ("pending", "Waiting"),
    "declined": ("failed", "Declined"),
    "cancelled": ("failed", "Cancelled"),
    "expired": ("failed", "Expired"),
    "refunding": ("refunded", "Refund due"),
    "refunded": ("refunded", "Refunded"),
}


@dataclass(frozen=True)
class SeatNow:
    """A seat of the order as it is now."""

    seat_id: int
    state: str
    ended_by: registrations.EndedBy | None
    payable: bool


@dataclass(frozen=True)
class Row:
    """A line of the receipt."""

    line: Line
    ticket: str | None
    """The code of its valid ticket."""
    words: str
    """What has become of the seat, where there is no ticket to show."""
    ended: bool
    """It is no seat of the person's any more."""


@dataclass(frozen=True)
class Receipt:
    """What /orders/{ref} shows."""

    order: Order
    username: str
    method: str
    refunds: tuple[Refund, ...]
    tickets: tuple[tuple[int, str], ...]
    mail: MailState | None
    mail_leaves: bool
    """False while emails go to a folder only."""
    writing: Formats = field(compare=False, repr=False)
    seats: tuple[SeatNow, ...] = ()
    """Those whose lines cannot be told from the order and its tickets alone."""
    until: Milliseconds = field(compare=False, default=NEVER)

    def awaits_tickets(self, now: Milliseconds) -> bool:
        """Whether the payment is so fresh that its tickets are on their way."""
        paid_at = self.order.paid_at
        missing = self.order.state == "paid" and any(
            not row.ended and row.ticket is None for row in self.rows
        )
        return missing and paid_at is not None and now < paid_at + SECOND

    @property
    def stamp(self) -> tuple[str, str]:
        """The stamp's kind and its word."""
        return STAMPS[self.order.state]

    @property
    def charged(self) -> Money | None:
        """The amount that was charged, in its own currency, where it is not the order's total."""
        order = self.order
        for refund in self.refunds:
            if refund.foreign and refund.provider_ref == order.provider_ref:
                return refund.amount
        return order.paid if order.paid != order.total else None

    @property
    def rows(self) -> tuple[Row, ...]:
        """Each line with what has become of its seat."""
        tickets = dict(self.tickets)
        seats = {seat.seat_id: seat for seat in self.seats}
        return tuple(
            self._row(line, tickets.get(line.seat_id), seats.get(line.seat_id)) for line in self.order.lines
        )

    @property
    def can_retry(self) -> bool:
        """Whether seats of a declined order wait to be paid in another way."""
        return self.order.state == "declined" and any(seat.payable for seat in self.seats)

    @property
    def headline(self) -> Headline:
        """The tone and the sentence about the whole order."""
        order = self.order
        reason = order.reason or EVERY_SEAT
        if order.state == "paid":
            return self._paid()
        if order.state == "pending":
            return self._pending()
        if order.state == "declined":
            held = " Your seats are still held while their time lasts." if self.can_retry else ""
            return "bad", (order.reason or "The payment was declined.") + held
        if order.state == "cancelled":
            why = "" if order.reason in (None, CANCELLED_BY_OWNER) else f" {order.reason}"
            return "info", f"This order is cancelled.{why} Nothing was charged."
        if order.state == "expired":
            return "info", "This order was not paid in time, and its seats have been released."
        back = "will be refunded" if order.state == "refunding" else "has been refunded"
        return "info", f"{reason} The whole amount {back}."

    def _pending(self) -> Headline:
        order, writing = self.order, self.writing
        if order.method == "desk":
            amount, end = writing.money(order.total), writing.when(order.expires_at)
            return "warn", f"Pay {amount} at the desk by {end}. Your order number is {order.ref}."
        if order.pay_url:
            end = writing.time(order.expires_at)
            return "warn", f"This order is waiting for payment. Your seats are held until {end}."
        if order.revision:
            return (
                "info",
                "The amount has changed, and the payment page is being updated. Check again in a moment.",
            )
        return "info", (
            "The payment has not been confirmed yet. We keep checking. You will not be charged twice."
            " Look again in a moment."
        )

    def _paid(self) -> Headline:
        rows = self.rows
        kept = [row for row in rows if not row.ended]
        in_mail = " and in your mail." if self.mail_leaves else "."
        if not kept:
            return "info", f"{EVERY_SEAT} You will be refunded."
        if any(row.ticket is None for row in kept):
            return "good", "Paid. Your tickets are being prepared and appear here in a moment" + in_mail
        if len(kept) == len(rows):
            return "good", "Paid. Your tickets are below" + in_mail
        count = len(rows) - len(kept)
        return (
            "good",
            f"Paid. {count} of {len(rows)} seats {'is' if count == 1 else 'are'} cancelled; see below.",
        )

    def _row(self, line: Line, ticket: str | None, seat: SeatNow | None) -> Row:
        order = self.order
        ended = line.dropped_at is not None or (seat is not None and seat.state == "cancelled")
        if ended:
            words = registrations.ending_words(seat.ended_by if seat is not None else None)
            told = f"{words}. {self._money_back(line)}".strip()
            return Row(line, None, told, ended=True)
        if ticket is not None or order.state != "paid":
            return Row(line, ticket, "", ended=False)
        return Row(line, None, "Your ticket is being prepared.", ended=False)

    def _money_back(self, line: Line) -> str:
        """Say where the money of a cancelled line is."""
        order = self.order
        if order.paid_at is None:
            return "You do not pay for this seat."
        own = [refund for refund in self.refunds if refund.seat_id == line.seat_id]
        whole = [
            refund
            for refund in self.refunds
            if refund.seat_id is None and refund.provider_ref == order.provider_ref
        ]
        if not own and not whole:
            return (
                "You have not been charged for this seat."
                if line.dropped_at is not None
                else "You will be refunded."
            )
        refund = (own or whole)[0]
        amount = self.writing.money(refund.amount if own else line.fee)
        if refund.done_at is not None:
            return f"{amount} paid back on {self.writing.when(refund.done_at)}."
        return (
            f"{amount} to be had back at the desk."
            if order.method in BY_HAND
            else f"{amount} on its way back."
        )


def seats_now(connection: Connection, order: Order, tickets: Mapping[int, str]) -> tuple[SeatNow, ...]:
    """Look at the seats of the order where the receipt depends on them: most receipts do without."""
    if order.state in ("pending", "cancelled", "expired") and order.revision == 0:
        return ()
    if order.state == "paid" and all(line.seat_id in tickets for line in order.lines):
        return ()
    seats = [registrations.seat(connection, line.seat_id) for line in order.lines]
    return tuple(
        SeatNow(
            seat.id,
            seat.state,
            ended_by_of(connection, seat) if seat.state == "cancelled" else None,
            seat.payable,
        )
        for seat in seats
    )
