"""Confirming an email address: an email with a link, and a button on the page that the link opens.

The link is signed instead of stored (signed_links.py), over the person and the address it was sent to, so it does not
confirm a later address. Only the button confirms, because mail scanners open every link.
"""

from sqlalchemy import bindparam, select, update

from festgate.kit.clock import DAY, Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import Conflict, NotFound, Refused, TooMany
from festgate.kit.ids import keyed_hash
from festgate.kit.messaging import mail, outbox
from festgate.kit.messaging.mail_links import Link
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import COMMAND
from festgate.portal.accounts.attempts import Limit, count_attempt
from festgate.portal.accounts.facts import AddressConfirmed
from festgate.portal.accounts.names import key_of
from festgate.portal.accounts.queries import Person, person_by_id, person_by_name
from festgate.portal.accounts.signed_links import make_token, parse_token, proof_of
from festgate.portal.accounts.tables import people
from festgate.portal.audit import facade as audit
from festgate.settings import Settings

LIFE = 3 * DAY
MAX_CONFIRMATIONS = 3
"""Confirmation emails to one mailbox in a day, from all accounts together."""
UNCONFIRMED_HOLD_MINUTES = 5
"""The longest hold before the address is confirmed: enough to pay by card, and an unpaid seat is soon on sale."""
MAX_EMAILS = 3
"""Other emails to an unconfirmed address in a day: one ticket for each seat that such an account may have."""
LINK_KIND = "accounts.confirm"
_PURPOSE = "a link that confirms an address"
"""Part of every signature: it must not change, or the links in sent emails stop working."""


class ConfirmationLinkExpired(Refused):
    """A confirmation link that is too old, or that was never sent."""

    status = 410
    code = "confirmation-over"
    title = N_("This link has expired")
    message = N_("The link works for three days. Sign in and open My events to get a new one.")
    actions = ((N_("My events"), "/my-events"), (N_("Sign in"), "/login"))


class AddressNotConfirmed(Conflict):
    """An operation that needs a confirmed email address."""

    code = "email-not-confirmed"
    title = N_("Confirm your email address first")
    message = N_("Confirm your email address first.")
    actions = ((N_("My events"), "/my-events"), (N_("See the events"), "/events"))

    def __init__(self, email: str, alternative: str = "") -> None:
        """`alternative` is a sentence about what else the person can do."""
        sentence = gettext("Confirm your email address first; we sent a link to {email}.").format(email=email)
        super().__init__(f"{sentence} {alternative}".strip())


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
    """Queue an email with a link that confirms the person's address. TooMany if the mailbox got several already."""
    count_attempt(connection, mailbox_limit(secret, person.email))
    until = connection.now + LIFE
    link = Link(LINK_KIND, (person.id, until, proof_of(secret, write_token(secret, person, until))))
    text = gettext(
        "Hello {name},\n\n"
        "please confirm that this is your email address at {fest}:\n\n"
        "{link}\n\n"
        "The link works for three days. Until then your seats are held for a short time only, and you cannot choose to "
        "pay at the desk.\n\n"
        "If you did not sign up, ignore this email.\n\n"
        "{fest}\n"
    ).format(name=person.shown_name, fest=settings.fest_name, link=link)
    mail.post(
        connection,
        f"confirm:{person.id}:{until}",
        person.email,
        gettext("Confirm your email address"),
        text,
        priority="access",
        links=[link],
    )


def mailbox_limit(secret: bytes, email: str) -> Limit:
    """Return the limit on emails with a link to one mailbox, from all accounts together."""
    key = keyed_hash(secret, "emails that confirm an address", mailbox_of(email))
    sentence = gettext("We have sent several links to {email}.").format(email=email)
    return Limit(key, MAX_CONFIRMATIONS, sentence, DAY)


def send_first_confirmation(
    connection: Connection, person: Person, secret: bytes, settings: Settings
) -> None:
    """Send the link of a new account, if the fest confirms addresses. The account is made even if it cannot be sent."""
    if settings.confirms_email and not person.is_confirmed:
        try:
            send_confirmation(connection, person, secret, settings)
        except TooMany:  # other accounts have filled this mailbox today
            return


