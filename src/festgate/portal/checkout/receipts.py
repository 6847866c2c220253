"""The view model of a receipt: a sentence about the order, and one about each line, refund and email.

Every choice among sentences is made here, from the state in the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from markupsafe import Markup

from festgate.kit.clock import DAY, NEVER, SECOND, Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.formats import Formats
from festgate.kit.messaging.mail import MailState
from festgate.kit.money import Money
from festgate.kit.qr import draw
from festgate.kit.translation import N_, gettext, ngettext
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout.methods import TRANSFER
from festgate.portal.checkout.orders import CANCELLED_BY_OWNER
from festgate.portal.checkout.reasons import EVERY_SEAT, ended_by_of
from festgate.portal.checkout.records import Line, Order, OrderState, Refund
from festgate.portal.checkout.refunds import BY_HAND
from festgate.portal.registrations import facade as registrations

Headline: TypeAlias = tuple[Literal["good", "warn", "info", "bad"], str]
"""The tone of a notice, and its sentence."""
STAMPS: Mapping[OrderState, tuple[str, str]] = {
    "paid": ("paid", N_("Paid")),
    "pending": ("pending", N_("Waiting")),
    "declined": ("failed", N_("Declined")),
    "cancelled": ("failed", N_("Cancelled")),
    "expired": ("failed", N_("Expired")),
    "refunding": ("refunded", N_("Refund due")),
    "refunded": ("refunded", N_("Refunded")),
}


@dataclass(frozen=True)
class SeatNow:
    """The current state of a seat of the order."""

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
    """The state of the seat, if there is no ticket."""
    ended: bool
    """Whether the attendee has lost the seat."""


@dataclass(frozen=True)
class TransferView:
    """The way to pay an order by transfer, and the payer's number of the payment."""

    rows: tuple[tuple[str, str], ...]
    """The details of the transfer, as (label, text)."""
    upi_link: str
    """The address that UPI apps open; empty without UPI."""
    utr: str
    rejected_utr: str
    entered: str | None = None
    """The number as it was just entered; None to show the stored one."""
    error: str = ""
    """The sentence about it, if it cannot be one."""

    @property
    def picture(self) -> Markup:
        """The QR code of the address that UPI apps open."""
        return Markup(draw(self.upi_link))  # noqa: S704  (the picture contains no text)


