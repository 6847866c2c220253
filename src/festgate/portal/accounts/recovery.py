"""A forgotten password: an email with a link that works once, for an hour.

The link is signed instead of stored (signed_links.py), over the person, the hash of the password that it replaces, and
the email address. Once the password has changed, by this link or otherwise, the signature is wrong; and once the
address has been corrected, so that its former owner cannot use a link to it.
"""

from urllib.parse import quote

from festgate.kit.clock import DAY, HOUR, Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound, Refused, TooMany
from festgate.kit.ids import keyed_hash
from festgate.kit.messaging import mail
from festgate.kit.messaging.mail_links import Link
from festgate.kit.translation import N_, gettext
from festgate.portal.accounts.attempts import Limit, count_attempt
from festgate.portal.accounts.confirmation import confirm_address
from festgate.portal.accounts.names import key_of
from festgate.portal.accounts.people import replace_hash
from festgate.portal.accounts.queries import Candidate, candidate_by_id, find_person, person_by_id
from festgate.portal.accounts.sessions import end_sessions
from festgate.portal.accounts.signed_links import make_token, parse_token, proof_of
from festgate.settings import Settings

LIFE = HOUR
MAX_EMAILS = 3
"""Emails to one account in one window of attempts: after three more would only annoy its owner."""
MAX_LINKS_A_DAY = 10
"""Emails to one account: three in every window would be 288 a day to somebody who never asked for one."""
MAX_ONWARD = 500
"""Characters of the path that a link leads back to: anyone may ask for an email to somebody else."""
LINK_KIND = "accounts.password"
_PURPOSE = "a link that sets a password"
"""Part of every signature: it must not change, or the links in sent emails stop working."""


class ResetLinkExpired(Refused):
    """A link that sets a password and was used already, is too old, or was never sent."""

    status = 410
    code = "link-over"
    title = N_("This link has expired")
    message = N_("The link works once and for one hour. Request a new one to choose a new password.")
    actions = ((N_("Request a new link"), "/forgot"), (N_("Sign in"), "/login"))


def send_link(
    connection: Connection, name: str, address: Limit, secret: bytes, settings: Settings, onward: str = ""
) -> None:
    """Queue an email to the account with that username or email address; do nothing if there is none.

    `onward` is the path of this site that the visitor was going to; the link leads back to it.
    TooMany if the limit of the client address is reached. An account that was sent several emails lately, or many
    today, gets no other. The queue does not hold the link itself: with it, a reader of the queue could sign in.
    """
    count_attempt(connection, address)
    person = find_person(connection, name)
    if person is None:
        return
    key = keyed_hash(secret, "letters about a password", str(person.id))
    try:
        count_attempt(connection, Limit(key, MAX_EMAILS, ""))
        count_attempt(connection, Limit(f"{key}:day", MAX_LINKS_A_DAY, "", DAY))
    except TooMany:
        return
    until = connection.now + LIFE
    token = write_token(secret, candidate_by_id(connection, person.id), until)
    # The queue must not hold another link's token.
    path = (onward,) if 0 < len(onward) <= MAX_ONWARD and "token=" not in onward else ()
    link = Link(LINK_KIND, (person.id, until, proof_of(secret, token), *path))
    text = gettext(
        "Hello {name},\n\n"
        "we received a request to reset the password of your account at {fest}. "
        "Choose a new password here within one hour:\n\n"
        "{link}\n\n"
        "If you did not ask for this, ignore this email: your password stays the same. Do not share the link.\n\n"
        "{fest}\n"
    ).format(name=person.shown_name, fest=settings.fest_name, link=link)
    # When registration has just opened, thousands of emails may be queued, and this one expires soon.
    mail.post(
        connection,
        f"password:{person.id}:{until}",
        person.email,
        gettext("Reset your password"),
        text,
        priority="access",
        links=[link],
    )


def make_link(
    connection: Connection,
    person_id: int,
    until: Milliseconds,
    proof: str,
    onward: str = "",
    *,
    secret: bytes,
    base_url: str,
) -> str | None:
    """Return the address of a queued email's link; None if it would not work any more."""
    try:
        token = write_token(secret, candidate_by_id(connection, person_id), until)
    except NotFound:
        return None
    if connection.now >= until or proof_of(secret, token) != proof:
        return None
    return f"{base_url}/reset?token={token}" + (f"&next={quote(onward, safe='/')}" if onward else "")


def write_token(secret: bytes, candidate: Candidate, until: Milliseconds) -> str:
    """Return the token of a link that replaces the person's present password."""
    return make_token(secret, _PURPOSE, candidate.person.id, until, _signed_value(candidate))


def read_token(connection: Connection, secret: bytes, token: str) -> Candidate:
    """Return the person whose password the link replaces. Raises ResetLinkExpired."""
    parts = parse_token(token)
    if parts is None:
        raise ResetLinkExpired
    try:
        candidate = candidate_by_id(connection, parts.person_id)
    except NotFound:
        raise ResetLinkExpired from None
    if not parts.is_valid(secret, _PURPOSE, _signed_value(candidate), connection.now):
        raise ResetLinkExpired
    return candidate


def _signed_value(candidate: Candidate) -> str:
    return f"{candidate.password_hash}\0{key_of(candidate.person.email)}"


def use_token(connection: Connection, candidate: Candidate, password_hash: str) -> None:
    """Replace the password, end every session of the person, and confirm the address that the link was sent to.

    ResetLinkExpired if the password or the address has changed since the link was read.
    """
    if not replace_hash(connection, candidate.person.id, candidate.password_hash, password_hash):
        raise ResetLinkExpired
    if person_by_id(connection, candidate.person.id).email != candidate.person.email:
        raise ResetLinkExpired
    end_sessions(connection, candidate.person.id)
    confirm_address(connection, candidate.person.id)