def send_again(connection: Connection, person_id: int, secret: bytes, settings: Settings) -> Person:
    """Send the link again, unless the address is confirmed already, and return the person. Raises TooMany."""
    person = person_by_id(connection, person_id)
    if not person.is_confirmed:
        send_confirmation(connection, person, secret, settings)
    return person


def write_token(secret: bytes, person: Person, until: Milliseconds) -> str:
    """Return the token of a link that confirms the person's present address."""
    return make_token(secret, _PURPOSE, person.id, until, key_of(person.email))


def read_token(connection: Connection, secret: bytes, token: str) -> Person:
    """Return the person whose address the link confirms, confirmed already or not. Raises ConfirmationLinkExpired."""
    parts = parse_token(token)
    if parts is None:
        raise ConfirmationLinkExpired
    try:
        person = person_by_id(connection, parts.person_id)
    except NotFound:
        raise ConfirmationLinkExpired from None
    if not parts.is_valid(secret, _PURPOSE, key_of(person.email), connection.now):
        raise ConfirmationLinkExpired
    return person


def make_link(
    connection: Connection, person_id: int, until: Milliseconds, proof: str, secret: bytes, base_url: str
) -> str | None:
    """Return the address of a queued email's link; None if it would not confirm anything any more."""
    try:
        person = person_by_id(connection, person_id)
    except NotFound:
        return None
    token = write_token(secret, person, until)
    if person.is_confirmed or connection.now >= until or proof_of(secret, token) != proof:
        return None
    return f"{base_url}/confirm?token={token}"


def use_token(connection: Connection, secret: bytes, token: str) -> Person:
    """Confirm the address that the link was sent to and return its person. Idempotent."""
    person = read_token(connection, secret, token)
    confirm_address(connection, person.id)
    return person


def confirm_address(connection: Connection, person_id: int) -> None:
    """Record that email reaches the person. Idempotent."""
    if connection.run(_confirm, person=person_id, now=connection.now):
        outbox.record(connection, AddressConfirmed(person_id))


def confirm_by_name(connection: Connection, name: str) -> Person:
    """Confirm the address of the account with that username or email address by hand. Raises NotFound."""
    person = person_by_name(connection, name)
    confirm_address(connection, person.id)
    audit.record(connection, COMMAND, "email-address.confirmed", "", **{audit.PERSON: person.id})
    return person


def lock_unconfirmed(connection: Connection, person_id: int) -> bool:
    """Return whether the address is unconfirmed, and lock the person's row so that their seats can be counted."""
    row = connection.first(_lock, person=person_id)
    return row is not None and row[0] is None


def require_confirmed(connection: Connection, person_id: int, alternative: str = "") -> None:
    """Raise AddressNotConfirmed, with the sentence `alternative`, unless the person's address is confirmed."""
    person = person_by_id(connection, person_id)
    if not person.is_confirmed:
        raise AddressNotConfirmed(person.email, alternative)


def may_email(connection: Connection, person: Person, settings: Settings, secret: bytes) -> bool:
    """Return whether one more email may go to the person, and count it if their address is unconfirmed.

    Anybody can be a guest with somebody else's address, as often as they like, so there the mailbox counts.
    """
    if person.is_confirmed or not settings.confirms_email:
        return True
    key = f"emails to an unconfirmed address:{person.id}"
    if person.is_guest:
        key = keyed_hash(secret, "emails to the mailbox of a guest", mailbox_of(person.email))
    try:
        count_attempt(connection, Limit(key, MAX_EMAILS, "", DAY))
    except TooMany:
        return False
    return True


def mailbox_of(email: str) -> str:
    """Return the key of a mailbox: `asha+anything@example.org` arrives where `asha@example.org` does."""
    local, _, domain = email.rpartition("@")
    return key_of(f"{local.partition('+')[0] or local}@{domain}")
