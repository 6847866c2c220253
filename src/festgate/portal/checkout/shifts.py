"""The cash count of each seller: a shift has an opening float, its sales, and the refunds that were paid out in it.

A seller has one open shift. A sale locks it, so that no sale is added to a shift that is being closed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, func, select, table, update
from sqlalchemy.sql import column

from festgate.kit import shown
from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.errors import Conflict, NotFound
from festgate.kit.money import Money
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Actor
from festgate.portal.audit import facade as audit
from festgate.portal.checkout.records import AT_BOX_OFFICE
from festgate.portal.checkout.tables import (
    orders,
    refunds,
    sales,
    shift_differences,
    shift_refunds,
    shifts,
)

# Named here instead of imported (decision 0012).
_people = table("accounts_people", column("id"), column("username"), column("name"))


class ShiftChanged(shown.Changed):
    """A shift that has other sales, refunds or differences than the page showed. Nothing was done."""

    code = "shift-changed"
    title = N_("Your shift has changed")
    message = N_(
        "There was a sale or a refund since you opened the page, so the shift is still open. Count once more."
    )


class ShiftNotOpen(Conflict):
    """A seller without an open shift."""

    code = "shift-not-open"
    title = N_("No open shift")
    message = N_(
        "You have no open shift. It opens with your first sale, or when you enter the opening float."
    )
    actions = ((N_("Box office"), "/organise/box-office"),)


class ShiftInOtherCurrency(Conflict):
    """An event whose prices are in another currency than the cash of the shift."""

    code = "shift-in-other-currency"
    title = N_("Another currency")
    actions = ((N_("Box office"), "/organise/box-office"),)

    def __init__(self, own: str, other: str) -> None:
        """Name both currencies."""
        sentence = gettext("Your shift counts {own}, and the prices of this event are in {other}.")
        super().__init__(sentence.format(own=own, other=other))


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift with its sums."""

    id: int
    person_id: int
    seller: str
    """The name of the seller."""
    opening: Money
    """The cash in the drawer at the beginning."""
    opened_at: Milliseconds
    closed_at: Milliseconds | None
    counted: Money | None
    """The cash that was counted; None while the shift is open."""
    note: str
    sales: int
    """The number of sales, those taken back included."""
    sold: Mapping[str, Money] = field(default_factory=dict)
    """The sum of its sales by way of payment."""
    refunded: Mapping[str, Money] = field(default_factory=dict)
    """The sum of the refunds that were paid out in it, by the way of payment of their order."""
    gained: Money = field(kw_only=True)
    """The differences of exchanges that were paid to the seller in cash."""
    returned: Money = field(kw_only=True)
    """The differences of exchanges that the seller gave back in cash."""

    @property
    def expected(self) -> Money:
        """The cash that should be in the drawer."""
        return self.opening + self.net("cash")

    @property
    def difference(self) -> Money | None:
        """The counted cash less the expected; None while the shift is open."""
        if self.counted is None:
            return None
        return Money(self.counted.minor - self.expected.minor, self.counted.currency)

    def net(self, method: str) -> Money:
        """Return the sales by that way of payment less the refunds; for cash, with the differences of exchanges."""
        minor = self.sold[method].minor - self.refunded[method].minor
        if method == "cash":
            minor += self.gained.minor - self.returned.minor
        return Money(minor, self.opening.currency)

    @property
    def facts(self) -> str:
        """The hidden field of the form that closes it."""
        return shown.facts(
            self.id, self.sales, shown.amount(self.opening), *(self.net(name).minor for name in AT_BOX_OFFICE)
        )


