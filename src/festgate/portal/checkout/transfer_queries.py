"""Reads of transfer orders: those to match with statements, and the treasurer's list."""

from dataclasses import dataclass

from sqlalchemy import bindparam, select, table
from sqlalchemy.sql import column

from festgate.kit.clock import DAY, Milliseconds
from festgate.kit.db.search import words_of
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.money import Money
from festgate.kit.text import searchable
from festgate.portal.checkout.matching import Expected
from festgate.portal.checkout.methods import TRANSFER
from festgate.portal.checkout.records import OrderState
from festgate.portal.checkout.tables import orders, transfers

MATCHED: Milliseconds = 400 * DAY
"""The time after its end in which a payment is still matched with an order."""
MAX_OPEN = 5_000
"""Orders in the treasurer's list, oldest first."""

_people = table("accounts_people", column("id"), column("username"), column("name"), column("email"))
_expected = Statement(
    select(
        *orders.c["id", "ref", "state", "total_minor", "currency", "paid_at"],
        *transfers.c["utr", "by_hand_minor"],
    )
    .join_from(orders, transfers, transfers.c.order_id == orders.c.id)
    .where(orders.c.method == TRANSFER, orders.c.expires_at > bindparam("since"))
    .order_by(orders.c.id)
)
_open = Statement(
    select(
        *orders.c["ref", "state", "total_minor", "currency", "created_at", "expires_at"],
        *transfers.c["utr", "utr_at"],
        *_people.c["id", "username", "name", "email"],
    )
    .join_from(orders, transfers, transfers.c.order_id == orders.c.id)
    .join(_people, _people.c.id == orders.c.person_id)
    .where(
        (orders.c.state == "pending") | ((orders.c.state == "expired") & (transfers.c.utr != "")),
        orders.c.method == TRANSFER,
    )
    .order_by(orders.c.id)
    .limit(MAX_OPEN)
)


@dataclass(frozen=True, slots=True)
class OpenTransfer:
    """An order that waits for a transfer, or that has ended although its payer entered a number."""

    ref: str
    state: OrderState
    total: Money
    created_at: Milliseconds
    expires_at: Milliseconds
    utr: str
    utr_at: Milliseconds | None
    person_id: int
    username: str
    name: str
    email: str

    @property
    def payer(self) -> str:
        """The person's name, or the username in its place."""
        return self.name or self.username


def expected_orders(connection: Connection) -> list[Expected]:
    """Return the transfer orders that a payment could be for. It is for `Database.report`."""
    rows = connection.all(_expected, since=connection.now - MATCHED)
    return [
        Expected(
            order,
            ref,
            state,
            Money(minor, currency),
            utr,
            paid_at is not None,
            Money(by_hand, currency),
        )
        for order, ref, state, minor, currency, paid_at, utr, by_hand in rows
    ]


def open_transfers(connection: Connection, words: str = "") -> list[OpenTransfer]:
    """Return the open transfers, oldest first: those with a number of their payment before the others.

    `words` are looked for in the reference, the number, the amount, and the payer's name, username and email address.
    It is for `Database.report`. Raises ValueError if they cannot be searched for.
    """
    wanted = words_of(words)
    listed = [
        OpenTransfer(ref, state, Money(minor, currency), *rest)
        for ref, state, minor, currency, *rest in connection.all(_open)
    ]
    if wanted:
        listed = [row for row in listed if _has(row, wanted)]
    return sorted(listed, key=lambda row: (not row.utr, row.created_at))


def _has(row: OpenTransfer, wanted: list[str]) -> bool:
    texts = (row.ref, row.utr, row.total.plain(), row.name, row.username, row.email)
    text = searchable(" ".join(texts))
    return all(word in text for word in wanted)
