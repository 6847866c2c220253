"""A forgotten password: a letter with a link that is good for an hour, and once.

Nothing is kept of a link. It is signed with the fest's secret over whose it is, when it ends, and the hash of the
password that it is to replace: once that is another, by this link or any other way, the signature fits no more.
"""

import hmac
import re
from dataclasses import dataclass

from festgate.accounts.attempts import Limit, count_attempt
from festgate.accounts.people import replace_hash
from festgate.accounts.queries import Person, find_person, hash_by_id, person_by_id
from festgate.accounts.sessions import end_sessions
from festgate.kit import mail
from festgate.kit.clock import HOUR, Milliseconds
from festgate.kit.errors import NotFound, Refused, TooMany
from festgate.kit.ids import keyed_hash
from festgate.kit.statements import Connection
from festgate.settings import Settings

LIFE = HOUR
MOST_LETTERS = 3
"""To one account in one window of attempts: who asks again has not found the first; who asks on annoys somebody."""
SIGNATURE_LENGTH = 32
_TOKEN = re.compile(rf"([1-9][0-9]{{0,17}})-([1-9][0-9]{{0,15}})-([0-9a-f]{{{SIGNATURE_LENGTH}}})")


class LinkOver(Refused):
    """A link that sets a password, used already, too old, or never sent."""

    status = 410
    code = "link-over"
    title = "This link is over"
    message = "It works once, and for an hour. Ask for another if you still want a new password."
    actions = (("Ask for another", "/forgot"), ("Sign in", "/login"))


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody who has read a letter to that person, and the hash of the password that they may replace."""

    person: Person
    password_hash: str


def send_link(connection: Connection, name: str, address: Limit, secret: bytes, settings: Settings) -> None:
    """Post a letter to the person of that username or e-mail address, if there is one: the asker is told neither.

    TooMany when `address` has asked too often. An account that was sent several letters a moment ago gets no other.
    """
    count_attempt(connection, address)
    person = find_person(connection, name)
    if person is None:
        return
    key = keyed_hash(secret, "letters about a password", str(person.id))
    try:
        count_attempt(connection, Limit(key, MOST_LETTERS, "Too many letters."))
    except TooMany:
        return
    until = connection.now + LIFE
    token = write_token(secret, Claim(person, hash_by_id(connection, person.id)), until)
    text = (
        f"Hello {person.username},\n\n"
        f"somebody, you we hope, wants a new password for your account at {settings.fest_name}. "
        "Choose it here within an hour:\n\n"
        f"{settings.base_url}/reset?token={token}\n\n"
        "If it was not you, there is nothing to do: your password stays as it is. Give the link to nobody.\n\n"
        f"{settings.fest_name}\n"
    )
    # After an opening thousands of letters may wait, and this one is soon of no use.
    mail.post(connection, f"password:{person.id}:{until}", person.email, "A new password", text, ahead=LIFE)


def write_token(secret: bytes, claim: Claim, until: Milliseconds) -> str:
    """What the link ends with."""
    return f"{claim.person.id}-{until}-{_signature(secret, claim, until)}"


def read_token(connection: Connection, secret: bytes, token: str) -> Claim:
    """Whose password may be replaced. Raises LinkOver."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise LinkOver
    person, until = int(found[1]), int(found[2])
    try:
        claim = Claim(person_by_id(connection, person), hash_by_id(connection, person))
    except NotFound:
        raise LinkOver from None
    if not hmac.compare_digest(_signature(secret, claim, until), found[3]) or connection.now >= until:
        raise LinkOver
    return claim


def use_token(connection: Connection, claim: Claim, password_hash: str) -> None:
    """The new password takes the place of the old one, and whoever is signed in as that person is so no more.

    LinkOver where the password is another one already.
    """
    if not replace_hash(connection, claim.person.id, claim.password_hash, password_hash):
        raise LinkOver
    end_sessions(connection, claim.person.id)


def _signature(secret: bytes, claim: Claim, until: Milliseconds) -> str:
    text = f"{claim.person.id}\0{until}\0{claim.password_hash}"
    return keyed_hash(secret, "a link that sets a password", text)[:SIGNATURE_LENGTH]
