"""Sending a ticket's email again, for a guest without it. The ticket and its code stay the same."""

from collections.abc import Callable

from festgate.kit.clock import HOUR
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Conflict
from festgate.kit.messaging import mail
from festgate.kit.messaging.mail import MailState
from festgate.kit.translation import N_, gettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.tickets.queries import Ticket, ticket_of_person, topic_of_mail

_COPY, _CORRECTION = "ticket-again:{}:", "tickets-corrected:{}:"
"""Beginnings of topics, followed by a number. Emails in the data have them, so they never change."""
MAX_COPIES = 10
"""Emails with a ticket to one person in an hour, besides the first of each: more would only annoy them."""
PostCopy = Callable[[Connection, Ticket, str], None]
"""A function that queues the email of the ticket under a topic."""


class TicketOver(Conflict):
    """A ticket that is of no use any more: void, or for an event that is over or cancelled."""

    code = "ticket-over"
    title = N_("This ticket is not sent again")
    message = N_("The ticket is not valid, or its event is over or cancelled.")


def send_copy(connection: Connection, person_id: int, code: str, shown: int, post: PostCopy) -> Ticket:
    """Send the person's ticket again, to their present address, and return it.

    `shown` is the number of copies that the organiser's page displayed: with another number the ticket has been sent
    meanwhile, perhaps by a second click, and nothing is sent. Raises NotFound, TicketOver or TooMany.
    """
    ticket = ticket_of_person(connection, person_id, code)
    if not is_useful(ticket, catalogue.event_by_id(connection, ticket.event_id), connection.now):
        raise TicketOver
    if count_copies(connection, ticket.id) == shown:
        sentence = gettext("This person was sent {count} tickets again.").format(count=MAX_COPIES)
        limit = accounts.Limit(f"tickets sent again:{person_id}", MAX_COPIES, sentence, HOUR)
        accounts.count_attempt(connection, limit)
        post(connection, ticket, f"{_COPY.format(ticket.id)}{shown}")
    return ticket


def is_useful(ticket: Ticket, event: catalogue.Event, now: int) -> bool:
    """Return whether the ticket can still be shown at the door."""
    return ticket.state == "valid" and event.state == "published" and event.ends_at > now


def count_copies(connection: Connection, ticket_id: int) -> int:
    """Return how often the ticket was sent again."""
    return _count(connection, _COPY.format(ticket_id))


def topic_of_correction(connection: Connection, person_id: int) -> str:
    """Return the topic of the next email with all tickets of a person whose address was corrected."""
    start = _CORRECTION.format(person_id)
    return f"{start}{_count(connection, start)}"


def latest_mail(connection: Connection, ticket: Ticket, receipt: str | None) -> MailState | None:
    """Return the state of the last of the ticket's emails; `receipt` is the reference of its order."""
    starts = (_COPY.format(ticket.id), _CORRECTION.format(ticket.person_id))
    again = [f"{start}{_count(connection, start) - 1}" for start in starts]
    return mail.find_latest(connection, topic_of_mail(ticket, receipt), *again)


def _count(connection: Connection, start: str) -> int:
    """Return how many emails have a topic of `start` and a number; the numbers begin with 0."""
    count = 0
    while mail.find_state(connection, f"{start}{count}") is not None:
        count += 1
    return count
