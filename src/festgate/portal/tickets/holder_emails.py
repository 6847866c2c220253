"""Emails to the holders of tickets that somebody else bought: the ticket itself, and what becomes of it."""

from collections.abc import Callable
from dataclasses import replace

from festgate.kit.db.statements import Connection
from festgate.kit.messaging import mail
from festgate.kit.messaging.mail import MailState
from festgate.kit.messaging.mail_links import Link
from festgate.kit.messaging.mail_parts import Attachment
from festgate.kit.translation import gettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.facade import Seat
from festgate.portal.tickets import queries
from festgate.portal.tickets.email_texts import EmailText
from festgate.portal.tickets.holder_links import link_for
from festgate.portal.tickets.queries import Ticket
from festgate.settings import Settings

TOPIC = "ticket-holder:{}:"
"""The beginning of the topics of emails to a ticket's holder, with the ticket's id; a number follows.

Emails in the data have it, so it never changes.
"""


class HolderEmails:
    """The emails to holders, with what they need of the fest."""

    def __init__(
        self, render: Callable[..., str], settings: Settings, organiser: catalogue.Party, secret: bytes
    ) -> None:
        """`render` returns the text of the template `tickets/mail/holder.txt`; the `secret` makes links of guests."""
        self._render = render
        self._secret = secret
        self._base_url = settings.base_url
        self._organiser = organiser
        self.confirms_email = settings.confirms_email

    def post_ticket(self, connection: Connection, ticket: Ticket, seat: Seat, topic: str) -> None:
        """Send the ticket to its holder, with a link that needs no account if that is not the buyer."""
        buyer = accounts.person_by_id(connection, ticket.person_id)
        sentence = gettext("{name} has sent you this ticket:").format(name=buyer.shown_name)
        link: Link | str = f"{self._base_url}/tickets/{ticket.code}"
        if seat.attendee_email:
            link = link_for(ticket, seat.attendee_email)
        else:
            sentence = gettext("This ticket is yours now:")
            if buyer.is_guest:
                until = seat.ends_at + accounts.GUEST_LINK_LIFE
                link = accounts.add_link(connection, self._secret, buyer.id, f"/tickets/{ticket.code}", until)
        admits_to = registrations.titles_of_places(connection, seat)
        text = EmailText(
            gettext("Your ticket: {events}").format(events=seat.title),
            sentence,
            (
                *([gettext("Also admits to: {events}").format(events=admits_to)] if admits_to else []),
                gettext("Show the code on it at the door, on your phone or printed."),
                gettext("Add it to your calendar with the attached file."),
                gettext("Keep the link to yourself: it opens the ticket without a password."),
            ),
            priority="ticket",
        )
        self._post(connection, topic, ticket, seat, text, "REQUEST", link)

    def post_transferred(
        self, connection: Connection, ticket: Ticket, seat: Seat, topic: str, new_name: str
    ) -> None:
        """Inform the former holder that the ticket was transferred; `seat` is as it was before."""
        text = EmailText(
            gettext("Transferred: your ticket for {event}").format(event=seat.title),
            gettext("Your ticket for this event was transferred to {name}:").format(name=new_name),
            (
                gettext("The code that you have is not valid any more."),
                gettext("The attached file removes the event from your calendar."),
            ),
        )
        self._post(connection, topic, ticket, seat, text, "CANCEL")

    def post_changed(self, connection: Connection, seat_id: int, topic: str, text: EmailText) -> None:
        """Inform the holder that the event has changed, if they were sent the ticket."""
        seat = registrations.seat(connection, seat_id)
        ticket = queries.ticket_of_seat(connection, seat_id)
        if ticket is not None and _has_ticket(connection, seat, ticket):
            closing = gettext("Your ticket is still valid. The attached file updates your calendar.")
            lines = [*text.lines, "", closing]
            self._post(connection, topic, ticket, seat, replace(text, lines=lines), "REQUEST")

    def post_ended(self, connection: Connection, seat: Seat, topic: str) -> None:
        """Inform the holder that the ticket is not valid any more, if they were sent the ticket."""
        ticket = queries.ticket_of_seat(connection, seat.id)
        if ticket is not None and _has_ticket(connection, seat, ticket):
            text = EmailText(
                gettext("Cancelled: your ticket for {event}").format(event=seat.title),
                gettext("Your ticket for this event was cancelled:"),
                (
                    gettext("The ticket is no longer valid.")
                    if seat.pass_seat_id is None
                    else gettext("Your pass stays valid for its other events."),
                    gettext("The attached file removes the event from your calendar."),
                ),
            )
            self._post(connection, topic, ticket, seat, text, "CANCEL")

    def _post(
        self,
        connection: Connection,
        topic: str,
        ticket: Ticket,
        seat: Seat,
        text: EmailText,
        method: catalogue.Method,
        link: Link | str = "",
    ) -> None:
        person = accounts.person_by_id(connection, seat.person_id)
        name, email = seat.attendee_name or person.shown_name, seat.attendee_email or person.email
        event = catalogue.event_by_id(connection, seat.event_id)
        body = self._render(name=name, text=text, event=event, type_name=seat.type_name, link=str(link))
        calendar = catalogue.invitation(
            replace(event, taken=0, sequence=event.sequence + self._steps(connection, ticket, method)),
            self._base_url,
            self._organiser,
            catalogue.Party(name, email),
            connection.now,
            method,
        )
        files = [Attachment(f"{event.slug}.ics", f"text/calendar; method={method}", calendar)]
        links = [link] if isinstance(link, Link) else []
        mail.post(connection, topic, email, text.subject, body, files, priority=text.priority, links=links)

    def _steps(self, connection: Connection, ticket: Ticket, method: catalogue.Method) -> int:
        """Return the number of steps that the holder's calendar may have been sent for this version of the event.

        Each earlier seat of the buyer, and each transfer, was an invitation and a removal. A removal is the step after
        its invitation.
        """
        earlier = queries.count_earlier(connection, ticket.person_id, {ticket.event_id: ticket.seat_id})
        transfers = queries.count_transfers(connection, ticket.id)
        if method == "CANCEL" and ticket.code != _present_code(connection, ticket):
            transfers -= 1  # the removal of the former holder comes before the invitation of the new one
        return 2 * (earlier[ticket.event_id] + transfers) + (method == "CANCEL")


def count_sent(connection: Connection, ticket_id: int) -> int:
    """Return how many emails the ticket's holders were sent with it."""
    count = 0
    while mail.find_state(connection, f"{TOPIC.format(ticket_id)}{count}") is not None:
        count += 1
    return count


def next_topic(connection: Connection, ticket_id: int) -> str:
    """Return the topic of the next email with the ticket to its holder."""
    return f"{TOPIC.format(ticket_id)}{count_sent(connection, ticket_id)}"


def last_sent(connection: Connection, ticket_id: int) -> MailState | None:
    """Return the state of the last email with the ticket to a holder; None without one."""
    return mail.find_state(connection, f"{TOPIC.format(ticket_id)}{count_sent(connection, ticket_id) - 1}")


def _has_ticket(connection: Connection, seat: Seat, ticket: Ticket) -> bool:
    """Return whether the last email with the ticket went to its present holder, so that they know of it.

    For the place of a pass that is the email with the pass.
    """
    last = last_sent(connection, ticket.pass_ticket_id or ticket.id)
    return bool(seat.attendee_email) and last is not None and last.recipient in ("", seat.attendee_email)


def _present_code(connection: Connection, ticket: Ticket) -> str:
    present = queries.ticket_by_id(connection, ticket.id)
    return ticket.code if present is None else present.code
