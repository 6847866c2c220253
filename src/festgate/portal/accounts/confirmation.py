"""Confirming an email address: an email with a link, and a button on the page behind it.

Nothing is stored of a link. It is signed with the fest's secret over the person, the time it ends, and the address that
it was sent to: an address that is another by then is not confirmed by it. Only the button confirms, since mail scanners
open every link.
"""

import hmac
import re

from sqlalchemy import bindparam, select, update

from festgate.kit.clock import DAY, HOUR, Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import Conflict, NotFound, Refused, TooMany
from festgate.kit.ids import keyed_hash
from festgate.kit.messaging import mail, outbox
from festgate.kit.messaging.mail_links import Link
from festgate.kit.translation import N_
from festgate.portal.accounts.attempts import Limit, count_attempt
from festgate.portal.accounts.facts import AddressConfirmed
from festgate.portal.accounts.names import key_of
from festgate.portal.accounts.queries import Person, find_person, person_by_id
from festgate.portal.accounts.tables import people
from festgate.settings import Settings

LIFE = 3 * DAY
AHEAD = HOUR
"""The email goes before others of the last hour: its reader waits for it."""
MAX_CONFIRMATIONS = 3
"""Emails with such a link to one mailbox in a day, whoever asks for them."""
MAX_EMAILS = 3
"""Other emails to an unconfirmed address in a day: a ticket for each seat that such an account may have."""
LINK_KIND = "accounts.confirm"
SIGNATURE_LENGTH = 32
_TOKEN = re.compile(rf"([1-9][0-9]{{0,17}})-([1-9][0-9]{{0,15}})-([0-9a-f]{{{SIGNATURE_LENGTH}}})")


class ConfirmationOver(Refused):
    """A link that confirms an address, too old or never sent."""

    status = 410
    code = "confirmation-over"
    title = N_("This link has expired")
    message = N_("The link works for three days. Sign in and open My events to get a new one.")
    actions = ((N_("My events"), "/my-events"), (N_("Sign in"), "/login"))


class AddressNotConfirmed(Conflict):
    """Something that an account may only do once its email address is confirmed."""

    code = "email-not-confirmed"
    title = N_("Confirm your email address first")
    message = N_("Confirm your email address first.")
    actions = ((N_("My events"), "/my-events"), (N_("See the events"), "/events"))

    def __init__(self, email: str, otherwise: str = "") -> None:
        """`otherwise` says what else the person can do."""
        super().__init__(f"Confirm your email address first; we sent a link to {email}. {otherwise}".strip())


_confirm = Statement(
    update(people)
    .where(people.c.id == bindparam("person"), people.c.email_confirmed_at.is_(None))
    .values(email_confirmed_at=bindparam("now"))
)
_lock = Statement(
    select(people.c.email_confirmed_at)
    .where(people.c.id == bindparam("person"))
    .with_for_update(key_share=True)
)


def send_confirmation(connection: Connection, person: Person, secret: bytes, settings: Settings) -> None:
    """Queue an email with a link that confirms the person's address. TooMany where it was sent several by now."""
    key = keyed_hash(secret, "emails that confirm an address", mailbox_of(person.email))
    count_attempt(
        connection, Limit(key, MAX_CONFIRMATIONS, f"We have sent several links to {person.email}.", DAY)
    )
    until = connection.now + LIFE
    proof = proof_of(secret, write_token(secret, person, until))
    link = Link(LINK_KIND, (person.id, until, proof))
    text = (
        f"Hello {person.username},\n\n"
        f"please confirm that this is your email address at {settings.fest_name}:\n\n"
        f"{link}\n\n"
        "The link works for three days. Until then your seats are held for a short time only, and you cannot choose to "
        "pay at the desk.\n\n"
        "If you did not sign up, ignore this email.\n\n"
        f"{settings.fest_name}\n"
    )
    mail.post(
        connection,
        f"confirm:{person.id}:{until}",
        person.email,
        "Confirm your email address",
        text,
        ahead=AHEAD,
        links=[link],
    )


