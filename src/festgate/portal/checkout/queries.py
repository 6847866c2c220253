"""Reads of orders."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from sqlalchemy import bindparam, func, select, table
from sqlalchemy.sql import column

from festgate.kit.clock import NEVER, SECOND, Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import NotFound
from festgate.kit.money import Money
from festgate.portal.checkout.methods import TRANSFER
from festgate.portal.checkout.records import Line, OpenOrder, Order, Refund, Stuck
from festgate.portal.checkout.tables import lines, orders, refunds
from festgate.portal.registrations import facade as registrations

SILENT: Milliseconds = 30 * SECOND
"""The time without a response after which a payment counts as stuck."""
MAX_LISTED = 500
"""The number of stuck payments, and of stuck refunds, that are listed, oldest first."""
# In the order of the fields of Order.
_order = select(
    *orders.c["id", "ref", "person_id", "state", "method", "total_minor", "currency", "paid_minor"],
    *orders.c["created_at", "expires_at", "asked", "asked_at", "paid_at", "paid_by"],
    *orders.c["provider_ref", "pay_url", "reason", "revision"],
)
_line = lines.c[
    "seat_id",
    "event_id",
    "title",
    "slug",
    "starts_at",
    "fee_minor",
    "dropped_at",
    "refund_rule",
    "tax_minor",
    "tax_rate",
]
_OWN = len(_order.selected_columns)
# One order is read together with its lines, a row for each, because its page and its payment read it four times.
_whole = (
    _order.add_columns(*_line)
    .join_from(orders, lines, isouter=True)
    .order_by(lines.c.starts_at, lines.c.seat_id)
)
_by_id = Statement(_whole.where(orders.c.id == bindparam("order")))
_lock = Statement(_whole.where(orders.c.id == bindparam("order")).with_for_update(of=orders))
_by_ref = Statement(_whole.where(orders.c.ref == bindparam("ref")))
_by_key = Statement(
    _whole.where(orders.c.person_id == bindparam("person"), orders.c.idempotency_key == bindparam("key"))
)
_ref_of = Statement(select(orders.c.ref).where(orders.c.id == bindparam("order")))
_by_person = Statement(_order.where(orders.c.person_id == bindparam("person")).order_by(orders.c.id.desc()))
_to_ask = Statement(
    _order.where(orders.c.ask_at <= bindparam("now"), orders.c.ask_at < NEVER)
    .order_by(orders.c.ask_at)
    .limit(50)
)
_ended = Statement(
    _order.where(
        orders.c.state == "pending", orders.c.expires_at <= bindparam("now"), orders.c.ask_at == NEVER
    )
    .order_by(orders.c.id)
    .limit(200)
)
_lines = Statement(
    select(*_line).where(lines.c.order_id == bindparam("order")).order_by(lines.c.starts_at, lines.c.seat_id)
)
_by_currency = Statement(
    select(orders.c.currency, func.count())
    .where(orders.c.state.in_(("pending", "paid", "refunding", "refunded")))
    .group_by(orders.c.currency)
)
_count_of = Statement(select(func.count()).where(orders.c.person_id == bindparam("person")))
_refund = select(
    *refunds.c["id", "order_id", "seat_id", "provider_ref", "amount_minor", "currency"],
    refunds.c.currency != orders.c.currency,
    *refunds.c["reason", "attempts", "done_at", "done_by", "asked_by", "created_at", "request_key", "error"],
).join_from(refunds, orders)
_refunds_of = Statement(
    # Zero is the record that nothing of a cancelled seat's fee goes back.
    _refund.where(refunds.c.order_id == bindparam("order"), refunds.c.amount_minor > 0).order_by(refunds.c.id)
)
_refunds_due = Statement(
    _refund.where(refunds.c.due_at <= bindparam("now"), refunds.c.due_at < NEVER)
    .order_by(refunds.c.due_at)
    .limit(50)
)
_seat_order = Statement(
    select(lines.c.order_id)
    .join_from(lines, orders)
    .where(lines.c.seat_id == bindparam("seat"), orders.c.state.in_(("paid", "refunding", "refunded")))
    .order_by(lines.c.order_id.desc())
)
_open_seat_order = Statement(
    select(lines.c.order_id)
    .join_from(lines, orders)
    .where(
        lines.c.seat_id == bindparam("seat"),
        lines.c.dropped_at.is_(None),
        orders.c.state.in_(("pending", "expired")),
    )
)
# Named here instead of imported (decision 0012): tables are private, but one join reads a whole order.
_seats = table("registrations_seats", column("id"), column("state"), column("ended_by"))
_events = table("catalogue_events", column("id"), column("state"))
_lost = Statement(
    select(lines.c.seat_id)
    .join_from(lines, _seats, _seats.c.id == lines.c.seat_id)
    .join(_events, _events.c.id == lines.c.event_id)
    .where(
        lines.c.order_id == bindparam("order"),
        lines.c.dropped_at.is_(None),
        (_events.c.state == "cancelled")
        | (
            (_seats.c.state == "cancelled")
            & _seats.c.ended_by.in_((registrations.EVENT, registrations.ORGANISER))
        ),
    )
)
_refs_by_seat = Statement(
    select(lines.c.seat_id, orders.c.ref)
    .join_from(lines, orders)
    .where(
        orders.c.person_id == bindparam("person"),
        orders.c.state.in_(("pending", "paid", "refunding", "refunded")),
    )
    .order_by(orders.c.id)
)
_people = table("accounts_people", column("id"), column("username"), column("name"))
_open = Statement(
    select(
        *_people.c["username", "name"],
        *orders.c["ref", "method", "state", "total_minor", "currency", "created_at", "expires_at", "reason"],
    )
    .join_from(orders, _people, _people.c.id == orders.c.person_id)
    .where(
        # Orders that wait for a transfer have a list of their own, and there may be thousands.
        ((orders.c.state == "pending") & (orders.c.method != TRANSFER))
        | (orders.c.state == "refunding")
        | select(refunds.c.id).where(refunds.c.order_id == orders.c.id, refunds.c.done_at.is_(None)).exists()
    )
    .order_by(orders.c.id)
    .limit(500)
)
_payment_is_stuck = (
    (orders.c.state == "pending")
    & (orders.c.ask_at < NEVER)
    & (
        orders.c.ask_error.is_not(None)
        | (orders.c.pay_url.is_(None) & ((orders.c.asked > 0) | (orders.c.created_at <= bindparam("before"))))
    )
)
_refund_is_stuck = (
    refunds.c.done_at.is_(None)
    & (refunds.c.due_at < NEVER)
    & (refunds.c.error.is_not(None) | (refunds.c.created_at <= bindparam("before")))
)
_stuck_payments = Statement(
    select(
        _people.c.username,
        *orders.c["ref", "method", "total_minor", "currency", "created_at", "asked", "ask_error", "ask_at"],
    )
    .join_from(orders, _people, _people.c.id == orders.c.person_id)
    .where(_payment_is_stuck)
    .order_by(orders.c.id)
    .limit(MAX_LISTED)
)
_stuck_refunds = Statement(
    select(
        _people.c.username,
        *orders.c["ref", "method"],
        *refunds.c["amount_minor", "currency", "created_at", "attempts", "error", "due_at"],
    )
    .join_from(refunds, orders)
    .join(_people, _people.c.id == orders.c.person_id)
    .where(_refund_is_stuck)
    .order_by(refunds.c.id)
    .limit(MAX_LISTED)
)
_STUCK_LISTS: tuple[tuple[Literal["payment", "refund"], Statement], ...] = (
    ("payment", _stuck_payments),
    ("refund", _stuck_refunds),
)
_count_stuck_payments = Statement(select(func.count()).select_from(orders).where(_payment_is_stuck))
_count_stuck_refunds = Statement(select(func.count()).select_from(refunds).where(_refund_is_stuck))
# While the holds are paused the rows of their seats do not move: `min` gives no more than the order has already.
_held_seats = table("registrations_seats", column("order_id"), column("state"), column("held_until"))
_behind = Statement(
    select(orders.c.id, func.min(_held_seats.c.held_until))
    .join_from(orders, _held_seats, _held_seats.c.order_id == orders.c.id)
    .where(orders.c.state == "pending", _held_seats.c.state.in_(("held", "lapsed")))
    .group_by(orders.c.id, orders.c.expires_at)
    .having(orders.c.expires_at < func.min(_held_seats.c.held_until))
)


def _read(connection: Connection, row: tuple[Any, ...]) -> Order:
    """Return one of several orders; its lines are read by a further query."""
    return _put_together(row, connection.all(_lines, order=row[0]))


def _read_whole(rows: Sequence[tuple[Any, ...]]) -> Order | None:
    """Return the order of rows with one line each; None without rows."""
    if not rows:
        return None
    return _put_together(rows[0][:_OWN], [row[_OWN:] for row in rows if row[_OWN] is not None])


def _put_together(row: tuple[Any, ...], of_lines: Iterable[tuple[Any, ...]]) -> Order:
    number, ref, person, state, method, total, currency, paid_minor = row[:8]
    listed = tuple(
        Line(seat, event, title, slug, starts_at, Money(fee, currency), *rest)
        for seat, event, title, slug, starts_at, fee, *rest in of_lines
    )
    paid = None if paid_minor is None else Money(paid_minor, currency)
    return Order(number, ref, person, state, method, Money(total, currency), paid, listed, *row[8:])


def _one(connection: Connection, statement: Statement, **values: object) -> Order:
    order = _read_whole(connection.all(statement, **values))
    if order is None:
        raise NotFound
    return order


def order_by_id(connection: Connection, order_id: int) -> Order:
    """Return the order with that id. Raises NotFound."""
    return _one(connection, _by_id, order=order_id)


def ref_of(connection: Connection, order_id: int) -> str:
    """Return the reference of the order with that id. Raises NotFound."""
    ref: str | None = connection.value(_ref_of, order=order_id)
    if ref is None:
        raise NotFound
    return ref


def lock_order(connection: Connection, order_id: int) -> Order:
    """Return the order, locked until the end of the transaction. Raises NotFound."""
    return _one(connection, _lock, order=order_id)


def order_by_ref(connection: Connection, ref: str) -> Order:
    """Return the order with that reference. Raises NotFound."""
    return _one(connection, _by_ref, ref=ref)


def order_of_person(connection: Connection, person_id: int, ref: str) -> Order:
    """Return the order if it is this person's. Raises NotFound."""
    order = order_by_ref(connection, ref)
    if order.person_id != person_id:
        raise NotFound
    return order


