"""The incoming payments of bank statements: stored once, assigned to one order each, or ignored.

A payment is stored under a fingerprint, so that an overlapping statement changes nothing. It pays an order only while
that is locked and unpaid. `festgate check` compares what was paid for each order with its payments.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import bindparam, delete, select, update

from festgate.kit.clock import DAY, Milliseconds
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.errors import NotFound
from festgate.kit.ids import keyed_hash
from festgate.kit.money import Money, total
from festgate.kit.shown import amount, facts
from festgate.kit.translation import N_
from festgate.kit.visitors import Actor
from festgate.portal.audit import facade as audit
from festgate.portal.checkout import queries
from festgate.portal.checkout.errors import LineSettled, OrderChanged, OtherCurrency
from festgate.portal.checkout.matching import Match
from festgate.portal.checkout.orders import lower_total, mark_paid
from festgate.portal.checkout.records import Order
from festgate.portal.checkout.refunds import refund_charge
from festgate.portal.checkout.statement_files import Credit
from festgate.portal.checkout.tables import bank_lines, transfers
from festgate.portal.checkout.transfers import PAYABLE, lock_transfer, transfer_of

LineState = Literal["open", "assigned", "ignored"]
KEPT_DAYS = 30
KEPT: Milliseconds = KEPT_DAYS * DAY
"""The time after which payments without an order are deleted: they are about people that bought nothing here."""
MAX_FORGOTTEN = 500
"""Payments deleted in one round."""
MAX_LINES = 500
"""Unmatched payments that are listed, oldest first."""
MAX_TOGETHER = 20
"""Payments that are assigned to an order together."""
PAID_AGAIN = N_("It was paid a second time.")
PAID_MORE = N_("More was transferred than the order costs.")

_columns = bank_lines.c[
    "id",
    "booked_on",
    "amount_minor",
    "currency",
    "narration",
    "utr",
    "state",
    "order_id",
    "applied_minor",
    "problem",
    "likely_ref",
    "imported_at",
]
_line = bank_lines.c.id == bindparam("line")
_insert = inserting(bank_lines, returning="id")
_by_fingerprint = Statement(select(bank_lines.c.id).where(bank_lines.c.fingerprint == bindparam("known")))
_fingerprints = Statement(select(bank_lines.c.fingerprint))
_by_id = Statement(select(*_columns).where(_line))
_lock = Statement(select(*_columns).where(_line).with_for_update())
_open = Statement(
    select(*_columns)
    .where(bank_lines.c.state == "open")
    .order_by(bank_lines.c.imported_at, bank_lines.c.id)
    .limit(MAX_LINES)
)
_of_order = Statement(
    select(*_columns).where(bank_lines.c.order_id == bindparam("order")).order_by(bank_lines.c.id)
)
_assign = Statement(
    update(bank_lines)
    .where(_line, bank_lines.c.state == "open")
    .values(
        state="assigned",
        order_id=bindparam("order"),
        applied_minor=bindparam("applied"),
        problem="",
        settled_at=bindparam("now"),
        settled_by=bindparam("organiser"),
    )
)
_ignore = Statement(
    update(bank_lines)
    .where(_line, bank_lines.c.state == "open")
    .values(state="ignored", settled_at=bindparam("now"), settled_by=bindparam("organiser"))
)
_old = Statement(
    select(bank_lines.c.id)
    .where(bank_lines.c.state.in_(("open", "ignored")), bank_lines.c.imported_at <= bindparam("before"))
    .order_by(bank_lines.c.imported_at)
    .limit(MAX_FORGOTTEN)
)
_delete = Statement(delete(bank_lines).where(_line, bank_lines.c.state.in_(("open", "ignored"))))
_blank = Statement(
    update(bank_lines).where(bank_lines.c.order_id == bindparam("order")).values(narration="", utr="")
)
_replace_by_hand = Statement(
    update(transfers)
    .where(transfers.c.order_id == bindparam("order"), transfers.c.by_hand_minor == bindparam("received"))
    .values(by_hand_minor=0)
)
_waive = Statement(
    update(transfers)
    .where(transfers.c.order_id == bindparam("order"))
    .values(waived_minor=transfers.c.waived_minor + bindparam("difference"))
)


@dataclass(frozen=True, slots=True)
class BankLine:
    """A stored payment of a statement."""

    id: int
    booked_on: str
    amount: Money
    narration: str
    utr: str
    state: LineState
    order_id: int | None
    applied: Money
    """The part that pays for the order. The rest is to be returned."""
    problem: str
    """The reason for which it was not matched; a result of matching."""
    likely_ref: str
    """The order for which it seems to be; empty without one."""
    imported_at: Milliseconds


@dataclass(frozen=True, slots=True)
class Imported:
    """The payments of a statement that were imported, by what became of them."""

    paid: int = 0
    filed: int = 0
    known: int = 0
    listed: int = 0

    def __add__(self, other: "Imported") -> "Imported":
        """Return the sums."""
        return Imported(
            self.paid + other.paid,
            self.filed + other.filed,
            self.known + other.known,
            self.listed + other.listed,
        )


@dataclass(frozen=True, slots=True)
class Assignment:
    """The effect of assigning payments to an order."""

    order: Order
    lines: tuple[BankLine, ...]
    received: Money
    replaces_hand: bool
    """Whether they are the payment that was confirmed by hand, so that only the record changes."""

    @property
    def is_again(self) -> bool:
        """True if the order is paid already, so that all of it is to be returned."""
        return self.order.paid_at is not None and not self.replaces_hand

    @property
    def missing(self) -> Money:
        """The amount by which the payments are less than the order costs."""
        is_open = self.order.paid_at is None and not self.is_lost
        is_exact = self.order.dropped_within(self.received) is not None
        total_minor = self.order.total.minor if is_open and not is_exact else 0
        return Money(max(0, total_minor - self.received.minor), self.received.currency)

    @property
    def rest(self) -> Money:
        """The amount that is to be returned."""
        if self.is_again:
            return self.received
        if self.replaces_hand or self.is_lost or self.order.dropped_within(self.received) is not None:
            return Money(0, self.received.currency)
        return Money(max(0, self.received.minor - self.order.total.minor), self.received.currency)

    @property
    def is_late(self) -> bool:
        """True if the order had ended, so that its seats are taken again if they are free."""
        return self.order.state == "expired"

    @property
    def is_lost(self) -> bool:
        """True if the order was cancelled, so that all of it is to be returned."""
        return self.order.paid_at is None and self.order.state not in PAYABLE

    @property
    def seen(self) -> str:
        """A short text that changes when any part of the assignment changes."""
        return facts(
            self.order.ref,
            self.order.state,
            self.order.revision,
            amount(self.order.total),
            amount(self.received),
            ",".join(str(line.id) for line in self.lines),
            int(self.replaces_hand),
        )


def fingerprint_of(secret: bytes, credit: Credit) -> str:
    """Return the fingerprint of a payment: the same in every statement that has it, whatever program has saved it.

    It is keyed, because a payment of one's neighbour is easily guessed.
    """
    parts = (credit.booked_on, amount(credit.amount), credit.plain_text, credit.utr, str(credit.occurrence))
    return keyed_hash(secret, "bank line", "\0".join(parts))


def all_fingerprints(connection: Connection) -> set[str]:
    """Return the fingerprints of all stored payments. It reads the whole table, so it is for `Database.report`."""
    return {fingerprint for (fingerprint,) in connection.all(_fingerprints)}


def import_lines(
    connection: Connection, matches: Sequence[Match], secret: bytes, organiser_id: int, actor: Actor
) -> Imported:
    """Store payments, and mark the orders paid that they were matched with. A second call changes nothing.

    `actor` is for the audit log, which has an entry for each order. A payment whose order has changed since it was
    matched goes to the list of unmatched ones.
    """
    result = Imported()
    for match in matches:
        fingerprint = fingerprint_of(secret, match.credit)
        result += _import_one(connection, match, fingerprint, organiser_id, actor)
    return result


def note_import(
    connection: Connection, actor: Actor, imported: Imported, counted: Money, *, name: str = ""
) -> None:
    """Add the import to the audit log."""
    audit.record(
        connection,
        actor,
        "statement.imported",
        name[:80] or "CSV",
        paid=imported.paid,
        filed=imported.filed,
        known=imported.known,
        listed=imported.listed,
        amount=counted.coded(),
    )


def _import_one(
    connection: Connection, match: Match, fingerprint: str, organiser_id: int, actor: Actor
) -> Imported:
    if match.result == "known" or connection.first(_by_fingerprint, known=fingerprint) is not None:
        return Imported(known=1)
    credit, expected = match.credit, match.order
    order: Order | None = None
    if match.result in ("pays", "files") and expected is not None:
        order = queries.lock_order(connection, expected.order_id)
        if not _still_matches(connection, order, match):
            order = None
    values = {
        "fingerprint": fingerprint,
        "booked_on": credit.booked_on,
        "amount_minor": credit.amount.minor,
        "currency": credit.amount.currency,
        "narration": credit.narration,
        "utr": credit.utr,
        "imported_at": connection.now,
        "imported_by": organiser_id,
        "state": "open",
        "order_id": None,
        "applied_minor": 0,
        "problem": "changed" if match.result in ("pays", "files") else match.result,
        "likely_ref": "" if expected is None else expected.ref,
        "settled_at": None,
        "settled_by": None,
    }
    if order is not None:
        values |= {
            "state": "assigned",
            "order_id": order.id,
            "applied_minor": credit.amount.minor,
            "problem": "",
            "settled_at": connection.now,
            "settled_by": organiser_id,
        }
    try:
        line: int = connection.value(_insert, **values)
    except UniqueViolation:
        raise TryAgain from None  # another process has just stored it
    if order is None:
        return Imported(listed=1)
    if match.result == "files":
        if not connection.run(_replace_by_hand, order=order.id, received=credit.amount.minor):
            raise TryAgain
        return Imported(filed=1)
    paid = mark_paid(connection, order.id, charge_of(line), credit.amount, paid_by=organiser_id)
    audit.record(
        connection,
        actor,
        "order.marked-paid",
        order.ref,
        amount=credit.amount.coded(),
        result=paid.state,
        method=order.method,
    )
    return Imported(paid=1)


def _still_matches(connection: Connection, order: Order, match: Match) -> bool:
    amount_paid = match.credit.amount
    if match.result == "files":
        is_by_hand = transfer_of(connection, order.id).by_hand_minor == amount_paid.minor
        return order.paid_at is not None and order.total.currency == amount_paid.currency and is_by_hand
    return order.paid_at is None and order.total == amount_paid


def charge_of(line: int) -> str:
    """Return the name of the payment in the order."""
    return f"bank-line-{line}"


def rest_of(line: int) -> str:
    """Return the name of the part of a payment that is to be returned."""
    return f"rest-{line}"


def plan_assignment(connection: Connection, ref: str, line_ids: Collection[int]) -> Assignment:
    """Return the effect of assigning open payments to an order.

    Raises NotFound, NotByTransfer, LineSettled, OtherCurrency.
    """
    order = queries.order_by_ref(connection, ref)
    return _plan(connection, order, [_read_line(connection, _by_id, line) for line in sorted(line_ids)])


def _plan(connection: Connection, order: Order, lines: Sequence[BankLine]) -> Assignment:
    state = transfer_of(connection, order.id)
    if not lines:
        raise NotFound
    if any(line.state != "open" for line in lines):
        raise LineSettled
    if any(line.amount.currency != order.total.currency for line in lines):
        raise OtherCurrency
    received = total([line.amount for line in lines], order.total.currency)
    replaces = order.paid_at is not None and state.by_hand_minor == received.minor > 0
    return Assignment(order, tuple(lines), received, replaces)


def assign_lines(
    connection: Connection,
    ref: str,
    line_ids: Collection[int],
    organiser_id: int,
    actor: Actor,
    *,
    seen: str | None,
    accepts_less: bool = False,
) -> Assignment:
    """Assign open payments to one order, and pay it. A second call with the same payments changes nothing.

    With less than the order costs, it is lowered to that if `accepts_less`, else nothing is done (OrderChanged). More
    than it costs, and all of a second payment, is to be returned. Raises as `plan_assignment` does, and OrderChanged if
    `seen` is not the present plan.
    """
    order = lock_transfer(connection, ref)
    lines = [_read_line(connection, _lock, line) for line in sorted(line_ids)]
    if lines and all(line.order_id == order.id for line in lines):
        received = total([line.amount for line in lines], order.total.currency)
        return Assignment(order, tuple(lines), received, replaces_hand=True)
    plan = _plan(connection, order, lines)
    if (seen is not None and seen != plan.seen) or (plan.missing.minor and not accepts_less):
        raise OrderChanged(ref)
    left = plan.received.minor - plan.rest.minor
    for line in plan.lines:
        applied = min(left, line.amount.minor)
        left -= applied
        settled = connection.run(
            _assign,
            line=line.id,
            order=order.id,
            applied=applied,
            now=connection.now,
            organiser=organiser_id,
        )
        if not settled:
            raise TryAgain
    _settle(connection, plan, organiser_id)
    audit.record(
        connection,
        actor,
        "line.assigned",
        order.ref,
        amount=plan.received.coded(),
        returned=plan.rest.coded(),
        waived=plan.missing.coded(),
        days=", ".join(line.booked_on for line in plan.lines),
    )
    return plan


def _settle(connection: Connection, plan: Assignment, organiser_id: int) -> None:
    """Pay the order with the part of the payments that is for it, and make the rest due to be returned."""
    order = plan.order
    if plan.replaces_hand:
        if not connection.run(_replace_by_hand, order=order.id, received=plan.received.minor):
            raise TryAgain
        return
    if not plan.is_again:
        paid = Money(plan.received.minor - plan.rest.minor, plan.received.currency)
        if plan.missing.minor:
            lower_total(connection, order, paid)
            connection.run(_waive, order=order.id, difference=plan.missing.minor)
        mark_paid(connection, order.id, charge_of(plan.lines[0].id), paid, paid_by=organiser_id)
        order = queries.order_by_id(connection, order.id)
    left = plan.received.minor - plan.rest.minor
    for line in plan.lines:
        applied = min(left, line.amount.minor)
        left -= applied
        if line.amount.minor > applied:
            rest = Money(line.amount.minor - applied, line.amount.currency)
            reason = PAID_AGAIN if plan.is_again else PAID_MORE
            refund_charge(connection, order, rest_of(line.id), rest, reason)


def ignore_lines(
    connection: Connection, line_ids: Collection[int], organiser_id: int, actor: Actor
) -> list[BankLine]:
    """Take open payments off the list. A second call changes nothing. Raises NotFound, LineSettled."""
    lines = [_read_line(connection, _lock, line) for line in sorted(line_ids)]
    if any(line.state == "assigned" for line in lines):
        raise LineSettled
    for line in lines:
        if connection.run(_ignore, line=line.id, now=connection.now, organiser=organiser_id):
            audit.record(connection, actor, "line.ignored", line.booked_on, amount=line.amount.coded())
    return lines


def open_lines(connection: Connection) -> list[BankLine]:
    """Return the payments without an order, oldest first."""
    return [_read(row) for row in connection.all(_open)]


def lines_of_order(connection: Connection, order_id: int) -> list[BankLine]:
    """Return the payments of an order."""
    return [_read(row) for row in connection.all(_of_order, order=order_id)]


def lines_by_id(connection: Connection, line_ids: Collection[int]) -> list[BankLine]:
    """Return stored payments. Raises NotFound."""
    return [_read_line(connection, _by_id, line) for line in sorted(line_ids)]


def forget_lines(connection: Connection) -> None:
    """Delete the payments without an order that were imported 30 days ago."""
    for (line,) in connection.all(_old, before=connection.now - KEPT):
        connection.run(_delete, line=line)


def blank_lines(connection: Connection, order_id: int) -> None:
    """Erase the texts of an order's payments; amounts and days stay, as those of the order do."""
    connection.run(_blank, order=order_id)


def _read_line(connection: Connection, statement: Statement, line: int) -> BankLine:
    row = connection.first(statement, line=line)
    if row is None:
        raise NotFound
    return _read(row)


def _read(row: Sequence[Any]) -> BankLine:
    line, booked_on, minor, currency, narration, utr, state, order, applied, *rest = row
    return BankLine(
        line, booked_on, Money(minor, currency), narration, utr, state, order, Money(applied, currency), *rest
    )
