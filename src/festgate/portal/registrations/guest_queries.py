"""Reads of the seats of all purchases with one guest's email address."""

from sqlalchemy import bindparam, func, select

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.portal.registrations.tables import (
    LIVE,
    LIVE_NOW,
    seats,
)

# For guests: the seats of all purchases with one email address.
_OF_GUEST = seats.c.guest_key == bindparam("guest")
_takings_of_guest = Statement(
    select(func.count(), func.min(seats.c.taken_at)).where(
        _OF_GUEST, seats.c.event_id + 0 == bindparam("event"), seats.c.taken_at > bindparam("since")
    )
)
_count_live_of_guest = Statement(select(func.count()).where(_OF_GUEST, LIVE_NOW))
_slots_of_guest = Statement(
    select(seats.c.slot).where(LIVE, seats.c.event_id == bindparam("event"), _OF_GUEST).order_by(seats.c.slot)
)
_codes_of_guest = Statement(select(func.count()).where(LIVE, _OF_GUEST, seats.c.code_id == bindparam("code")))


def count_takings_of_guest(
    connection: Connection, guest_key: str, event_id: int, since: Milliseconds
) -> tuple[int, Milliseconds]:
    """Return what `count_takings` does for all purchases with a guest's email address."""
    count, first = connection.all(_takings_of_guest, guest=guest_key, event=event_id, since=since)[0]
    return count, first or 0


def count_live_of_guest(connection: Connection, guest_key: str) -> int:
    """Return how many held and confirmed seats all purchases with a guest's email address have."""
    return int(connection.value(_count_live_of_guest, guest=guest_key, now=connection.now))


def slots_of_guest(connection: Connection, guest_key: str, event_id: int) -> set[int]:
    """Return what `used_slots` does for all purchases with a guest's email address."""
    return {slot for (slot,) in connection.all(_slots_of_guest, guest=guest_key, event=event_id)}


def count_uses_of_guest(connection: Connection, guest_key: str, code_id: int) -> int:
    """Return how many seats all purchases with a guest's email address have with the promo code."""
    return int(connection.value(_codes_of_guest, guest=guest_key, code=code_id))
