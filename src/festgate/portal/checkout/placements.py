"""Placing an order for exactly the seats that a form or a program listed."""

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import bindparam, select

from festgate.kit.clock import NEVER, Milliseconds
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.ids import keyed_hash, new_code
from festgate.kit.money import total
from festgate.portal.checkout import queries
from festgate.portal.checkout.carts import Cart, pick_seats
from festgate.portal.checkout.errors import KeyReused, ListChanged, NothingToPay
from festgate.portal.checkout.methods import TRANSFER
from festgate.portal.checkout.orders import ASK_AFTER
from festgate.portal.checkout.records import Line, Order
from festgate.portal.checkout.tables import lines, orders
from festgate.portal.checkout.transfers import end_of_sales, open_transfer
from festgate.portal.registrations import facade as registrations

REF_LENGTH = 10
"""Characters of 5 bits: short enough to be read out at the desk."""


_content = Statement(
    select(orders.c.request_hash, orders.c.revision).where(orders.c.id == bindparam("order"))
)
_insert = inserting(orders, returning="id")
_insert_line = inserting(lines)


def cart_key(connection: Connection, secret: bytes, cart: Cart) -> str:
    """Return the idempotency key of a cart with everything that its person can pay for now.

    It is the same in every tab and after the back button while the list is the same, so they lead to one order. A
    declined payment changes it, so that the next attempt is a new order.
    """
    attempt = queries.count_orders(connection, cart.person_id)
    return keyed_hash(secret, "cart", f"{attempt}:{cart.shown}")[:32]


def place_order(  # noqa: PLR0913  (an order has so many parts)
    connection: Connection,
    person_id: int,
    method: str,
    keeps: Milliseconds,
    idempotency_key: str,
    *,
    asks: bool,
    cart: Cart | None = None,
    request_hash: str | None = None,
    holders: Mapping[int, registrations.Holder] = MappingProxyType({}),
) -> tuple[Order, bool]:
    """Place an order for exactly the seats of `cart`. Return it and whether it is new.

    Without a cart it is for all seats that the person holds: for callers that have not shown a list. The same key gives
    the same order; if `request_hash` is given, only for the same content. `holders` are the attendees, by seat id.
    Raises NothingToPay, ListChanged, KeyReused, Invalid where a required name is missing, or registrations'
    AnswersNeeded or SeatsGone.
    """
    existing = queries.order_by_key(connection, person_id, idempotency_key)
    if existing is None:
        try:
            seats = _choose_seats(connection, person_id, cart)
        except (NothingToPay, ListChanged):
            # Another process may have placed the order, and taken the seats, between the two reads.
            existing = queries.order_by_key(connection, person_id, idempotency_key)
            if existing is None:
                raise
    if existing is not None:
        _refuse_other_content(connection, existing, method, cart, request_hash)
        return existing, False
    registrations.name_seats(connection, person_id, seats, holders)
    registrations.require_answers(connection, seats)
    now = connection.now
    amount = total([seat.fee for seat in seats], seats[0].fee.currency)
    # A hold is never cut short by an order, and an order lasts as long as all its seats do.
    end = now + keeps
    if method == TRANSFER:
        end = min(end, end_of_sales(connection, seats))
    expires_at = max(end, min(seat.held_until for seat in seats))
    ref = new_code(REF_LENGTH)
    try:
        order_id: int = connection.value(
            _insert,
            ref=ref,
            person_id=person_id,
            state="pending",
            method=method,
            total_minor=amount.minor,
            currency=amount.currency,
            idempotency_key=idempotency_key,
            created_at=now,
            expires_at=expires_at,
            ask_at=now + ASK_AFTER if asks else NEVER,
            asked=0,
            paid_at=None,
            paid_minor=None,
            provider_ref=None,
            pay_url=None,
            reason=None,
            ask_error=None,
            request_hash=request_hash,
            revision=0,
            asked_at=0,
            paid_by=None,
            refunded_minor=0,
        )
    except UniqueViolation:
        # Another process has just placed it, and the next attempt finds it.
        raise TryAgain from None
    registrations.claim_seats(connection, seats, order_id, expires_at)
    if method == TRANSFER:
        open_transfer(connection, order_id, expires_at)
    order = Order(
        id=order_id,
        ref=ref,
        person_id=person_id,
        state="pending",
        method=method,
        total=amount,
        paid=None,
        lines=add_lines(connection, order_id, seats),
        created_at=now,
        expires_at=expires_at,
    )
    return order, True


def add_lines(connection: Connection, order_id: int, seats: list[registrations.Seat]) -> tuple[Line, ...]:
    """Give the order a line for each seat, and return the lines by the start of the event."""
    ordered = sorted(seats, key=lambda seat: (seat.starts_at, seat.id))
    for seat in ordered:
        connection.run(
            _insert_line,
            order_id=order_id,
            seat_id=seat.id,
            event_id=seat.event_id,
            title=seat.label,
            slug=seat.slug,
            starts_at=seat.starts_at,
            fee_minor=seat.fee.minor,
            dropped_at=None,
            refund_rule=seat.own_refund_rule,
            tax_minor=seat.tax_minor,
            tax_rate=seat.tax_rate,
        )
    return tuple(
        Line(
            seat.id,
            seat.event_id,
            seat.label,
            seat.slug,
            seat.starts_at,
            seat.fee,
            None,
            seat.own_refund_rule,
            seat.tax_minor,
            seat.tax_rate,
        )
        for seat in ordered
    )


def _choose_seats(connection: Connection, person_id: int, cart: Cart | None) -> list[registrations.Seat]:
    payable = registrations.payable_seats(connection, person_id)
    if not payable:
        raise NothingToPay
    return payable if cart is None else pick_seats(connection, cart, person_id, payable)


def _refuse_other_content(
    connection: Connection, order: Order, method: str, cart: Cart | None, request_hash: str | None
) -> None:
    """Raise KeyReused if the content of a program's call differs from that of the order."""
    if request_hash is None or cart is None:
        return
    placed, revision = connection.first(_content, order=order.id) or (None, 0)
    if placed is not None:
        same = placed == request_hash
    else:
        # It was placed on the page, or before hashes were stored; a reduced order no longer has its first content.
        named = (tuple(sorted(line.seat_id for line in order.lines)), order.total)
        same = method == order.method and (revision > 0 or named == (cart.seats, cart.total))
    if not same:
        raise KeyReused
