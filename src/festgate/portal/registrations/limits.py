"""How often one account may take seats, and on which terms it holds them.

One person has one live seat at an event, and takes at most `MAX_TAKINGS` at each event in a day. That bounds holds that
are renewed for ever, and the emails of register-and-cancel rounds. Seats are counted while the event's count is
locked, so that it holds across processes. Somebody's first seat at an event, which is what a rush consists of, is not
counted.

An account whose email address is not confirmed costs nothing to make. It holds seats for minutes, and few at a time.
"""

from dataclasses import dataclass

from sqlalchemy import bindparam, func, select

from festgate.kit.clock import DAY
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.visitors import Visitor
from festgate.portal.accounts import facade as accounts
from festgate.portal.registrations import queries
from festgate.portal.registrations.tables import seats
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
    is_first: bool = False
    """They had no seat at the event a moment ago, when the page looked: there is nothing to count."""


UNLIMITED = Terms()

_takings = Statement(
    select(func.count(), func.min(seats.c.taken_at)).where(
        seats.c.person_id == bindparam("person"),
        # `+ 0` keeps SQLite from the index over events: a person has had few seats, an event many.
        seats.c.event_id + 0 == bindparam("event"),
        seats.c.taken_at > bindparam("since"),
    )
)


def terms_of(visitor: Visitor, address: accounts.SeatLimit, settings: Settings, *, is_first: bool) -> Terms:
    """Return the terms of the visitor at that client address."""
    return Terms(visitor.is_confirmed or not settings.confirms_email, address, is_first)


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


def check_takings(connection: Connection, person_id: int, event_id: int) -> None:
    """Raise TooMany where the person has taken as many seats at the event as one may in a day.

    Called while the event's count is locked: nobody takes another seat at it before this transaction ends.
    """
    since = connection.now - DAY
    count, first = connection.all(_takings, person=person_id, event=event_id, since=since)[0]
    if count >= MAX_TAKINGS:
        sentence = f"You have taken a seat at this event {MAX_TAKINGS} times in 24 hours."
        raise accounts.too_many(sentence, first - since)
