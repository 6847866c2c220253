"""Limits on attempts and on seats from one client address, counted in the database for all processes together.

An attempt is counted before the password is checked, and uncounted when the password is right. Counting failures
afterwards would admit everything that arrives while the first password is still being hashed.
"""

import ipaddress
from dataclasses import dataclass

from sqlalchemy import bindparam, case, delete, or_, select, update

from festgate.kit.clock import HOUR, MINUTE, SECOND, Milliseconds
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.errors import TooMany
from festgate.kit.ids import keyed_hash
from festgate.kit.translation import N_, gettext, ngettext
from festgate.portal.accounts.names import key_of
from festgate.portal.accounts.tables import attempts

WINDOW = 15 * MINUTE
"""The time from the first counted attempt; after it the count starts again."""
NETWORK_BITS = 64
"""The prefix of an IPv6 address that is counted: a client with one address has its whole network."""
NETWORKS = 10
"""The limit of an account from all networks together, as a multiple of the limit from one network."""
SEAT_STEP = 16
"""With a generous limit on seats, only every 16th seat is counted, with that weight: a statement for each seat would
cost more than 3 % of a registration. The limit is then exact to within as many seats of each worker."""
MIN_STEPPED_LIMIT = 1_000
"""A limit on seats below this counts every seat: steps would be a large part of it."""
MAX_REMEMBERED = 10_000
"""Client addresses whose limits on seats one process remembers."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The maximum number of attempts under one key in one window."""

    key: str
    maximum: int
    sentence: str = ""
    """The reason that the visitor reads when the limit is reached."""
    window: Milliseconds = WINDOW
    advice: str = ""
    """A sentence about what the visitor can do instead of waiting."""


class AccountGuarded(TooMany):
    """Too many failed sign-ins to one account, perhaps by a guesser; its owner can still sign in by other ways."""

    title = N_("Too many failed sign-ins")
    actions = ((N_("Get a link by email"), "/forgot"), (N_("Sign in"), "/login"))


_over = attempts.c.window_ends_at <= bindparam("now")
_count = Statement(
    update(attempts)
    .where(
        attempts.c.key == bindparam("counted"),
        or_(_over, attempts.c.count + bindparam("step") <= bindparam("maximum")),
    )
    .values(
        count=case((_over, bindparam("step")), else_=attempts.c.count + bindparam("step")),
        window_ends_at=case((_over, bindparam("end")), else_=attempts.c.window_ends_at),
    )
)
_window = Statement(select(attempts.c.window_ends_at).where(attempts.c.key == bindparam("counted")))
_insert = inserting(attempts)
_uncount = Statement(
    update(attempts)
    .where(attempts.c.key == bindparam("counted"), attempts.c.count > 0)
    .values(count=attempts.c.count - 1)
)
_clear = Statement(delete(attempts).where(attempts.c.key == bindparam("counted")))
_forget = Statement(delete(attempts).where(_over))


def sign_in_limits(
    secret: bytes, name: str, person: int | None, host: str, maximum: int, device: str | None = None
) -> list[Limit]:
    """Return the limits on failed sign-ins to one account, whether or not it exists.

    The person's username and email address count together. A known browser (devices.py) has a count of its own, and
    only that one. Any other browser is counted with its network, and all networks together: one guesser does not lock
    the owner out elsewhere, and many guessers together get at most `NETWORKS` times `maximum`.
    """
    account = f"name {key_of(name)}" if person is None else f"person {person}"
    if device is not None:
        key = keyed_hash(secret, "attempts of a device", f"{account}\0{device}")
        sentence = gettext("Too many failed sign-ins in this browser.")
        by_email = gettext("You can also get a link by email to choose a new password.")
        return [Limit(key, maximum, sentence, advice=by_email)]
    key = keyed_hash(secret, "attempts of an account from a network", f"{account}\0{network_of(host)}")
    key_of_all = keyed_hash(secret, "attempts of an account", account)
    here = gettext("Too many failed sign-ins for this account from your network.")
    everywhere = gettext("Too many failed sign-ins for this account.")
    advice = gettext(
        "Browsers in which you signed in before still work. "
        "You can also get a link by email to choose a new password."
    )
    return [
        Limit(key, maximum, here, advice=advice),
        Limit(key_of_all, maximum * NETWORKS, everywhere, advice=advice),
    ]


