"""How often one account may take seats, and on which terms it holds them.

One person has one live seat at an event, and takes at most `MAX_TAKINGS` at each event in a day. That bounds holds that
are renewed for ever, and the emails of register-and-cancel rounds. It is a condition of the statement that inserts the
seat, which runs while the event's count is locked: it is exact across processes and costs no statement of its own.

An account whose email address is not confirmed costs nothing to make. It holds seats for minutes, and few at a time.
"""

from dataclasses import dataclass

from sqlalchemy import bindparam, func, insert, select

from festgate.accounts import facade as accounts
from festgate.kit.clock import DAY, Milliseconds
from festgate.kit.errors import TooMany
from festgate.kit.statements import Connection, Statement
from festgate.kit.visitors import Visitor
from festgate.registrations import queries
from festgate.registrations.tables import seats
from festgate.settings import Settings

MAX_TAKINGS = 5
"""Seats that one person may take at one event in a day: enough for holds that ended before the money was there."""
MAX_UNCONFIRMED_SEATS = 3
"""Live seats of an account whose email address is not confirmed."""
UNCONFIRMED_HOLD_MINUTES = 5
"""Enough to pay by card; a seat that is not paid is soon on sale again."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is known of somebody who takes a seat, as far as limits depend on it."""

    is_confirmed: bool = True
    """Their email address is confirmed, or need not be."""
    address: accounts.SeatLimit | None = None
    """Of the client address that they come from."""


UNLIMITED = Terms()

_earlier = seats.alias("earlier")
_at_event = (
    _earlier.c.person_id == bindparam("person_id"),
    # `+ 0` keeps SQLite from the index over events: a person has had few seats, an event many.
    _earlier.c.event_id + 0 == bindparam("event_id"),
    _earlier.c.taken_at > bindparam("since"),
)
_takings = select(func.count()).select_from(_earlier).where(*_at_event).scalar_subquery()
_first_taking = Statement(select(func.min(_earlier.c.taken_at)).where(*_at_event))
_columns = [column for column in seats.columns if column is not seats.autoincrement_column]
insert_within_limits = Statement(
    insert(seats)
    .from_select(
        [column.name for column in _columns],
        select(*(bindparam(column.name, type_=column.type) for column in _columns)).where(
            _takings < MAX_TAKINGS, ~accounts.IS_SPENT
        ),
    )
    .returning(seats.c.id)
)
"""Takes a value for each column, `since`, and what `accounts.IS_SPENT` takes. Gives no row beyond a limit."""


def terms_of(visitor: Visitor, host: str, secret: bytes, settings: Settings) -> Terms:
    """Return the terms of the visitor at that client address."""
    return Terms(
        visitor.is_confirmed or not settings.confirms_email,
        accounts.seat_limit(secret, host, settings.max_seats_of_address),
    )


def admit_unconfirmed(connection: Connection, person_id: int) -> bool:
    """Return whether the address is unconfirmed still. Raises AddressNotConfirmed where such an account has its seats.

    The person's row stays locked: seats that they take at the same time, of any process, are counted one by one.
    """
    if not accounts.lock_unconfirmed(connection, person_id):
        return False
    if queries.count_live(connection, person_id) >= MAX_UNCONFIRMED_SEATS:
        accounts.require_confirmed(
            connection, person_id, f"Until then you can have {MAX_UNCONFIRMED_SEATS} seats at a time."
        )
    return True


def since(connection: Connection) -> Milliseconds:
    """Return from when on takings are counted."""
    return connection.now - DAY


def refusal(connection: Connection, person_id: int, event_id: int, terms: Terms) -> TooMany:
    """Return why the seat was not inserted, and when it can be taken."""
    if terms.address is not None:
        end = accounts.spent_until(connection, terms.address)
        if end is not None:
            return accounts.too_many("Too many seats were taken from your network.", end - connection.now)
    first: Milliseconds = connection.value(
        _first_taking, person_id=person_id, event_id=event_id, since=since(connection)
    )
    return accounts.too_many(
        f"You have taken a seat at this event {MAX_TAKINGS} times in 24 hours.",
        first + DAY - connection.now,
    )
