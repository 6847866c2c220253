"""The tokens of links in emails: signed instead of stored.

A token is `<person>-<until>-<signature>`. Its signature also covers a value of the account (its email address, or the
hash of its password), so the link expires when that value changes. Sent emails hold such links: the format is frozen.
"""

import hmac
import re
from dataclasses import dataclass

from festgate.kit.clock import Milliseconds
from festgate.kit.ids import keyed_hash

SIGNATURE_LENGTH = 32
_TOKEN = re.compile(rf"([1-9][0-9]{{0,17}})-([1-9][0-9]{{0,15}})-([0-9a-f]{{{SIGNATURE_LENGTH}}})")


@dataclass(frozen=True, slots=True)
class SignedToken:
    """The parts of a token as it arrived; nothing of it is verified yet."""

    person_id: int
    until: Milliseconds
    signature: str

    def is_valid(self, secret: bytes, purpose: str, value: str, now: Milliseconds) -> bool:
        """Return whether the token was signed for this purpose and value of the account, and has not expired."""
        expected = _sign(secret, purpose, self.person_id, self.until, value)
        return hmac.compare_digest(expected, self.signature) and now < self.until


def make_token(secret: bytes, purpose: str, person_id: int, until: Milliseconds, value: str) -> str:
    """Return the token that a link ends with."""
    return f"{person_id}-{until}-{_sign(secret, purpose, person_id, until, value)}"


def parse_token(text: str) -> SignedToken | None:
    """Return the parts of a token; None if the text is not one."""
    match = _TOKEN.fullmatch(text)
    return None if match is None else SignedToken(int(match[1]), int(match[2]), match[3])


def proof_of(secret: bytes, token: str) -> str:
    """Return a digest that a queued email keeps to check that its link is unchanged; it does not reveal the link."""
    return keyed_hash(secret, "a link that waits in the mail queue", token)


def _sign(secret: bytes, purpose: str, person_id: int, until: Milliseconds, value: str) -> str:
    return keyed_hash(secret, purpose, f"{person_id}\0{until}\0{value}")[:SIGNATURE_LENGTH]
