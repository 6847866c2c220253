"""The device cookie: it lets an account's owner sign in while others guess the password.

The cookie is signed with the fest's secret over the person, the time, a random number, and the hash of the password,
so a new password invalidates all of them and nothing has to be stored. It does not open a session: it gives the browser
a count of failed sign-ins of its own (attempts.py), which nobody else can use up.
"""

import hmac
import re
import secrets

from festgate.kit.clock import DAY, Milliseconds
from festgate.kit.ids import keyed_hash
from festgate.portal.accounts.signed_links import SIGNATURE_LENGTH

DEVICE_LIFE = 180 * DAY
MAX_PEOPLE = 3
"""People whose sign-ins one browser remembers: a family may share a computer, and the cookie stays short."""
_ENTRY = re.compile(
    rf"([1-9][0-9]{{0,17}})-([1-9][0-9]{{0,15}})-([0-9a-f]{{16}})-([0-9a-f]{{{SIGNATURE_LENGTH}}})"
)
MAX_COOKIE = MAX_PEOPLE * 100
"""Characters; a longer cookie is not one that the portal has set."""


def remember(cookie: str, secret: bytes, person: int, password_hash: str, now: Milliseconds) -> str:
    """Return the device cookie with a new entry for that person first, and the latest entries of others."""
    nonce = secrets.token_hex(8)
    entry = f"{person}-{now}-{nonce}-{_signature(secret, person, now, nonce, password_hash)}"
    others = [other for other in _entries(cookie) if not other.startswith(f"{person}-")]
    return ".".join([entry, *others[: MAX_PEOPLE - 1]])


def find_device(cookie: str, secret: bytes, person: int, password_hash: str, now: Milliseconds) -> str | None:
    """Return the device's name if the person has signed in there with this password; else None."""
    for entry in _entries(cookie):
        match = _ENTRY.fullmatch(entry)
        if match is None or int(match[1]) != person:
            continue
        issued, nonce = int(match[2]), match[3]
        expected = _signature(secret, person, issued, nonce, password_hash)
        if hmac.compare_digest(expected, match[4]) and issued <= now < issued + DEVICE_LIFE:
            return nonce
    return None


def _entries(cookie: str) -> list[str]:
    return cookie.split(".") if cookie and len(cookie) <= MAX_COOKIE else []


def _signature(secret: bytes, person: int, issued: Milliseconds, nonce: str, password_hash: str) -> str:
    text = f"{person}\0{issued}\0{nonce}\0{password_hash}"
    return keyed_hash(secret, "a browser that has signed in", text)[:SIGNATURE_LENGTH]
