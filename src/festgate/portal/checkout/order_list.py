"""The orders of one event: filtered by state, searched by buyer, attendee or reference, in pages."""

from dataclasses import dataclass

from sqlalchemy import bindparam, func, select, table
from sqlalchemy.sql import column

from festgate.kit.clock import Milliseconds
from festgate.kit.db.search import has_words, word_values, words_of
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.ids import read_code
from festgate.kit.money import Money
from festgate.portal.checkout.records import OrderState, method_name
from festgate.portal.checkout.tables import lines, orders

PAGE = 50
"""Orders of one page."""
# Tables of lower modules, by name (decision 0012): one query serves a whole page.
_people = table("accounts_people", *map(column, ("id", "username", "name", "email", "search", "guest_key")))
_seats = table("registrations_seats", column("id"), column("attendee_search"))

_OF_EVENT = (
    select(lines.c.order_id)
    .where(lines.c.order_id == orders.c.id, lines.c.event_id == bindparam("event"))
    .exists()
)
_ATTENDS = (
    select(lines.c.order_id)
    .join_from(lines, _seats, _seats.c.id == lines.c.seat_id)
    .where(lines.c.order_id == orders.c.id, has_words(_seats.c.attendee_search))
    .exists()
)
_IN_STATE = (bindparam("state") == "") | (orders.c.state == bindparam("state"))
_MATCHES = (
    (bindparam("words") == "") | (orders.c.ref == bindparam("ref")) | has_words(_people.c.search) | _ATTENDS
)
_FOUND = (_OF_EVENT, _IN_STATE, _MATCHES)
_page = Statement(
    select(
        *orders.c["ref", "state", "method", "total_minor", "currency", "paid_minor", "refunded_minor"],
        orders.c.created_at,
        *_people.c["id", "username", "name", "email"],
        select(func.count()).where(lines.c.order_id == orders.c.id).scalar_subquery(),
    )
    .join_from(orders, _people, _people.c.id == orders.c.person_id)
    .where(*_FOUND)
    .order_by(orders.c.id.desc())
    .limit(PAGE)
    .offset(bindparam("skipped"))
)
_count = Statement(
    select(func.count()).select_from(orders).join(_people, _people.c.id == orders.c.person_id).where(*_FOUND)
)


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order in the list."""

    ref: str
    state: OrderState
    method: str
    total: Money
    paid: Money | None
    refunded: Money
    created_at: Milliseconds
    person_id: int
    name: str
    """The buyer's name, or the username in its place."""
    email: str
    seats: int
    """The number of its lines."""

    @property
    def method_name(self) -> str:
        """The name of its payment method, for people."""
        return method_name(self.method)


@dataclass(frozen=True, slots=True)
class OrderList:
    """A page of the list."""

    rows: tuple[OrderRow, ...]
    count: int
    """The orders on all pages."""
    page: int

    @property
    def pages(self) -> int:
        """The number of pages; at least one."""
        return max(1, -(-self.count // PAGE))


def list_orders(
    connection: Connection, event_id: int, state: OrderState | str, text: str, page: int
) -> OrderList:
    """Return a page of the orders with a line at the event, newest first; an empty state or text matches all.

    It may look at every order, so it is for `Database.report`. Raises ValueError if the words cannot be searched for.
    """
    words = words_of(text) if text.strip() else []
    values = {
        "event": event_id,
        "state": state,
        "words": " ".join(words),
        "ref": read_code(text) if text else "",
        **word_values(words),
    }
    count = int(connection.value(_count, **values))
    page = max(1, min(page, -(-count // PAGE)))
    rows = connection.all(_page, **values, skipped=(page - 1) * PAGE)
    return OrderList(
        tuple(
            OrderRow(
                ref,
                order_state,
                method,
                Money(total, currency),
                None if paid is None else Money(paid, currency),
                Money(refunded, currency),
                created_at,
                person_id,
                name or username,
                email,
                seats,
            )
            for ref, order_state, method, total, currency, paid, refunded, created_at, *person in rows
            for person_id, username, name, email, seats in [person]
        ),
        count,
        page,
    )
