"""How often somebody may try: counted in the database, so that all processes count together.

An attempt is counted before the password is looked at, and given back when it turns out well. Counting failures
afterwards would let everything through that arrives while the first password is still being hashed.
"""

import ipaddress
from dataclasses import dataclass

from sqlalchemy import bindparam, case, delete, or_, select, update

from festgate.kit.clock import HOUR, MINUTE, SECOND, Milliseconds
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.errors import TooMany
from festgate.kit.ids import keyed_hash
from festgate.kit.translation import N_
from festgate.portal.accounts.names import key_of
from festgate.portal.accounts.tables import attempts

WINDOW = 15 * MINUTE
"""From the first attempt that is counted; after it the count begins again."""
NETWORK_BITS = 64
"""Of an IPv6 address: whoever has one has all those of its network."""
NETWORKS = 10
"""How many times the limit of one network an account may have from all networks together."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many attempts under one key in one window; the sentence is for whoever goes beyond."""

    key: str
    most: int
    sentence: str
    window: Milliseconds = WINDOW
    """From the first attempt that is counted."""
    advice: str = ""
    """What else can be done than wait: one sentence."""


class AccountGuarded(TooMany):
    """Somebody may be guessing this account's password; its owner has other ways in."""

    title = N_("Too many failed sign-ins")
    actions = ((N_("Get a link by email"), "/forgot"), (N_("Sign in"), "/login"))


_over = attempts.c.window_ends_at <= bindparam("now")
_count = Statement(
    update(attempts)
    .where(attempts.c.key == bindparam("counted"), or_(_over, attempts.c.count < bindparam("most")))
    .values(
        count=case((_over, 1), else_=attempts.c.count + 1),
        window_ends_at=case((_over, bindparam("end")), else_=attempts.c.window_ends_at),
    )
)
_window = Statement(select(attempts.c.window_ends_at).where(attempts.c.key == bindparam("counted")))
_insert = inserting(attempts)
_give_back = Statement(
    update(attempts)
    .where(attempts.c.key == bindparam("counted"), attempts.c.count > 0)
    .values(count=attempts.c.count - 1)
)
_clear = Statement(delete(attempts).where(attempts.c.key == bindparam("counted")))
_forget = Statement(delete(attempts).where(_over))


def sign_in_limits(
    secret: bytes, name: str, person: int | None, host: str, most: int, device: str | None = None
) -> list[Limit]:
    """Return the limits on failed sign-ins to one account, whether or not there is such an account.

    The person's username and email address count together. A browser that is known (devices.py) has a count of its own,
    which is the only one. Any other is counted with its network, and the networks are counted together: one guesser
    keeps nobody out elsewhere, and many guessers together still get no more than `NETWORKS` times `most`.
    """
    account = f"name {key_of(name)}" if person is None else f"person {person}"
    if device is not None:
        sentence = "Too many failed sign-ins in this browser."
        return [
            Limit(
                keyed_hash(secret, "attempts of a device", f"{account}\0{device}"),
                most,
                sentence,
                advice=_LINK,
            )
        ]
    place = f"{account}\0{network_of(host)}"
    return [
        Limit(
            keyed_hash(secret, "attempts of an account from a network", place),
            most,
            "Too many failed sign-ins for this account from your network.",
            advice=_KNOWN,
        ),
        Limit(
            keyed_hash(secret, "attempts of an account", account),
            most * NETWORKS,
            "Too many failed sign-ins for this account.",
            advice=_KNOWN,
        ),
    ]


_LINK = "You can also get a link by email to choose a new password."
_KNOWN = f"Browsers in which you signed in before still work. {_LINK}"


def address_limit(secret: bytes, host: str, most: int) -> Limit:
    """Failed sign-ins and new accounts from one address: a host, or for IPv6 its network."""
    sentence = "Too many attempts from your network."
    return Limit(keyed_hash(secret, "attempts of an address", network_of(host)), most, sentence)


def count_attempt(connection: Connection, limit: Limit) -> None:
    """Count one attempt; TooMany, and nothing counted, when the limit is reached."""
    now = connection.now
    if connection.run(_count, counted=limit.key, most=limit.most, now=now, end=now + limit.window) == 1:
        return
    window_ends_at = connection.value(_window, counted=limit.key)
    if window_ends_at is not None:
        refusal = too_many(limit.sentence, window_ends_at - now)
        if limit.advice:
            msg = f"{refusal.message} {limit.advice}"
            raise AccountGuarded(msg, refusal.retry_after)
        raise refusal
    try:
        connection.run(_insert, key=limit.key, count=1, window_ends_at=now + limit.window)
    except UniqueViolation as error:
        # Another process counted its first attempt in the same instant.
        raise TryAgain from error


def too_many(sentence: str, wait: Milliseconds) -> TooMany:
    """Return the refusal with that sentence, which also says when to try again: in `wait`."""
    span, unit = (HOUR, "hour") if wait > 2 * HOUR else (MINUTE, "minute")
    count = -(-wait // span)
    return TooMany(f"{sentence} Try again in {count} {unit}{'' if count == 1 else 's'}.", -(-wait // SECOND))


def give_back(connection: Connection, limit: Limit) -> None:
    """One attempt less: it was none that is limited."""
    connection.run(_give_back, counted=limit.key)


def clear(connection: Connection, limit: Limit) -> None:
    """Begin to count from nothing."""
    connection.run(_clear, counted=limit.key)


def forget_windows(connection: Connection) -> None:
    """Drop the counts whose window is over."""
    connection.run(_forget, now=connection.now)


def network_of(host: str) -> str:
    """What counts as one address: an IPv4 address, or the network of an IPv6 address; other text as it is."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), NETWORK_BITS), strict=False))