def send_first_confirmation(
    connection: Connection, person: Person, secret: bytes, settings: Settings
) -> None:
    """Send the link of a new account, where addresses are confirmed. Without it the account is made all the same."""
    if settings.confirms_email and not person.is_confirmed:
        try:
            send_confirmation(connection, person, secret, settings)
        except TooMany:  # somebody has filled this mailbox with other accounts today
            return


def send_again(connection: Connection, person_id: int, secret: bytes, settings: Settings) -> Person:
    """Send the link once more and return whose it is; nothing is sent to who has confirmed. TooMany."""
    person = person_by_id(connection, person_id)
    if not person.is_confirmed:
        send_confirmation(connection, person, secret, settings)
    return person


def write_token(secret: bytes, person: Person, until: Milliseconds) -> str:
    """Return what the link ends with."""
    return f"{person.id}-{until}-{_signature(secret, person, until)}"


def read_token(connection: Connection, secret: bytes, token: str) -> Person:
    """Return the person whose address the link confirms, also where it is confirmed by now. Raises ConfirmationOver."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise ConfirmationOver
    until = int(found[2])
    try:
        person = person_by_id(connection, int(found[1]))
    except NotFound:
        raise ConfirmationOver from None
    if not hmac.compare_digest(_signature(secret, person, until), found[3]) or connection.now >= until:
        raise ConfirmationOver
    return person


def make_link(
    connection: Connection, person_id: int, until: Milliseconds, proof: str, secret: bytes, base_url: str
) -> str | None:
    """Return the address of a queued email's link; None once it would confirm nothing."""
    try:
        person = person_by_id(connection, person_id)
    except NotFound:
        return None
    token = write_token(secret, person, until)
    if person.is_confirmed or connection.now >= until or proof_of(secret, token) != proof:
        return None
    return f"{base_url}/confirm?token={token}"


def use_token(connection: Connection, secret: bytes, token: str) -> Person:
    """Confirm the address that the link was sent to and return whose it is. A second time changes nothing."""
    person = read_token(connection, secret, token)
    confirm_address(connection, person.id)
    return person


def confirm_address(connection: Connection, person_id: int) -> None:
    """Note that email reaches the person; a second time changes nothing."""
    if connection.run(_confirm, person=person_id, now=connection.now):
        outbox.record(connection, AddressConfirmed(person_id))


def confirm_by_name(connection: Connection, name: str) -> Person:
    """Confirm the address of the person of that username or email address, by an organiser's word; else NotFound."""
    person = find_person(connection, name)
    if person is None:
        msg = f"There is no account named {name}."
        raise NotFound(msg)
    confirm_address(connection, person.id)
    return person


def lock_unconfirmed(connection: Connection, person_id: int) -> bool:
    """Return whether the address is unconfirmed. The person's row stays locked, so that their seats can be counted."""
    row = connection.first(_lock, person=person_id)
    return row is not None and row[0] is None


def require_confirmed(connection: Connection, person_id: int, otherwise: str = "") -> None:
    """Raise AddressNotConfirmed, with the sentence `otherwise`, unless the person's address is confirmed."""
    person = person_by_id(connection, person_id)
    if not person.is_confirmed:
        raise AddressNotConfirmed(person.email, otherwise)


def may_email(connection: Connection, person: Person, settings: Settings) -> bool:
    """Return whether one more email may go to the person, and count it where their address is unconfirmed."""
    if person.is_confirmed or not settings.confirms_email:
        return True
    key = f"emails to an unconfirmed address:{person.id}"
    try:
        count_attempt(connection, Limit(key, MAX_EMAILS, "Too many emails.", DAY))
    except TooMany:
        return False
    return True


def mailbox_of(email: str) -> str:
    """Return what counts as one mailbox: `asha+anything@example.org` arrives where `asha@example.org` does."""
    local, _, domain = email.rpartition("@")
    return key_of(f"{local.partition('+')[0] or local}@{domain}")


def proof_of(secret: bytes, token: str) -> str:
    """Return a digest by which a queued email knows that its link is still the same; no link can be made of it."""
    return keyed_hash(secret, "a link that waits in the mail queue", token)


def _signature(secret: bytes, person: Person, until: Milliseconds) -> str:
    text = f"{person.id}\0{until}\0{key_of(person.email)}"
    return keyed_hash(secret, "a link that confirms an address", text)[:SIGNATURE_LENGTH]
