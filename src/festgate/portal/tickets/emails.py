"""The emails with tickets and about orders: their texts, calendar files, and links for guests, put into the queue."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from email.utils import parseaddr
from typing import Any

from festgate.kit.db.statements import Connection
from festgate.kit.messaging import mail
from festgate.kit.messaging.mail_links import Link
from festgate.kit.messaging.mail_parts import Attachment
from festgate.kit.web.pages import environment
from festgate.kit.writing import Writing
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets import queries
from festgate.portal.tickets.copies import is_useful
from festgate.portal.tickets.email_texts import EmailText, describe_copies, describe_tickets
from festgate.portal.tickets.holder_emails import HolderEmails
from festgate.portal.tickets.qr import in_fours
from festgate.settings import Settings


@dataclass(frozen=True)
class TicketEntry:
    """A ticket and its event, as an email shows them."""

    ticket: queries.Ticket
    event: catalogue.Event
    type_name: str = ""
    """The ticket type; empty for the only type of an event."""
    holder: str = ""
    """The name of the attendee; empty if the ticket is the buyer's own."""
    team: registrations.Team | None = None
    """The team of which it is the captain's ticket."""
    team_link: str = ""
    places: tuple[registrations.Seat, ...] = ()
    """Its places at other events, if it is a pass."""
    admits_to: str = ""
    """The titles of these events."""


