"""How many seats are taken from one client address.

Every seat in a rush is checked, so the check is a condition of the statement that takes the seat, and only one seat in
`STEP` is counted, for as many: counting each cost 8 % of registering.
"""

from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import bindparam, case, select, update

from festgate.accounts.attempts import WINDOW, network_of
from festgate.accounts.tables import attempts
from festgate.kit.clock import Milliseconds
from festgate.kit.ids import keyed_hash
from festgate.kit.statements import Connection, Statement, TryAgain, UniqueViolation, inserting

STEP = 16
COUNTED_ONE_BY_ONE = 1_000
"""A limit below this is counted seat by seat: steps would be a large part of it."""


@dataclass(frozen=True, slots=True)
class SeatLimit:
    """At most `most` seats under one key in `WINDOW`; each `step`-th is counted, as that many."""

    key: str
    most: int
    step: int


IS_SPENT = (
    select(attempts.c.key)
    .where(
        attempts.c.key == bindparam("address_key"),
        attempts.c.count >= bindparam("address_most"),
        attempts.c.window_ends_at > bindparam("now"),
    )
    .exists()
)
"""A condition of a statement that takes `address_key`, `address_most` and `now`: no more seats for that address."""

_over = attempts.c.window_ends_at <= bindparam("now")
_add = Statement(
    update(attempts)
    .where(attempts.c.key == bindparam("counted"))
    .values(
        count=case((_over, bindparam("step")), else_=attempts.c.count + bindparam("step")),
        window_ends_at=case((_over, bindparam("end")), else_=attempts.c.window_ends_at),
    )
)
_insert = inserting(attempts)
_end = Statement(
    select(attempts.c.window_ends_at).where(
        attempts.c.key == bindparam("counted"),
        attempts.c.count >= bindparam("most"),
        attempts.c.window_ends_at > bindparam("now"),
    )
)


@lru_cache(maxsize=4096)
def seat_limit(secret: bytes, host: str, most: int) -> SeatLimit:
    """Return the limit of that address: a host, or for IPv6 its network. Kept, since the key takes 8 us to make."""
    key = keyed_hash(secret, "seats of an address", network_of(host))
    return SeatLimit(key, most, STEP if most >= COUNTED_ONE_BY_ONE else 1)


def count_seat(connection: Connection, limit: SeatLimit, seat_id: int) -> None:
    """Count a seat that was taken from that address, if it is one of those that are counted."""
    if seat_id % limit.step:
        return
    end = connection.now + WINDOW
    if connection.run(_add, counted=limit.key, step=limit.step, now=connection.now, end=end):
        return
    try:
        connection.run(_insert, key=limit.key, count=limit.step, window_ends_at=end)
    except UniqueViolation as error:  # another process has counted its first seat in the same instant
        raise TryAgain from error


def spent_until(connection: Connection, limit: SeatLimit) -> Milliseconds | None:
    """Return when the address may take seats again; None while it may."""
    end: Milliseconds | None = connection.value(_end, counted=limit.key, most=limit.most, now=connection.now)
    return end