_COLUMNS = shifts.c[
    "id", "person_id", "currency", "float_minor", "opened_at", "closed_at", "counted_minor", "note"
]
_shift = select(*_COLUMNS, _people.c.username, _people.c.name).join_from(
    shifts, _people, _people.c.id == shifts.c.person_id
)
_by_id = Statement(_shift.where(shifts.c.id == bindparam("shift")))
_open_of = Statement(_shift.where(shifts.c.person_id == bindparam("person"), shifts.c.closed_at.is_(None)))
# The open ones first, then the newest.
_LATEST = (shifts.c.closed_at.is_not(None), shifts.c.opened_at.desc(), shifts.c.id.desc())
_all = Statement(_shift.order_by(*_LATEST).limit(bindparam("limit")).offset(bindparam("skipped")))
_of_person = Statement(
    _shift.where(shifts.c.person_id == bindparam("person"))
    .order_by(*_LATEST)
    .limit(bindparam("limit"))
    .offset(bindparam("skipped"))
)
_count_all = Statement(select(func.count()).select_from(shifts))
_count_of_person = Statement(select(func.count()).where(shifts.c.person_id == bindparam("person")))
_lock_open = Statement(
    select(*shifts.c["id", "currency"])
    .where(shifts.c.person_id == bindparam("person"), shifts.c.closed_at.is_(None))
    .with_for_update()
)
_insert = inserting(shifts, returning="id")
_set_float = Statement(
    update(shifts).where(shifts.c.id == bindparam("shift")).values(float_minor=bindparam("new_float"))
)
_close = Statement(
    update(shifts)
    .where(shifts.c.id == bindparam("shift"))
    .values(
        closed_at=bindparam("now"),
        counted_minor=bindparam("counted"),
        cash_minor=bindparam("cash"),
        card_minor=bindparam("card"),
        upi_minor=bindparam("upi"),
        note=bindparam("new_note"),
    )
)
_sold = Statement(
    select(orders.c.method, func.count(), func.sum(orders.c.paid_minor))
    .join_from(sales, orders)
    .where(sales.c.shift_id == bindparam("shift"))
    .group_by(orders.c.method)
)
_refunded = Statement(
    select(orders.c.method, func.sum(refunds.c.amount_minor))
    .join_from(shift_refunds, refunds)
    .join(orders, orders.c.id == refunds.c.order_id)
    .where(shift_refunds.c.shift_id == bindparam("shift"))
    .group_by(orders.c.method)
)
_insert_refund = inserting(shift_refunds)
_insert_difference = inserting(shift_differences)
_differences = Statement(
    select(shift_differences.c.amount_minor).where(shift_differences.c.shift_id == bindparam("shift"))
)
_outside = Statement(
    select(refunds.c.currency, func.sum(refunds.c.amount_minor))
    .join_from(refunds, orders)
    .where(
        orders.c.method == "cash",
        refunds.c.done_at.is_not(None),
        refunds.c.id.not_in(select(shift_refunds.c.refund_id)),
    )
    .group_by(refunds.c.currency)
    .order_by(refunds.c.currency)
)


def open_shift(connection: Connection, person_id: int) -> Shift | None:
    """Return the person's open shift; None without one."""
    row = connection.first(_open_of, person=person_id)
    return None if row is None else _read(connection, row)


def shift_by_id(connection: Connection, shift_id: int) -> Shift:
    """Return the shift. Raises NotFound."""
    row = connection.first(_by_id, shift=shift_id)
    if row is None:
        raise NotFound
    return _read(connection, row)


def list_shifts(
    connection: Connection, person_id: int | None, limit: int, skipped: int = 0
) -> tuple[list[Shift], int]:
    """Return shifts, open ones first, then the newest, and the number of all; for None those of every seller."""
    if person_id is None:
        rows = connection.all(_all, limit=limit, skipped=skipped)
        count = connection.value(_count_all)
    else:
        rows = connection.all(_of_person, person=person_id, limit=limit, skipped=skipped)
        count = connection.value(_count_of_person, person=person_id)
    return [_read(connection, row) for row in rows], int(count)


def paid_outside_shifts(connection: Connection) -> tuple[Money, ...]:
    """Return the sums of the cash refunds that somebody without an open shift has paid out, by currency."""
    return tuple(Money(int(amount), currency) for currency, amount in connection.all(_outside))


def set_float(connection: Connection, person_id: int, opening: Money) -> Shift:
    """Set the opening float of the person's open shift, and open one if there is none."""
    shift_id = lock_shift(connection, person_id, opening.currency)
    connection.run(_set_float, shift=shift_id, new_float=opening.minor)
    return shift_by_id(connection, shift_id)


