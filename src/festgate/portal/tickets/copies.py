"""Sending a ticket's email again, for a guest without it. The ticket and its code stay the same."""

from collections.abc import Callable

from festgate.kit.clock import HOUR
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Conflict
from festgate.kit.messaging import mail
from festgate.kit.messaging.mail import MailState
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Actor
from festgate.portal.accounts import facade as accounts
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout
from festgate.portal.tickets.holder_emails import TOPIC as HOLDER_TOPIC
from festgate.portal.tickets.queries import Ticket, ticket_of_person, topic_of_mail

_COPY, _CORRECTION, _ORDER = "ticket-again:{}:", "tickets-corrected:{}:", "order-again:{}:"
"""Beginnings of topics, followed by a number. Emails in the data have them, so they never change."""
MAX_COPIES = 10
"""Emails with a ticket to one person in an hour, besides the first of each: more would only annoy them."""
PostCopy = Callable[[Connection, Ticket, str], None]
"""A function that queues the email of the ticket under a topic."""


PostOrder = Callable[[Connection, checkout.Order, str], bool]
"""A function that queues the email with all useful tickets of an order under a topic; False if there are none."""


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


def send_order(connection: Connection, actor: Actor, ref: str, shown: int | None, post: PostOrder) -> None:
    """Send all tickets of an order again, to its person's present address.

    `shown` is the number of these emails that the page displayed, as for `send_copy`; None is for a program, which has
    shown nothing. Raises NotFound, TicketOver or TooMany.
    """
    order = checkout.order_by_ref(connection, ref)
    count = count_order_copies(connection, order.id)
    if shown not in (None, count):
        return
    sentence = gettext("This person was sent {count} tickets again.").format(count=MAX_COPIES)
    limit = accounts.Limit(f"tickets sent again:{order.person_id}", MAX_COPIES, sentence, HOUR)
    accounts.count_attempt(connection, limit)
    if actor.person is not None:
        accounts.allow_use(connection, actor.person, "resend")
    if not post(connection, order, f"{_ORDER.format(order.id)}{count}"):
        raise TicketOver
    audit.record(connection, actor, "order.emailed", ref)


def count_order_copies(connection: Connection, order_id: int) -> int:
    """Return how often the tickets of the order were sent again together."""
    return _count(connection, _ORDER.format(order_id))


def emails_of(connection: Connection, ticket: Ticket, receipt: str | None) -> list[MailState]:
    """Return the emails with the ticket, oldest first; `receipt` is the reference of its order."""
    topics = [topic_of_mail(ticket, receipt), f"exchanged:{ticket.seat_id}"]
    starts = [_COPY.format(ticket.id), _CORRECTION.format(ticket.person_id), HOLDER_TOPIC.format(ticket.id)]
    if ticket.order_id is not None:
        starts.append(_ORDER.format(ticket.order_id))
    for start in starts:
        topics += [f"{start}{number}" for number in range(_count(connection, start))]
    states = [mail.find_state(connection, topic) for topic in topics]
    known = [state for state in states if state is not None and state.at >= ticket.issued_at]
    return sorted(known, key=lambda state: state.at)


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