class TicketEmails:
    """The emails, with the settings that they need: time zone, locale, base address."""

    def __init__(self, settings: Settings, secret: bytes) -> None:
        """Prepare the templates; each is compiled when it is first used. The `secret` makes the links of guests."""
        self._settings = settings
        self._secret = secret
        self.writing = Writing(settings)
        self._organiser = catalogue.Party(settings.fest_name, parseaddr(settings.mail_from)[1])
        # Emails are plain text: what is escaped for HTML would show as it is.
        texts = environment(settings, ["festgate.portal.tickets"], self.writing)
        self._texts = texts.overlay(autoescape=False, keep_trailing_newline=True, auto_reload=False)
        self._texts.filters["fours"] = in_fours
        self._texts.globals.update(base_url=settings.base_url, zone=settings.timezone)
        self.holders = HolderEmails(self._write_to_holder, settings, self._organiser, secret)

    def _write_to_holder(self, **shown: object) -> str:
        return self._texts.get_template("tickets/mail/holder.txt").render(**shown)

    def post_copy(self, connection: Connection, ticket: queries.Ticket, topic: str) -> None:
        """Send one ticket again."""
        entry = entry_of(connection, ticket, catalogue.event_by_id(connection, ticket.event_id))
        self.post_again(connection, [entry], ticket.person_id, topic)

    def post_order_copy(self, connection: Connection, order: checkout.Order, topic: str) -> bool:
        """Send all tickets of the order that are still of use again; return False if there are none."""
        entries = []
        for seat in registrations.seats_of_order(connection, order.id):
            ticket = queries.ticket_of_seat(connection, seat.id)
            event = catalogue.event_by_id(connection, seat.event_id)
            if ticket is not None and is_useful(ticket, event, connection.now):
                entries.append(entry_of(connection, ticket, event))
        if entries:
            self.post_again(connection, entries, order.person_id, topic)
        return bool(entries)

    def post_tickets(
        self,
        connection: Connection,
        entries: list[TicketEntry],
        person_id: int,
        topic: str,
        order: checkout.Order | None,
    ) -> None:
        """Send tickets that were issued; `order` is the one that they belong to."""
        entries.sort(key=lambda entry: (entry.event.starts_at, entry.ticket.id))
        self.post(
            connection,
            topic,
            person_id,
            "confirmed",
            describe_tickets([entry.event.title for entry in entries], order, self.writing),
            _seats_of(connection, entries),
            is_limited=order is None,
            entries=entries,
            order=order,
        )

    def post_again(
        self, connection: Connection, entries: list[TicketEntry], person_id: int, topic: str
    ) -> None:
        """Send tickets that were sent before."""
        entries.sort(key=lambda entry: (entry.event.starts_at, entry.ticket.id))
        text = describe_copies([entry.event.title for entry in entries], self.writing)
        seats = _seats_of(connection, entries)
        self.post(connection, topic, person_id, "confirmed", text, seats, entries=entries, order=None)

    def post(
        self,
        connection: Connection,
        topic: str,
        person_id: int,
        template: str,
        text: EmailText,
        seats: Mapping[catalogue.Event, int] | None = None,
        *,
        method: catalogue.Method = "REQUEST",
        is_limited: bool = False,
        **shown: object,
    ) -> None:
        """Queue an email, with an invitation to the event of each of these seats, or the end of one.

        `is_limited`: an attendee could cause many at no cost, so an unconfirmed address gets few.
        """
        person = accounts.person_by_id(connection, person_id)
        if not person.email:  # sold at the box office without one, or deleted
            return
        if is_limited and not accounts.may_email(connection, person, self._settings, self._secret):
            return
        links = []
        if person.is_guest:
            if mail.find_state(connection, topic) is not None:
                return  # queued before, with a link
            links = self._guest_links(connection, person, seats or {}, shown)
        body = self._texts.get_template(f"tickets/mail/{template}.txt").render(
            person=person, text=text, guest_link=links[0] if links else None, **shown
        )
        files = [
            Attachment(f"{event.slug}.ics", f"text/calendar; method={method}", calendar)
            for event, calendar in self._invitations(
                connection, person, seats or {}, method, is_later=template in ("changed", "released")
            )
        ]
        mail.post(
            connection, topic, person.email, text.subject, body, files, priority=text.priority, links=links
        )

    def _guest_links(
        self,
        connection: Connection,
        person: accounts.Person,
        seats: Iterable[catalogue.Event],
        shown: Mapping[str, Any],
    ) -> list[Link]:
        """Return the link with which a guest opens what the email is about; it outlives the events of the email."""
        order, entries, event = shown.get("order"), shown.get("entries", ()), shown.get("event")
        ends = [known.ends_at for known in (*seats, *([event] if event is not None else []))]
        if order is not None:
            ends += [catalogue.event_by_id(connection, line.event_id).ends_at for line in order.lines]
            path = f"/orders/{order.ref}"
        else:
            path = f"/tickets/{entries[0].ticket.code}" if len(entries) == 1 else "/my-events"
        until = max([connection.now, *ends]) + accounts.GUEST_LINK_LIFE
        return [accounts.add_link(connection, self._secret, person.id, path, until)]

    def _invitations(
        self,
        connection: Connection,
        person: accounts.Person,
        seats: Mapping[catalogue.Event, int],
        method: catalogue.Method,
        *,
        is_later: bool,
    ) -> Iterator[tuple[catalogue.Event, str]]:
        if not seats:
            return
        by_event = {event.id: seat for event, seat in seats.items()}
        earlier = queries.count_earlier(connection, person.id, by_event)
        attendee = catalogue.Party(person.shown_name, person.email)
        for event in seats:
            # A calendar ignores a lower number than it had. Each earlier seat of this person at this event was added
            # to their calendar and removed from it, and a removal is the step after its invitation.
            transfers = queries.count_transfers_of_seat(connection, seats[event]) if is_later else 0
            steps = 2 * (earlier[event.id] + transfers) + (method == "CANCEL")
            # Without the number of seats taken, which changes with every sale: invitations are cached by their event.
            shown = replace(event, taken=0, sequence=event.sequence + steps)
            yield (
                event,
                catalogue.invitation(
                    shown, self._settings.base_url, self._organiser, attendee, connection.now, method
                ),
            )


def entry_of(connection: Connection, ticket: queries.Ticket, event: catalogue.Event) -> TicketEntry:
    """Return the ticket as an email shows it."""
    seat = registrations.seat(connection, ticket.seat_id)
    places = registrations.places_of_pass(connection, seat.id) if seat.is_pass else []
    confirmed = tuple(place for place in places if place.state == "confirmed")
    titles = registrations.titles_of_places(connection, seat)
    return TicketEntry(ticket, event, seat.type_name, seat.attendee_name, places=confirmed, admits_to=titles)


def _seats_of(connection: Connection, entries: Iterable[TicketEntry]) -> dict[catalogue.Event, int]:
    """Return a seat at each event of the tickets, those that passes also admit to included."""
    seats: dict[catalogue.Event, int] = {}
    for entry in entries:
        for place in entry.places:
            seats[catalogue.event_by_id(connection, place.event_id)] = place.id
    return seats | {entry.event: entry.ticket.seat_id for entry in entries}