def order_by_key(connection: Connection, person_id: int, idempotency_key: str) -> Order | None:
    """Return the order that the person placed with that idempotency key."""
    return _read_whole(connection.all(_by_key, person=person_id, key=idempotency_key))


def orders_of(connection: Connection, person_id: int) -> list[Order]:
    """Return every order of the person, newest first."""
    return [_read(connection, row) for row in connection.all(_by_person, person=person_id)]


def count_orders(connection: Connection, person_id: int) -> int:
    """Return how many orders the person has ever placed."""
    return int(connection.value(_count_of, person=person_id))


def orders_to_ask(connection: Connection) -> list[Order]:
    """Return the orders whose payment has to be looked up now."""
    return [_read(connection, row) for row in connection.all(_to_ask, now=connection.now)]


def ended_orders(connection: Connection) -> list[Order]:
    """Return the pending orders whose time has ended and whose payment is not looked up any more.

    It is empty while holds are paused, because the time of their seats has not ended then.
    """
    if registrations.are_holds_paused(connection):
        return []
    return [_read(connection, row) for row in connection.all(_ended, now=connection.now)]


def count_by_currency(connection: Connection) -> dict[str, int]:
    """Return the number of orders in each currency that hold money or wait for it."""
    return {currency: count for currency, count in connection.all(_by_currency)}  # noqa: C416  (typed)


