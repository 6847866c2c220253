"""The link in an email with which a guest opens their orders and tickets, without an account.

The queue keeps a random number of each link, and the table the hash of its token; the token itself follows from the
number and the portal's secret when the email is sent. So neither the database nor a backup opens anything. The page
behind the link has one button, because mail scanners open every link: pressing it proves that the mailbox is theirs.
"""

import secrets
from urllib.parse import quote

from sqlalchemy import bindparam, delete, select, update

from festgate.kit.clock import DAY, Milliseconds
from festgate.kit.db.statements import Connection, Statement, inserting
from festgate.kit.errors import Refused
from festgate.kit.ids import keyed_hash
from festgate.kit.messaging.mail_links import Link
from festgate.kit.translation import N_
from festgate.portal.accounts.queries import Person, hash_of, person_by_id
from festgate.portal.accounts.tables import guest_links

LIFE = 30 * DAY
"""The life of a link; one in an email about an event lives until this long after the event."""
LINK_KIND = "accounts.guest"
_PURPOSE = "a link of a guest"
"""Part of every token: it must not change, or the links in sent emails stop working."""
_NONCE_BYTES = 16


class GuestLinkOver(Refused):
    """A link of a guest that was ended, has expired or was never sent."""

    status = 410
    code = "guest-link-over"
    title = N_("This link does not work any more")
    message = N_("It was ended, or it is too old. Enter your email address to get a new one.")
    actions = ((N_("Find my tickets"), "/find-tickets"), (N_("Sign in"), "/login"))


_insert = inserting(guest_links)
_find = Statement(
    select(guest_links.c.person_id).where(
        guest_links.c.token_hash == bindparam("hash"), guest_links.c.expires_at > bindparam("now")
    )
)
_end = Statement(delete(guest_links).where(guest_links.c.person_id == bindparam("person")))
_move = Statement(
    update(guest_links)
    .where(guest_links.c.person_id == bindparam("person"))
    .values(person_id=bindparam("new_person"))
)
_count = Statement(
    select(guest_links.c.token_hash).where(
        guest_links.c.person_id == bindparam("person"), guest_links.c.expires_at > bindparam("now")
    )
)
_forget = Statement(delete(guest_links).where(guest_links.c.expires_at <= bindparam("now")))


def add_link(
    connection: Connection,
    secret: bytes,
    person_id: int,
    path: str = "",
    until: Milliseconds | None = None,
) -> Link:
    """Return a new link for an email to the guest, which leads on to that path of this site. It works until `until`."""
    nonce = secrets.token_hex(_NONCE_BYTES)
    connection.run(
        _insert,
        token_hash=hash_of(_token(secret, nonce)),
        person_id=person_id,
        created_at=connection.now,
        expires_at=until or connection.now + LIFE,
    )
    return Link(LINK_KIND, (nonce, path))


def make_link(
    connection: Connection, nonce: str, path: str = "", *, secret: bytes, base_url: str
) -> str | None:
    """Return the address of a queued email's link; None if it was ended."""
    token = _token(secret, nonce)
    if connection.first(_find, hash=hash_of(token), now=connection.now) is None:
        return None
    return f"{base_url}/guest/open?token={token}" + (f"&next={quote(path, safe='/')}" if path else "")


def read_link(connection: Connection, token: str) -> Person:
    """Return the guest whose orders the link opens. Raises GuestLinkOver."""
    row = connection.first(_find, hash=hash_of(token), now=connection.now)
    if row is None:
        raise GuestLinkOver
    person: int = row[0]
    return person_by_id(connection, person)


def end_links(connection: Connection, person_id: int) -> int:
    """End every link of the guest; return how many there were."""
    return connection.run(_end, person=person_id)


def count_links(connection: Connection, person_id: int) -> int:
    """Return how many links of the guest work."""
    return len(connection.all(_count, person=person_id, now=connection.now))


def move_links(connection: Connection, person_id: int, new_person_id: int) -> None:
    """Let the links of one guest open the orders of another row of the same address."""
    connection.run(_move, person=person_id, new_person=new_person_id)


def forget_expired_links(connection: Connection) -> None:
    """Delete expired links, only to save space."""
    connection.run(_forget, now=connection.now)


def _token(secret: bytes, nonce: str) -> str:
    return keyed_hash(secret, _PURPOSE, nonce)