def address_limit(secret: bytes, host: str, maximum: int) -> Limit:
    """Return the limit on failed sign-ins and new accounts from one client address: a host, or an IPv6 network."""
    sentence = gettext("Too many attempts from your network.")
    return Limit(keyed_hash(secret, "attempts of an address", network_of(host)), maximum, sentence)


def count_attempt(connection: Connection, limit: Limit) -> None:
    """Count one attempt; if the limit is reached, count nothing and raise TooMany."""
    window_ends_at = add_to_count(connection, limit.key, 1, limit.maximum, limit.window)
    if window_ends_at is None:
        return
    refusal = too_many(limit.sentence, window_ends_at - connection.now)
    if limit.advice:
        msg = f"{refusal.message} {limit.advice}"
        raise AccountGuarded(msg, refusal.retry_after)
    raise refusal


def add_to_count(
    connection: Connection, key: str, step: int, maximum: int, window: Milliseconds
) -> Milliseconds | None:
    """Add `step` to the count under the key; if it would exceed `maximum`, add nothing and return the window's end."""
    now = connection.now
    if connection.run(_count, counted=key, step=step, maximum=maximum, now=now, end=now + window):
        return None
    window_ends_at: Milliseconds | None = connection.value(_window, counted=key)
    if window_ends_at is None:
        try:
            connection.run(_insert, key=key, count=step, window_ends_at=now + window)
        except UniqueViolation as error:
            # Another process has just counted its first attempt.
            raise TryAgain from error
    return window_ends_at


def too_many(sentence: str, wait: Milliseconds) -> TooMany:
    """Return the error with the reason `sentence` and the time to wait."""
    count = -(-wait // (HOUR if wait > 2 * HOUR else MINUTE))
    if wait > 2 * HOUR:
        again = ngettext("Try again in {count} hour.", "Try again in {count} hours.", count)
    else:
        again = ngettext("Try again in {count} minute.", "Try again in {count} minutes.", count)
    return TooMany(f"{sentence} {again.format(count=count)}", -(-wait // SECOND))


def uncount_attempt(connection: Connection, limit: Limit) -> None:
    """Take one attempt off the count: it was right, and only failures are limited."""
    connection.run(_uncount, counted=limit.key)


def clear(connection: Connection, limit: Limit) -> None:
    """Set the count back to zero."""
    connection.run(_clear, counted=limit.key)


def forget_windows(connection: Connection) -> None:
    """Delete the counts whose window is over."""
    connection.run(_forget, now=connection.now)


def network_of(host: str) -> str:
    """Return the network that a client address counts under: an IPv4 address, or the network of an IPv6 one.

    Other text is returned unchanged.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), NETWORK_BITS), strict=False))


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
        self._step = SEAT_STEP if max_seats >= MIN_STEPPED_LIMIT else 1
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
        raise _too_many_seats(limit, connection.now)


def count_seat(connection: Connection, limit: SeatLimit, seat_id: int) -> None:
    """Count a seat that was taken, if it is one of those that are counted. Raises TooMany."""
    if seat_id % limit.step:
        return
    window_ends_at = add_to_count(connection, limit.key, limit.step, limit.max_seats, WINDOW)
    if window_ends_at is not None:
        limit.spent_until = window_ends_at
        raise _too_many_seats(limit, connection.now)


def _too_many_seats(limit: SeatLimit, now: Milliseconds) -> TooMany:
    return too_many(gettext("Too many seats were taken from your network."), limit.spent_until - now)
