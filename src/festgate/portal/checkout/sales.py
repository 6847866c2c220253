"""Sales at the box office: a paid order with its seats for a walk-in, in one transaction.

The seller has received the money: in cash, on a card machine, or by UPI. A sale belongs to the seller's open shift.
For a few minutes the seller can take it back.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, select, update

from festgate.kit import shown
from festgate.kit.clock import MINUTE, NEVER, Milliseconds
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.errors import Conflict, Invalid, NotFound
from festgate.kit.ids import keyed_hash, new_code
from festgate.kit.messaging import outbox
from festgate.kit.money import Money, total
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Actor
from festgate.portal.accounts import facade as accounts
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import queries
from festgate.portal.checkout.errors import KeyReused
from festgate.portal.checkout.facts import OrderPaid
from festgate.portal.checkout.placements import REF_LENGTH, add_lines
from festgate.portal.checkout.records import BoxOfficeMethod, Order
from festgate.portal.checkout.refunds import Request, left_of, note_refunded, refund_whole
from festgate.portal.checkout.shifts import find_open, lock_shift
from festgate.portal.checkout.tables import orders, sales, shifts
from festgate.portal.registrations import facade as registrations

UNDO_WITHIN: Final[Milliseconds] = 10 * MINUTE
"""The time in which a seller can take back a sale."""
MAX_SHIFT_NOTE: Final = 500
"""Characters of the note of a shift."""
TAKEN_BACK = N_("The sale was taken back at the box office.")


class SaleFinal(Conflict):
    """A sale that its seller cannot take back, or not any more."""

    code = "sale-final"
    title = N_("This sale cannot be taken back")
    actions = ((N_("Box office"), "/organise/box-office"),)


class SaleNotHere(NotFound):
    """An event that the seller may not sell: others are assigned to them."""

    message = N_("You can sell only the events that are assigned to you.")


@dataclass(frozen=True, slots=True)
class SaleContent:
    """The tickets of a sale, their customer and the way of payment."""

    slug: str
    choice: registrations.Choice
    method: BoxOfficeMethod
    name: str = ""
    """The name of the customer; may be empty."""
    email: str = ""
    """The address that gets the tickets; may be empty."""
    names: tuple[str, ...] = ()
    """The names of the attendees, for an event that requires them."""
    received: Money | None = None
    """The cash that the customer gave; None if it was not entered."""

    def hash(self, secret: bytes) -> str:
        """Return a keyed hash of all of it, which detects another sale with the same key."""
        counts = sorted((self.choice.counts or {}).items())
        prices = sorted(self.choice.prices.items())
        parts = [self.slug, counts, prices, self.choice.code, self.method, self.name, self.email, self.names]
        received = None if self.received is None else shown.amount(self.received)
        return keyed_hash(secret, "a sale at the box office", json.dumps([*parts, received]))


@dataclass(frozen=True, slots=True)
class Sale:
    """A sale and its order."""

    order: Order
    shift_id: int
    seller_id: int
    received: Money | None
    sold_at: Milliseconds
    undone_at: Milliseconds | None

    @property
    def amount(self) -> Money:
        """The amount that was paid."""
        return self.order.paid or Money(0, self.order.total.currency)

    @property
    def change(self) -> Money | None:
        """The cash that the customer gets back; None if the received cash was not entered."""
        if self.received is None:
            return None
        return Money(self.received.minor - self.amount.minor, self.received.currency)


_insert_order = inserting(orders, returning="id")
_insert = inserting(sales)
_by_key = Statement(
    select(*sales.c["order_id", "content_hash"]).where(
        sales.c.seller_id == bindparam("seller"), sales.c.form_key == bindparam("key")
    )
)
_by_order = Statement(
    select(*sales.c["shift_id", "seller_id", "received_minor", "sold_at", "undone_at"]).where(
        sales.c.order_id == bindparam("order")
    )
)
_of_shift = Statement(
    select(sales.c.order_id)
    .where(sales.c.shift_id == bindparam("shift"))
    .order_by(sales.c.sold_at.desc(), sales.c.order_id.desc())
    .limit(bindparam("limit"))
)
_closed_at = Statement(select(shifts.c.closed_at).where(shifts.c.id == bindparam("shift")))
_undo = Statement(
    update(sales).where(sales.c.order_id == bindparam("order")).values(undone_at=bindparam("now"))
)
_end_free = Statement(
    update(orders)
    .where(orders.c.id == bindparam("order"))
    .values(state="refunded", reason=bindparam("new_reason"))
)


def sale_by_ref(connection: Connection, ref: str) -> Sale:
    """Return the sale whose order has that reference. Raises NotFound."""
    return _sale_of(connection, queries.order_by_ref(connection, ref))


def sales_of_shift(connection: Connection, shift_id: int, limit: int) -> list[Sale]:
    """Return the sales of the shift, the newest first."""
    return [
        _sale_of(connection, queries.order_by_id(connection, order_id))
        for (order_id,) in connection.all(_of_shift, shift=shift_id, limit=limit)
    ]


def sell(
    connection: Connection,
    actor: Actor,
    seller_id: int,
    content: SaleContent,
    key: str,
    content_hash: str,
    events: Collection[int] | None,
) -> tuple[Sale, bool]:
    """Sell tickets to a walk-in; return the sale, and whether it is new. The same key makes one sale.

    `events` are the ids of the events that the seller may sell; None: all. Raises KeyReused, SaleNotHere,
    ShiftInOtherCurrency, Invalid, or an error of registrations' `sell_seats`.
    """
    known = connection.first(_by_key, seller=seller_id, key=key)
    if known is not None:
        if known[1] != content_hash:
            raise KeyReused
        return _sale_of(connection, queries.order_by_id(connection, known[0])), False
    event = catalogue.event_by_slug(connection, content.slug)
    if events is not None and event.id not in events:
        raise SaleNotHere
    # Locked before the seats: one seller's sales take turns, and none comes into a shift that is being closed.
    shift_id = lock_shift(connection, seller_id, event.fee.currency)
    person_id, guest_key = accounts.add_walk_in(connection, content.name, content.email)
    seats = registrations.sell_seats(
        connection, person_id, guest_key, content.slug, content.choice, content.names
    )
    amount = total([seat.fee for seat in seats], event.fee.currency)
    if content.received is not None and content.received.minor < amount.minor:
        sentence = gettext("That is less than the {amount} to pay.")
        raise Invalid({"received": sentence.format(amount=f"{amount.plain()} {amount.currency}")})
    order_id, ref = _add_order(connection, seller_id, person_id, content.method, amount, key)
    registrations.claim_seats(connection, seats, order_id, max(seat.held_until for seat in seats))
    add_lines(connection, order_id, seats)
    if not registrations.confirm_seats(connection, order_id):
        raise TryAgain  # an event of a pass has just been cancelled
    outbox.record(connection, OrderPaid(order_id))
    try:
        connection.run(
            _insert,
            order_id=order_id,
            shift_id=shift_id,
            seller_id=seller_id,
            form_key=key,
            content_hash=content_hash,
            received_minor=None if content.received is None else content.received.minor,
            sold_at=connection.now,
            undone_at=None,
        )
    except UniqueViolation:
        raise TryAgain from None  # another process has just made the same sale
    audit.record(
        connection,
        actor,
        "sale.made",
        ref,
        event_id=event.id,
        amount=amount.coded(),
        method=content.method,
        tickets=len(seats),
    )
    return _sale_of(connection, queries.order_by_id(connection, order_id)), True


def why_final(connection: Connection, sale: Sale, seller_id: int, is_used: registrations.IsUsed) -> str:
    """Return why the seller cannot take the sale back, as a sentence; empty if they can."""
    if sale.seller_id != seller_id:
        return gettext("Only its seller can take it back. Cancel the order instead.")
    if connection.now - sale.sold_at > UNDO_WITHIN:
        minutes = UNDO_WITHIN // MINUTE
        return gettext("It is older than {minutes} minutes. Cancel the order instead.").format(
            minutes=minutes
        )
    if connection.value(_closed_at, shift=sale.shift_id) is not None:
        return gettext("Its shift is closed. Cancel the order instead.")
    order = sale.order
    seats = [registrations.seat(connection, line.seat_id) for line in order.lines]
    is_whole = left_of(connection, order) == sale.amount and all(seat.state == "confirmed" for seat in seats)
    if order.state != "paid" or not is_whole:
        return gettext("A part of it was cancelled. Cancel the rest in the order.")
    if any(is_used(connection, seat.id) for seat in seats):
        return gettext("Somebody was checked in with it. Undo the check-in first, if it was a mistake.")
    return ""


def undo_sale(
    connection: Connection, actor: Actor, seller_id: int, ref: str, is_used: registrations.IsUsed
) -> Sale:
    """Take a sale back: its tickets are void, its seats free, and its money goes back. A second call changes nothing.

    Raises NotFound or SaleFinal.
    """
    order = queries.lock_order(connection, queries.order_by_ref(connection, ref).id)
    sale = _sale_of(connection, order)
    if sale.undone_at is not None:
        return sale
    find_open(connection, seller_id)  # locks it, so that it is not closed meanwhile
    # Locked, so that nobody is checked in meanwhile.
    seats = [registrations.lock_seat(connection, line.seat_id) for line in order.lines]
    reason = why_final(connection, sale, seller_id, is_used)
    if reason:
        raise SaleFinal(reason)
    for seat in seats:
        if seat is not None:
            registrations.release_seat(connection, seat, registrations.ORGANISER)
    if sale.amount.minor:
        refund_whole(connection, order, TAKEN_BACK, Request(seller_id))
        for refund in queries.refunds_of(connection, order.id):
            note_refunded(connection, refund.id, order.id, None, done_by=seller_id)
    else:
        connection.run(_end_free, order=order.id, new_reason=TAKEN_BACK)
    connection.run(_undo, order=order.id, now=connection.now)
    audit.record(
        connection,
        actor,
        "sale.undone",
        ref,
        event_id=order.lines[0].event_id,
        amount=sale.amount.coded(),
        method=order.method,
    )
    return _sale_of(connection, queries.order_by_id(connection, order.id))


def _add_order(
    connection: Connection, seller_id: int, person_id: int, method: str, amount: Money, key: str
) -> tuple[int, str]:
    """Add a paid order; return its id and its reference."""
    ref, now = new_code(REF_LENGTH), connection.now
    order_id: int = connection.value(
        _insert_order,
        ref=ref,
        person_id=person_id,
        state="paid",
        method=method,
        total_minor=amount.minor,
        currency=amount.currency,
        idempotency_key=key,
        created_at=now,
        expires_at=now,
        ask_at=NEVER,
        asked=0,
        paid_at=now,
        paid_minor=amount.minor,
        provider_ref=f"{method}-{ref}-{seller_id}",
        pay_url=None,
        reason=None,
        ask_error=None,
        request_hash=None,
        revision=0,
        asked_at=0,
        paid_by=seller_id,
        refunded_minor=0,
    )
    return order_id, ref


def _sale_of(connection: Connection, order: Order) -> Sale:
    row: tuple[Any, ...] | None = connection.first(_by_order, order=order.id)
    if row is None:
        raise NotFound
    shift_id, seller_id, received, sold_at, undone_at = row
    given = None if received is None else Money(received, order.total.currency)
    return Sale(order, shift_id, seller_id, given, sold_at, undone_at)