def open_orders(connection: Connection) -> list[OpenOrder]:
    """Return the orders that wait for a payment or a refund, oldest first."""
    return [
        OpenOrder(ref, username, name or username, method, state, Money(total, currency), *times_and_reason)
        for username, name, ref, method, state, total, currency, *times_and_reason in connection.all(_open)
    ]


def _read_refund(row: tuple[Any, ...]) -> Refund:
    number, order, seat, provider_ref, amount, currency, foreign = row[:7]
    return Refund(number, order, seat, provider_ref, Money(amount, currency), bool(foreign), *row[7:])


def refunds_of(connection: Connection, order_id: int) -> list[Refund]:
    """Return the refunds of the order, both done and due."""
    return [_read_refund(row) for row in connection.all(_refunds_of, order=order_id)]


def refunds_due(connection: Connection) -> list[Refund]:
    """Return the refunds that have to be sent to their provider now."""
    return [_read_refund(row) for row in connection.all(_refunds_due, now=connection.now)]


def paid_order_of_seat(connection: Connection, seat_id: int) -> int | None:
    """Return the id of the order in which the seat was paid; None if it was not."""
    found: int | None = connection.value(_seat_order, seat=seat_id)
    return found


def open_order_of_seat(connection: Connection, seat_id: int) -> int | None:
    """Return the id of the order that has the seat as a line and can still be paid; None without one."""
    order_id: int | None = connection.value(_open_seat_order, seat=seat_id)
    return order_id


def lost_lines(connection: Connection, order: Order) -> tuple[Line, ...]:
    """Return the lines of an unpaid order whose event or registration was cancelled."""
    lost = {seat for (seat,) in connection.all(_lost, order=order.id)}
    return tuple(line for line in order.kept_lines if line.seat_id in lost)


def refs_by_seat(connection: Connection, person_id: int) -> dict[int, str]:
    """Return the reference of the order of each of the person's seats, by seat id."""
    return {seat: ref for seat, ref in connection.all(_refs_by_seat, person=person_id)}  # noqa: C416  (typed)


def all_refs(connection: Connection, person_id: int) -> list[str]:
    """Return the references of all orders of the person, newest first."""
    return [row[1] for row in connection.all(_by_person, person=person_id)]


def stuck_payments(connection: Connection) -> list[Stuck]:
    """Return the payments and refunds that need attention, oldest first."""
    before = connection.now - SILENT
    stuck = [
        Stuck(kind, ref, username, method, Money(amount, currency), *state)
        for kind, statement in _STUCK_LISTS
        for username, ref, method, amount, currency, *state in connection.all(statement, before=before)
    ]
    return sorted(stuck, key=lambda row: (row.since, row.ref))


def count_stuck(connection: Connection) -> int:
    """Return how many payments and refunds need attention."""
    before = connection.now - SILENT
    statements = (_count_stuck_payments, _count_stuck_refunds)
    return sum(int(connection.value(statement, before=before)) for statement in statements)


def orders_behind_seats(connection: Connection) -> list[tuple[int, Milliseconds]]:
    """Return the pending orders that expire before the holds of their seats, as (id, end of the first hold)."""
    return [(order, end) for order, end in connection.all(_behind)]