def lock_shift(connection: Connection, person_id: int, currency: str) -> int:
    """Return the id of the person's open shift, locked; open one without a float if there is none.

    Raises ShiftInOtherCurrency.
    """
    row = connection.first(_lock_open, person=person_id)
    if row is not None:
        shift_id, own = row
        if own != currency:
            raise ShiftInOtherCurrency(own, currency)
        return int(shift_id)
    try:
        return int(
            connection.value(
                _insert,
                person_id=person_id,
                currency=currency,
                float_minor=0,
                opened_at=connection.now,
                closed_at=None,
                counted_minor=None,
                cash_minor=None,
                card_minor=None,
                upi_minor=None,
                note="",
            )
        )
    except UniqueViolation:
        raise TryAgain from None  # another process has just opened it


def find_open(connection: Connection, person_id: int) -> int | None:
    """Return the id of the person's open shift, locked; None without one."""
    row = connection.first(_lock_open, person=person_id)
    return None if row is None else int(row[0])


def close_shift(
    connection: Connection, actor: Actor, person_id: int, counted: Money, note: str, seen: str | None
) -> Shift:
    """Close the person's open shift with the cash that was counted, and return it.

    `seen` is what the form showed; None for a program. Raises ShiftNotOpen, ShiftInOtherCurrency or ShiftChanged.
    """
    shift_id = find_open(connection, person_id)
    if shift_id is None:
        raise ShiftNotOpen
    shift = shift_by_id(connection, shift_id)
    if counted.currency != shift.opening.currency:
        raise ShiftInOtherCurrency(shift.opening.currency, counted.currency)
    if seen is not None and seen != shift.facts:
        raise ShiftChanged
    connection.run(
        _close,
        shift=shift_id,
        now=connection.now,
        counted=counted.minor,
        cash=shift.net("cash").minor,
        card=shift.net("card-machine").minor,
        upi=shift.net("upi").minor,
        new_note=note,
    )
    closed = shift_by_id(connection, shift_id)
    difference = Money(counted.minor - shift.expected.minor, counted.currency)
    audit.record(
        connection,
        actor,
        "shift.closed",
        str(shift_id),
        shift=shift_id,
        expected=shift.expected.coded(),
        counted=counted.coded(),
        difference=difference.coded(),
    )
    return closed


def count_refund(connection: Connection, refund_id: int, currency: str, person_id: int) -> None:
    """Count a refund that the person has paid out against their open shift.

    It counts against none if they have none, or if it counts another currency.
    """
    row = connection.first(_lock_open, person=person_id)
    if row is not None and row[1] == currency:
        connection.run(_insert_refund, refund_id=refund_id, shift_id=row[0])


def count_difference(connection: Connection, exchange_id: int, amount: Money, person_id: int) -> None:
    """Count the difference of an exchange in the person's open shift: paid in cash, or given back if below zero.

    It counts in none if they have none, or if it counts another currency.
    """
    row = connection.first(_lock_open, person=person_id)
    if amount.minor and row is not None and row[1] == amount.currency:
        connection.run(
            _insert_difference, exchange_id=exchange_id, shift_id=row[0], amount_minor=amount.minor
        )


def _read(connection: Connection, row: tuple[Any, ...]) -> Shift:
    shift_id, person_id, currency, opening, opened_at, closed_at, counted, note, username, name = row
    nothing = dict.fromkeys(AT_BOX_OFFICE, Money(0, currency))
    sold = connection.all(_sold, shift=shift_id)
    differences = [minor for (minor,) in connection.all(_differences, shift=shift_id)]
    return Shift(
        shift_id,
        person_id,
        name or username,
        Money(opening, currency),
        opened_at,
        closed_at,
        None if counted is None else Money(counted, currency),
        note,
        sum(count for _, count, _ in sold),
        # PostgreSQL returns the sum of integers as a decimal.
        nothing | {method: Money(int(amount), currency) for method, _, amount in sold},
        nothing
        | {
            method: Money(int(amount), currency)
            for method, amount in connection.all(_refunded, shift=shift_id)
        },
        gained=Money(sum(minor for minor in differences if minor > 0), currency),
        returned=Money(-sum(minor for minor in differences if minor < 0), currency),
    )
