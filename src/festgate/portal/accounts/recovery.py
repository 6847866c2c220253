"""A forgotten password: an email with a link that is good for an hour, and once.

Nothing is kept of a link. It is signed with the fest's secret over whose it is, when it ends, and the hash of the
password that it is to replace: once that is another, by this link or any other way, the signature fits no more.
"""

import hmac
import re
from dataclasses import dataclass

from festgate.kit.clock import DAY, HOUR, Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound, Refused, TooMany
from festgate.kit.ids import keyed_hash
from festgate.kit.messaging import mail
from festgate.kit.messaging.mail_links import Link
from festgate.kit.translation import N_
from festgate.portal.accounts.attempts import Limit, count_attempt
from festgate.portal.accounts.confirmation import confirm_address, proof_of
from festgate.portal.accounts.people import replace_hash
from festgate.portal.accounts.queries import Person, find_person, hash_by_id, person_by_id
from festgate.portal.accounts.sessions import end_sessions
from festgate.settings import Settings

LIFE = HOUR
MAX_EMAILS = 3
"""To one account in one window of attempts: who asks again has not found the first; who asks on annoys somebody."""
MAX_LINKS_A_DAY = 10
"""To one account: three in every window would be 288 emails a day to somebody who never asked."""
LINK_KIND = "accounts.password"
SIGNATURE_LENGTH = 32
_TOKEN = re.compile(rf"([1-9][0-9]{{0,17}})-([1-9][0-9]{{0,15}})-([0-9a-f]{{{SIGNATURE_LENGTH}}})")


class LinkOver(Refused):
    """A link that sets a password, used already, too old, or never sent."""

    status = 410
    code = "link-over"
    title = N_("This link has expired")
    message = N_("The link works once and for one hour. Request a new one to choose a new password.")
    actions = ((N_("Request a new link"), "/forgot"), (N_("Sign in"), "/login"))


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody who has read an email to that person, and the hash of the password that they may replace."""

    person: Person
    password_hash: str


def send_link(connection: Connection, name: str, address: Limit, secret: bytes, settings: Settings) -> None:
    """Queue an email to the person of that username or email address, if there is one: the visitor learns neither.

    TooMany when `address` has asked too often. An account that was sent several emails a moment ago, or many in a day,
    gets no other. The queue does not hold the link itself, which would let its reader into the account.
    """
    count_attempt(connection, address)
    person = find_person(connection, name)
    if person is None:
        return
    key = keyed_hash(secret, "letters about a password", str(person.id))
    try:
        count_attempt(connection, Limit(key, MAX_EMAILS, "Too many emails."))
        count_attempt(connection, Limit(f"{key}:day", MAX_LINKS_A_DAY, "Too many emails.", DAY))
    except TooMany:
        return
    until = connection.now + LIFE
    token = write_token(secret, Claim(person, hash_by_id(connection, person.id)), until)
    link = Link(LINK_KIND, (person.id, until, proof_of(secret, token)))
    text = (
        f"Hello {person.username},\n\n"
        f"we received a request to reset the password of your account at {settings.fest_name}. "
        "Choose a new password here within one hour:\n\n"
        f"{link}\n\n"
        "If you did not ask for this, ignore this email: your password stays the same. Do not share the link.\n\n"
        f"{settings.fest_name}\n"
    )
    # After an opening thousands of emails may wait, and this one is soon of no use.
    mail.post(
        connection,
        f"password:{person.id}:{until}",
        person.email,
        "Reset your password",
        text,
        ahead=LIFE,
        links=[link],
    )


def make_link(
    connection: Connection, person_id: int, until: Milliseconds, proof: str, secret: bytes, base_url: str
) -> str | None:
    """Return the address of a queued email's link; None once it would open nothing."""
    try:
        claim = Claim(person_by_id(connection, person_id), hash_by_id(connection, person_id))
    except NotFound:
        return None
    token = write_token(secret, claim, until)
    if connection.now >= until or proof_of(secret, token) != proof:
        return None
    return f"{base_url}/reset?token={token}"


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
    """Replace the password and end every session of the person, whose email address the link has confirmed.

    LinkOver where the password is another one already.
    """
    if not replace_hash(connection, claim.person.id, claim.password_hash, password_hash):
        raise LinkOver
    end_sessions(connection, claim.person.id)
    confirm_address(connection, claim.person.id)


def _signature(secret: bytes, claim: Claim, until: Milliseconds) -> str:
    text = f"{claim.person.id}\0{until}\0{claim.password_hash}"
    return keyed_hash(secret, "a link that sets a password", text)[:SIGNATURE_LENGTH]
