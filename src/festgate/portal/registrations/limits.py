"""Limits on the seats that one account takes.

A person has as many live seats at an event as the organiser allows, usually one, and takes at most `MAX_TAKINGS` times
that number at each event in a day. That limits holds that
are renewed for ever, and the emails about registering and cancelling again and again. Seats are counted while the
event's count is locked, so the limit holds across processes. The first seat at an event is not counted: a rush consists
of first seats.

An account with an unconfirmed email address costs nothing to make. It holds few seats at a time, each for minutes.
"""

from dataclasses import dataclass

from festgate.kit.clock import DAY
from festgate.kit.db.statements import Connection
from festgate.kit.translation import gettext
from festgate.kit.visitors import Visitor
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import guest_queries, queries
from festgate.settings import Settings

MAX_TAKINGS = 5
"""How often a person may take all seats that one person can have at an event, in a day: enough for some ended holds."""
MAX_UNCONFIRMED_SEATS = 3
"""Live seats of an account with an unconfirmed email address."""
UNCONFIRMED_HOLD_MINUTES = accounts.UNCONFIRMED_HOLD_MINUTES


@dataclass(frozen=True, slots=True)
class Terms:
    """The facts about a person who takes a seat that the limits depend on."""

    is_confirmed: bool = True
    """Whether the email address is confirmed, or need not be."""
    address: accounts.SeatLimit | None = None
    """The limit of the client address."""
    is_first: bool = False
    """Whether the person had no seat at the event when the page was read, so that there is nothing to count."""
    is_guest: bool = False
    """Whether the person buys without an account: the limits count all purchases with the email address."""


UNLIMITED = Terms()


def terms_of(visitor: Visitor, address: accounts.SeatLimit, settings: Settings, *, is_first: bool) -> Terms:
    """Return the terms of the visitor at that client address."""
    confirmed = visitor.is_confirmed or not settings.confirms_email
    return Terms(confirmed, address, is_first and not visitor.is_guest, visitor.is_guest)


def admit_unconfirmed(
    connection: Connection, person_id: int, count: int, guest_key: str | None = None
) -> bool:
    """Return whether the address is unconfirmed. Raises AddressNotConfirmed if `count` seats more are too many.

    The person's row stays locked, so that seats that are taken at the same time, in any process, are counted in turn.
    For a guest, with the key of the email address, all purchases with the address count.
    """
    if not accounts.lock_unconfirmed(connection, person_id):
        return False
    live = (
        queries.count_live(connection, person_id)
        if guest_key is None
        else guest_queries.count_live_of_guest(connection, guest_key)
    )
    if live + count > MAX_UNCONFIRMED_SEATS:
        alternative = gettext("Until then you can have {count} seats at a time.")
        accounts.require_confirmed(connection, person_id, alternative.format(count=MAX_UNCONFIRMED_SEATS))
    return True


def check_takings(
    connection: Connection,
    person_id: int,
    event: catalogue.Sellable,
    count: int,
    guest_key: str | None = None,
) -> None:
    """Raise TooMany if `count` seats more at the event are too many for the person in a day.

    The event's count has to be locked, so that no other seat is taken before this transaction ends.
    """
    since = connection.now - DAY
    taken, first = (
        queries.count_takings(connection, person_id, event.id, since)
        if guest_key is None
        else guest_queries.count_takings_of_guest(connection, guest_key, event.id, since)
    )
    # As many times as somebody may take all seats that one person, or the team, can have.
    if taken + count > MAX_TAKINGS * max(event.max_per_person, count):
        sentence = gettext("You have taken a seat at this event {count} times in 24 hours.")
        raise accounts.too_many(sentence.format(count=taken), first - since)