@dataclass(frozen=True)
class Receipt:
    """The view model of /orders/{ref}."""

    order: Order
    name: str
    """The person's name, or the username in its place."""
    method: str
    refunds: tuple[Refund, ...]
    tickets: tuple[tuple[int, str], ...]
    mail: MailState | None
    mail_leaves: bool
    """Whether emails leave the machine; False while they are only written to a folder."""
    writing: Formats = field(compare=False, repr=False)
    seats: tuple[SeatNow, ...] = ()
    """The seats, if the order and its tickets alone do not determine the lines."""
    cancellable: tuple[int, ...] = ()
    """The seats that the attendee can cancel now for a refund."""
    transfer: TransferView | None = None
    """The way to pay by transfer, while that is possible."""
    until: Milliseconds = field(compare=False, default=NEVER)

    def awaits_tickets(self, now: Milliseconds) -> bool:
        """Return whether the order was paid so recently that its tickets are still being issued."""
        paid_at = self.order.paid_at
        is_new = self.order.state == "paid" and paid_at is not None and now < paid_at + SECOND
        return is_new and any(not row.ended and row.ticket is None for row in self.rows)

    @property
    def stamp(self) -> tuple[str, str]:
        """The kind and the text of the stamp."""
        kind, word = STAMPS[self.order.state]
        return kind, gettext(word)

    @property
    def charged(self) -> Money | None:
        """The amount that was charged, in its own currency, if it differs from the order's total."""
        order = self.order
        for refund in self.refunds:
            if refund.foreign and refund.provider_ref == order.provider_ref:
                return refund.amount
        return order.paid if order.paid != order.total else None

    @property
    def rows(self) -> tuple[Row, ...]:
        """Each line with the state of its seat."""
        tickets = dict(self.tickets)
        seats = {seat.seat_id: seat for seat in self.seats}
        return tuple(
            self._row(line, tickets.get(line.seat_id), seats.get(line.seat_id)) for line in self.order.lines
        )

    @property
    def can_retry(self) -> bool:
        """Whether the seats of a declined order can be paid in another way."""
        return self.order.state == "declined" and any(seat.payable for seat in self.seats)

    @property
    def headline(self) -> Headline:
        """The tone and the sentence about the whole order."""
        order = self.order
        if order.state == "paid":
            return self._paid()
        if order.state == "pending":
            return self._pending()
        if order.state == "declined":
            return self._declined()
        if order.state == "cancelled":
            return self._cancelled()
        if order.state == "expired":
            return "info", self._expired()
        if order.state == "refunding":
            sentence = gettext("{reason} The whole amount will be refunded.")
        else:
            sentence = gettext("{reason} The whole amount has been refunded.")
        return "info", sentence.format(reason=gettext(order.reason or EVERY_SEAT))

    def _expired(self) -> str:
        if self.order.method == TRANSFER:
            return gettext(
                "This order was not paid in time, and its seats have been released. If you have transferred the "
                "money, enter the number below: you get the seats if they are free, or the money back."
            )
        return gettext("This order was not paid in time, and its seats have been released.")

    def _declined(self) -> Headline:
        declined = gettext(self.order.reason or "The payment was declined.")
        held = gettext("Your seats are still held while their time lasts.")
        return "bad", f"{declined} {held}" if self.can_retry else declined

    def _cancelled(self) -> Headline:
        reason = self.order.reason
        if reason in (None, CANCELLED_BY_OWNER):
            return "info", gettext("This order is cancelled. Nothing was charged.")
        sentence = gettext("This order is cancelled. {reason} Nothing was charged.")
        return "info", sentence.format(reason=gettext(reason))

    def _pending(self) -> Headline:
        order, writing = self.order, self.writing
        if order.method == TRANSFER:
            return self._transfer()
        if order.method == "desk":
            amount, end = writing.money(order.total), writing.when(order.expires_at)
            sentence = gettext("Pay {amount} at the desk by {end}. Your order number is {ref}.")
            return "warn", sentence.format(amount=amount, end=end, ref=order.ref)
        if order.pay_url:
            end = writing.time(order.expires_at)
            sentence = gettext("This order is waiting for payment. Your seats are held until {end}.")
            return "warn", sentence.format(end=end)
        if order.revision:
            return "info", gettext(
                "The amount has changed, and the payment page is being updated. Check again in a moment."
            )
        return "info", gettext(
            "The payment has not been confirmed yet. We keep checking. You will not be charged twice."
            " Look again in a moment."
        )

    def _transfer(self) -> Headline:
        order, writing = self.order, self.writing
        values = {
            "amount": writing.money(order.total),
            "end": writing.when(order.expires_at),
            "ref": order.ref,
        }
        transfer = self.transfer
        if transfer is not None and transfer.rejected_utr:
            sentence = gettext(
                "No payment arrived with the number {utr}. Check it and enter it again, or pay {amount} by {end}."
            )
            return "bad", sentence.format(utr=transfer.rejected_utr, **values)
        if transfer is not None and transfer.utr:
            sentence = gettext(
                "Thank you. Your tickets come as soon as the treasurer sees the payment of {amount} in the account."
            )
            return "info", sentence.format(**values)
        sentence = gettext("Transfer {amount} by {end} with the reference {ref}.")
        return "warn", sentence.format(**values)

    def _paid(self) -> Headline:
        rows = self.rows
        kept = [row for row in rows if not row.ended]
        if not kept:
            return "info", gettext("Every seat of this order was cancelled. You will be refunded.")
        if any(row.ticket is None for row in kept):
            return "good", (
                gettext("Paid. Your tickets are being prepared and appear here in a moment and in your mail.")
                if self.mail_leaves
                else gettext("Paid. Your tickets are being prepared and appear here in a moment.")
            )
        if len(kept) == len(rows):
            return "good", (
                gettext("Paid. Your tickets are below and in your mail.")
                if self.mail_leaves
                else gettext("Paid. Your tickets are below.")
            )
        count = len(rows) - len(kept)
        return "good", ngettext(
            "Paid. {count} of {total} seats is cancelled; see below.",
            "Paid. {count} of {total} seats are cancelled; see below.",
            count,
        ).format(count=count, total=len(rows))

    @property
    def refund_sentences(self) -> list[str]:
        """A sentence about each refund: its amount, its state and its reason."""
        sentences = []
        for refund in self.refunds:
            amount, time = self.writing.money(refund.amount), ""
            if refund.done_at is not None:
                sentence, time = (
                    gettext("{amount}: refunded {time}. {reason}"),
                    self.writing.when(refund.done_at),
                )
            elif self.order.method == TRANSFER:
                sentence = gettext("{amount}: will be transferred back to you. {reason}")
            elif self.order.method in BY_HAND:
                sentence = gettext("{amount}: collect at the desk. {reason}")
            else:
                sentence = gettext("{amount}: in progress. {reason}")
            sentences.append(sentence.format(amount=amount, time=time, reason=gettext(refund.reason)))
        return sentences

    @property
    def mail_sentence(self) -> str:
        """The state of the email with the tickets; empty without one, or if none can be sent."""
        mail = self.mail
        if mail is None or not self.mail_leaves:
            return ""
        if not mail.recipient:
            if mail.state == "sent":
                return gettext("Sent {time}").format(time=self.writing.when(mail.at))
            return gettext("Could not be sent")
        if mail.state == "sent":
            sentence = gettext("Sent {time} to {recipient}")
        elif mail.state == "queued":
            sentence = gettext("Waiting to be sent to {recipient}")
        else:
            sentence = gettext("Could not be sent to {recipient}")
        return sentence.format(recipient=mail.recipient, time=self.writing.time(mail.at))

    def _row(self, line: Line, ticket: str | None, seat: SeatNow | None) -> Row:
        order = self.order
        ended = line.dropped_at is not None or (seat is not None and seat.state == "cancelled")
        if ended:
            words = registrations.ending_words(seat.ended_by if seat is not None else None)
            is_exchanged = seat is not None and seat.ended_by == registrations.EXCHANGE
            money = self._exchanged(line) if is_exchanged else self._money_back(line)
            sentence = f"{words}. {money}".strip()
            return Row(line, None, sentence, ended=True)
        if ticket is not None or order.state != "paid":
            return Row(line, ticket, "", ended=False)
        return Row(line, None, gettext("Your ticket is being prepared."), ended=False)

    def _exchanged(self, line: Line) -> str:
        """Return a sentence about the difference that is refunded for an exchanged line; empty without one."""
        is_refunded = any(refund.seat_id == line.seat_id for refund in self.refunds)
        return self._money_back(line) if is_refunded else ""

    def _money_back(self, line: Line) -> str:
        """Return a sentence about the refund of a cancelled line."""
        order = self.order
        if order.paid_at is None:
            return gettext("You do not pay for this seat.")
        own = [refund for refund in self.refunds if refund.seat_id == line.seat_id]
        whole = [
            refund
            for refund in self.refunds
            if refund.seat_id is None and refund.provider_ref == order.provider_ref
        ]
        if not own and not whole:
            return (
                gettext("You have not been charged for this seat.")
                if line.dropped_at is not None
                else gettext("You will be refunded.")
            )
        refund = (own or whole)[0]
        amount = self.writing.money(refund.amount if own else line.fee)
        if refund.done_at is not None:
            sentence = gettext("{amount} refunded on {time}.")
            return sentence.format(amount=amount, time=self.writing.when(refund.done_at))
        if order.method in BY_HAND and order.method != TRANSFER:
            return gettext("{amount} to be refunded at the desk.").format(amount=amount)
        return gettext("{amount} is being refunded.").format(amount=amount)


def cancellable_lines(connection: Connection, order: Order) -> tuple[tuple[int, ...], Milliseconds]:
    """Return the ids of the seats that the attendee can cancel now by their refund rules, and when that may change."""
    if order.state != "paid":
        return (), NEVER
    now, seat_ids, until = connection.now, [], NEVER
    for line in order.kept_lines:
        if not line.refund_rule or not line.fee.minor:
            continue
        steps = catalogue.stored_rule(line.refund_rule).steps
        last = max((line.starts_at - step.days * DAY for step in steps), default=0)
        if now < last:
            seat_ids.append(line.seat_id)
            until = min(until, last)
    return tuple(seat_ids), until


def seats_now(connection: Connection, order: Order, tickets: Mapping[int, str]) -> tuple[SeatNow, ...]:
    """Return the seats of the order if the receipt depends on them; most receipts do not."""
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
