"""A new email address of one's own account: a link to the new address changes it, and the old one is informed.

The address is stored until then (`accounts_address_changes`), so that the account's page can show and withdraw the
change; a link that contained it would put it into the logs of proxies. The link itself is signed instead of stored
(signed_links.py). Only the button on its page changes the address, because mail scanners open every link.
"""

from dataclasses import dataclass, replace

from sqlalchemy import bindparam, delete, select, update

from festgate.kit.clock import DAY, MINUTE, Milliseconds
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.errors import NotFound, Refused
from festgate.kit.ids import keyed_hash
from festgate.kit.messaging import mail, outbox
from festgate.kit.messaging.mail_links import Link
from festgate.kit.translation import N_, gettext
from festgate.portal.accounts.attempts import Limit, count_attempt
from festgate.portal.accounts.confirmation import mailbox_limit, may_email
from festgate.portal.accounts.facts import AddressConfirmed
from festgate.portal.accounts.names import key_of, search_text
from festgate.portal.accounts.people import Taken, refuse_taken
from festgate.portal.accounts.queries import Person, person_by_id
from festgate.portal.accounts.sessions import end_other_sessions
from festgate.portal.accounts.sign_ins import Checked, settle
from festgate.portal.accounts.signed_links import make_token, parse_token, proof_of
from festgate.portal.accounts.tables import address_changes, people
from festgate.settings import Settings

LIFE = DAY
MAX_CHANGES = 5
"""Requests of one account in a day."""
AGAIN = MINUTE
"""A second request for the same address within this time is a second click: the link that was sent stays valid."""
LINK_KIND = "accounts.address"
_PURPOSE = "a link that changes an address"
"""Part of every signature: it must not change, or the links in sent emails stop working."""


class AddressLinkExpired(Refused):
    """A link that changes an address and is too old, was withdrawn, or was never sent."""

    status = 410
    code = "address-link-over"
    title = N_("This link has expired")
    message = N_(
        "The link works for one day, until the change is withdrawn or another one is requested. "
        "Request the change again on your account's page."
    )
    actions = ((N_("Your account"), "/account"), (N_("See the events"), "/events"))


@dataclass(frozen=True, slots=True)
class AddressChange:
    """A change of address that waits for its link, or that was just made."""

    person: Person
    email: str
    """The new address."""
    expires_at: Milliseconds
    is_done: bool = False


_by_person = Statement(
    select(*address_changes.c["email", "expires_at"]).where(
        address_changes.c.person_id == bindparam("person"), address_changes.c.expires_at > bindparam("now")
    )
)
_insert = inserting(address_changes)
_delete = Statement(delete(address_changes).where(address_changes.c.person_id == bindparam("person")))
_take = Statement(
    delete(address_changes).where(
        address_changes.c.person_id == bindparam("person"), address_changes.c.expires_at == bindparam("until")
    )
)
_set_email = Statement(
    update(people)
    .where(people.c.id == bindparam("person"))
    .values(
        email=bindparam("new_email"),
        email_key=bindparam("new_key"),
        email_confirmed_at=bindparam("now"),
        search=bindparam("new_search"),
    )
)


def request_change(
    connection: Connection, checked: Checked, email: str, client: Limit, secret: bytes, settings: Settings
) -> dict[str, str]:
    """Send a link to the new address, in place of an earlier request. Return errors by field; empty if it was sent.

    The attempt is counted as a sign-up is, so that this form reveals no more addresses of accounts than that one. The
    errors are returned, not raised, so that it stays counted. names.py has checked `email`. Raises TooMany or
    PasswordChanged.
    """
    person = person_by_id(connection, settle(connection, checked).id)
    count_attempt(connection, client)
    if email == person.email:
        return {"email": gettext("This is your address already.")}
    try:
        refuse_taken(connection, person, email)
    except Taken as taken:
        return taken.fields
    waiting = find_change(connection, person.id)
    if waiting is not None and waiting.email == email and waiting.expires_at > connection.now + LIFE - AGAIN:
        return {}
    key = keyed_hash(secret, "changes of an address", str(person.id))
    sentence = gettext("You have asked for several changes of your address today.")
    count_attempt(connection, Limit(key, MAX_CHANGES, sentence, DAY))
    count_attempt(connection, mailbox_limit(secret, email))
    until = connection.now + LIFE
    connection.run(_delete, person=person.id)
    try:
        connection.run(_insert, person_id=person.id, email=email, expires_at=until)
    except UniqueViolation as error:  # another process has just stored another request
        raise TryAgain from error
    link = Link(LINK_KIND, (person.id, until, proof_of(secret, write_token(secret, person.id, email, until))))
    text = gettext(
        "Hello {name},\n\n"
        "please confirm that your account {username} at {fest} should use this email address from now on:\n\n"
        "{link}\n\n"
        "The link works for one day. Until you use it, your account keeps its present address.\n\n"
        "If you did not ask for this, ignore this email: nothing changes. Do not share the link.\n\n"
        "{fest}\n"
    ).format(name=person.shown_name, username=person.username, fest=settings.fest_name, link=link)
    mail.post(
        connection,
        f"address:{person.id}:{until}",
        email,
        gettext("Confirm your new email address"),
        text,
        priority="access",
        links=[link],
    )
    return {}


