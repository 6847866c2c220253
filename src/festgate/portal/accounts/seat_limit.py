"""The limit on seats that are taken from one client address in a quarter of an hour.

The count is in the database, so all processes count together. If the limit is generous, only each `STEP`-th seat is
counted, with a weight of `STEP`: a statement for each seat would cost more than 3 % of a registration. Such a limit is
exact to within `STEP` seats of each worker; one below `COUNTED_ONE_BY_ONE` is exact.
"""

from dataclasses import dataclass

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.errors import TooMany
from festgate.kit.ids import keyed_hash
from festgate.kit.translation import gettext
from festgate.portal.accounts.attempts import WINDOW, add_to_count, network_of, too_many

STEP = 16
COUNTED_ONE_BY_ONE = 1_000
"""A limit below this counts every seat: steps would be a large part of it."""
MAX_REMEMBERED = 10_000


@dataclass(slots=True)
class SeatLimit:
    """The maximum number of seats under one key in `WINDOW`; each `step`-th seat is counted with that weight."""

    key: str
    max_seats: int
    step: int
    spent_until: Milliseconds = 0
    """Until then this process refuses without asking the database: the limit was reached at the last count."""


class SeatLimits:
    """The limits of all client addresses in one process."""

    def __init__(self, secret: bytes, max_seats: int) -> None:
        """Take the `secret` that keys the hashes under which seats are counted."""
        self._secret = secret
        self._max_seats = max_seats
        self._step = STEP if max_seats >= COUNTED_ONE_BY_ONE else 1
        self._limits: dict[str, SeatLimit] = {}

    def of(self, host: str) -> SeatLimit:
        """Return the limit of that address: a host, or for IPv6 its network."""
        limit = self._limits.get(host)
        if limit is None:
            if len(self._limits) >= MAX_REMEMBERED:
                self._limits.clear()
            key = keyed_hash(self._secret, "seats of an address", network_of(host))
            limit = self._limits[host] = SeatLimit(key, self._max_seats, self._step)
        return limit


def check_seats(connection: Connection, limit: SeatLimit) -> None:
    """Raise TooMany if the address is known to have taken all its seats."""
    if connection.now < limit.spent_until:
        raise _refusal(limit, connection.now)


def count_seat(connection: Connection, limit: SeatLimit, seat_id: int) -> None:
    """Count a seat that was taken, if it is one of those that are counted. Raises TooMany."""
    if seat_id % limit.step:
        return
    window_ends_at = add_to_count(connection, limit.key, limit.step, limit.max_seats, WINDOW)
    if window_ends_at is not None:
        limit.spent_until = window_ends_at
        raise _refusal(limit, connection.now)


def _refusal(limit: SeatLimit, now: Milliseconds) -> TooMany:
    return too_many(gettext("Too many seats were taken from your network."), limit.spent_until - now)
