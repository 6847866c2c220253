"""The link in an email with which a ticket's holder opens it, without an account.

It is signed instead of stored, over the ticket's code and the holder's address. So it stops once the ticket is
transferred, or its address is changed.
"""

import hmac
import re

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Refused
from festgate.kit.ids import keyed_hash
from festgate.kit.messaging.mail_links import Link
from festgate.kit.translation import N_
from festgate.portal.accounts import facade as accounts
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets import queries
from festgate.portal.tickets.queries import Ticket

LINK_KIND = "tickets.holder"
SIGNATURE_LENGTH = 32
_PURPOSE = "a link to a ticket for its holder"
"""Part of every signature: it must not change, or the links in sent emails stop working."""
_TOKEN = re.compile(rf"([1-9][0-9]{{0,15}})-([0-9a-f]{{{SIGNATURE_LENGTH}}})")


class HolderLinkOver(Refused):
    """A link to a ticket that has another holder or address now, or that was never sent."""

    status = 410
    code = "ticket-link-over"
    title = N_("This link does not work any more")
    message = N_("The ticket was transferred, or sent to another address. Ask its buyer to send it again.")


def link_for(ticket: Ticket, email: str) -> Link:
    """Return the link of an email to that holder; it is made when the email is sent."""
    return Link(LINK_KIND, (ticket.id, ticket.code, email))


def make_link(
    connection: Connection, ticket_id: int, code: str, email: str, secret: bytes, base_url: str
) -> str | None:
    """Return the address of a queued email's link; None if the ticket has another holder by now."""
    ticket = queries.ticket_by_id(connection, ticket_id)
    if ticket is None or ticket.code != code or ticket.state != "valid":
        return None
    if registrations.seat(connection, ticket.seat_id).attendee_email != email:
        return None
    return f"{base_url}/tickets/open/{write_token(secret, ticket, email)}"


def write_token(secret: bytes, ticket: Ticket, email: str) -> str:
    """Return the token of the link for the holder with that address."""
    return f"{ticket.id}-{_sign(secret, ticket, email)}"


def read_token(connection: Connection, secret: bytes, token: str) -> Ticket:
    """Return the ticket that the link opens. Raises HolderLinkOver."""
    parts = _TOKEN.fullmatch(token)
    ticket = None if parts is None else queries.ticket_by_id(connection, int(parts[1]))
    if parts is None or ticket is None:
        raise HolderLinkOver
    email = registrations.seat(connection, ticket.seat_id).attendee_email
    if not email or not hmac.compare_digest(_sign(secret, ticket, email), parts[2]):
        raise HolderLinkOver
    return ticket


def _sign(secret: bytes, ticket: Ticket, email: str) -> str:
    text = f"{ticket.id}\0{ticket.code}\0{accounts.key_of(email)}"
    return keyed_hash(secret, _PURPOSE, text)[:SIGNATURE_LENGTH]