def withdraw_change(connection: Connection, person_id: int) -> None:
    """Withdraw the change that waits: its link does not work any more. Idempotent."""
    connection.run(_delete, person=person_id)


def find_change(connection: Connection, person_id: int) -> AddressChange | None:
    """Return the change that waits for its link; None if there is none."""
    row = connection.first(_by_person, person=person_id, now=connection.now)
    return None if row is None else AddressChange(person_by_id(connection, person_id), *row)


def write_token(secret: bytes, person_id: int, email: str, until: Milliseconds) -> str:
    """Return the token of a link that gives the person this address."""
    return make_token(secret, _PURPOSE, person_id, until, key_of(email))


def read_token(connection: Connection, secret: bytes, token: str) -> AddressChange:
    """Return the change that the link makes, or has made already. Raises AddressLinkExpired."""
    parts = parse_token(token)
    if parts is None:
        raise AddressLinkExpired
    try:
        person = person_by_id(connection, parts.person_id)
    except NotFound:
        raise AddressLinkExpired from None
    # A second click is answered like the first, as long as the link has not expired.
    if parts.is_valid(secret, _PURPOSE, key_of(person.email), connection.now):
        waiting = find_change(connection, person.id)
        if waiting is None or waiting.expires_at != parts.until:
            return AddressChange(person, person.email, parts.until, is_done=True)
    change = find_change(connection, person.id)
    if (
        change is None
        or change.expires_at != parts.until
        or not parts.is_valid(secret, _PURPOSE, key_of(change.email), connection.now)
    ):
        raise AddressLinkExpired
    return change


def make_link(
    connection: Connection, person_id: int, until: Milliseconds, proof: str, secret: bytes, base_url: str
) -> str | None:
    """Return the address of a queued email's link; None if it would not work any more."""
    change = find_change(connection, person_id)
    if change is None or change.expires_at != until:
        return None
    token = write_token(secret, person_id, change.email, until)
    return f"{base_url}/account/email/confirm?token={token}" if proof_of(secret, token) == proof else None


def use_token(
    connection: Connection, secret: bytes, token: str, session: str, settings: Settings
) -> AddressChange:
    """Give the person the address that the link was sent to, and inform the old one. A second time changes nothing.

    The address is confirmed with it. All sessions of the person end, except the one with the token `session`. Raises
    AddressLinkExpired, or Taken if another account got the address meanwhile.
    """
    change = read_token(connection, secret, token)
    if change.is_done:
        return change
    person = change.person
    refuse_taken(connection, person, change.email)
    if not connection.run(_take, person=person.id, until=change.expires_at):
        raise TryAgain  # another process has just used or withdrawn it
    try:
        connection.run(
            _set_email,
            person=person.id,
            new_email=change.email,
            new_key=key_of(change.email),
            new_search=search_text(person.name, person.username, change.email),
            now=connection.now,
        )
    except UniqueViolation as violation:
        raise TryAgain from violation
    end_other_sessions(connection, person.id, session)
    if not person.is_confirmed:
        outbox.record(connection, AddressConfirmed(person.id))
    _inform_old_address(connection, person, secret, settings)
    return replace(change, person=person_by_id(connection, person.id), is_done=True)


def _inform_old_address(connection: Connection, person: Person, secret: bytes, settings: Settings) -> None:
    """Queue an email to the address that the account had, with what to do if somebody else changed it."""
    if not may_email(connection, person, settings, secret):
        return
    text = gettext(
        "Hello {name},\n\n"
        "the email address of your account {username} at {fest} has just been changed, with its password and a link "
        "that was sent to the new address. Emails of {fest} go to the new address from now on, and all other browsers "
        "and programs have been signed out.\n\n"
        "If you did this, there is nothing to do.\n\n"
        "If it was not you, somebody knows your password. Write to the organisers of {fest} at once, with your "
        "username: they can give the account its old address back and sign everybody out. Then choose a new password. "
        "Change it elsewhere too, if you use it there.\n\n"
        "{fest}\n"
    ).format(name=person.shown_name, username=person.username, fest=settings.fest_name)
    mail.post(
        connection,
        f"address-changed:{person.id}:{connection.now}",
        person.email,
        gettext("Your email address was changed"),
        text,
        priority="access",
    )
