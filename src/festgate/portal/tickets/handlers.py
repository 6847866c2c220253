"""Issue and void tickets, and send emails, when a seat is confirmed, paid, cancelled or refunded, or an event changes.

An attendee gets one email for each thing that happened to them: its topic names that thing, and the mail queue drops a
second email with the same topic. So a fact that arrives twice sends one email.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import parseaddr
from typing import Any

from festgate.kit.db.statements import Connection
from festgate.kit.messaging import mail, outbox
from festgate.kit.messaging.mail_links import Link
from festgate.kit.messaging.mail_parts import Attachment
from festgate.kit.messaging.outbox import Subscription
from festgate.kit.money import totals
from festgate.kit.translation import gettext
from festgate.kit.web.pages import environment
from festgate.kit.writing import Writing
from festgate.portal.accounts import facade as accounts
from festgate.portal.accounts.facts import AddressConfirmed, AddressCorrected
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facts import EventChanged
from festgate.portal.checkout import facade as checkout
from festgate.portal.checkout.facts import (
    OrderPaid,
    OrderReduced,
    OrderRefunded,
    PartRefunded,
    SeatRefunded,
    TransferAwaited,
)
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.facts import (
    HoldCancelled,
    MemberJoined,
    SeatConfirmed,
    SeatExchanged,
    SeatOffered,
    SeatReleased,
    WaitingEnded,
)
from festgate.portal.tickets import queries
from festgate.portal.tickets.copies import is_useful, topic_of_correction
from festgate.portal.tickets.email_texts import (
    EmailText,
    describe_change,
    describe_copies,
    describe_ending,
    describe_exchange,
    describe_part_refund,
    describe_reduction,
    describe_refund,
    describe_tickets,
    describe_transfer,
)
from festgate.portal.tickets.facts import HoldersLeft
from festgate.portal.tickets.holder_emails import HolderEmails, next_topic
from festgate.portal.tickets.issue import issue_places, issue_ticket, void_places, void_ticket
from festgate.portal.tickets.qr import in_fours
from festgate.portal.tickets.waiting_texts import describe_offer, describe_waiting_ended
from festgate.settings import Settings

POINT = "outbox.tickets"
EMAILS_AT_ONCE = 50
"""Emails that one operation queues: about 10 ms, after which others have their turn at the writer."""


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


class TicketHandlers:
    """The handlers, with the settings that emails need: time zone, locale, base address."""

    def __init__(self, settings: Settings, secret: bytes) -> None:
        """Prepare the templates; each is compiled when it is first used. The `secret` makes the links of guests."""
        self._settings = settings
        self._secret = secret
        self._writing = Writing(settings)
        self._organiser = catalogue.Party(settings.fest_name, parseaddr(settings.mail_from)[1])
        # Emails are plain text: what is escaped for HTML would show as it is.
        texts = environment(settings, ["festgate.portal.tickets"], self._writing)
        self._texts = texts.overlay(autoescape=False, keep_trailing_newline=True, auto_reload=False)
        self._texts.filters["fours"] = in_fours
        self._texts.globals.update(base_url=settings.base_url, zone=settings.timezone)
        self.holders = HolderEmails(self._write_to_holder, settings, self._organiser, secret)

    def _write_to_holder(self, **shown: object) -> str:
        return self._texts.get_template("tickets/mail/holder.txt").render(**shown)

    def subscriptions(self) -> tuple[Subscription[Any], ...]:
        """Return the subscriptions for the relay. Their names are stored in the data and never change."""
        return (
            Subscription(SeatConfirmed, self.issue_free, "festgate.tickets.handlers.issue_free", POINT),
            Subscription(OrderPaid, self.issue_paid, "festgate.tickets.handlers.issue_paid", POINT),
            Subscription(MemberJoined, self.email_member, "festgate.tickets.handlers.email_member", POINT),
            Subscription(SeatReleased, self.void_released, "festgate.tickets.handlers.void_released", POINT),
            Subscription(
                HoldCancelled,
                self.email_hold_cancelled,
                "festgate.tickets.handlers.tell_hold_cancelled",
                POINT,
            ),
            Subscription(OrderReduced, self.email_reduced, "festgate.tickets.handlers.tell_reduced", POINT),
            Subscription(
                SeatRefunded, self.email_seat_refunded, "festgate.tickets.handlers.tell_seat_refunded", POINT
            ),
            Subscription(
                OrderRefunded,
                self.email_order_refunded,
                "festgate.tickets.handlers.tell_order_refunded",
                POINT,
            ),
            Subscription(
                TransferAwaited, self.email_transfer, "festgate.tickets.handlers.email_transfer", POINT
            ),
            Subscription(SeatExchanged, self.exchange, "festgate.tickets.handlers.exchange", POINT),
            Subscription(
                PartRefunded,
                self.email_part_refunded,
                "festgate.tickets.handlers.email_part_refunded",
                POINT,
            ),
            Subscription(SeatOffered, self.email_offered, "festgate.tickets.handlers.email_offered", POINT),
            Subscription(
                WaitingEnded, self.email_waiting_ended, "festgate.tickets.handlers.email_waiting_ended", POINT
            ),
            Subscription(EventChanged, self.email_changed, "festgate.tickets.handlers.tell_changed", POINT),
            Subscription(HoldersLeft, self.email_left, "festgate.tickets.handlers.tell_left", POINT),
            Subscription(
                AddressConfirmed, self.send_kept_back, "festgate.tickets.handlers.send_kept_back", POINT
            ),
            Subscription(
                AddressCorrected, self.send_corrected, "festgate.tickets.handlers.send_corrected", POINT
            ),
        )

    def issue_free(self, connection: Connection, fact: SeatConfirmed) -> None:
        """Issue the ticket of a free seat, and email it."""
        seat = registrations.seat(connection, fact.seat_id)
        if seat.emailed_id is None:  # the captain's email has the link by which members join
            issue_ticket(connection, seat)
            return
        self._issue(connection, [seat], seat.emailed_id, queries.topic_of_seat(seat.id), None)

    def email_member(self, connection: Connection, fact: MemberJoined) -> None:
        """Send the ticket of a team's place to the member that took it."""
        seat = registrations.seat(connection, fact.seat_id)
        if seat.member_id == fact.person_id:
            self._issue(
                connection, [seat], fact.person_id, f"member:{seat.id}:{fact.person_id}:{fact.at}", None
            )

    def issue_paid(self, connection: Connection, fact: OrderPaid) -> None:
        """Issue a ticket for each seat of a paid order, and send one email with all of them."""
        order = checkout.order_by_id(connection, fact.order_id)
        seats = registrations.seats_of_order(connection, order.id)
        self._issue(connection, seats, order.person_id, queries.topic_of_order(order.ref), order)

    def void_released(self, connection: Connection, fact: SeatReleased) -> None:
        """Void the ticket of a cancelled registration, and email its holder."""
        seat = registrations.seat(connection, fact.seat_id)
        void_ticket(connection, seat)
        self._email_ended(connection, seat, had_ticket=True, places=void_places(connection, seat))
        self.holders.post_ended(connection, seat, f"released:{seat.id}:holder")

    def email_hold_cancelled(self, connection: Connection, fact: HoldCancelled) -> None:
        """Email the holder of a held seat that was cancelled, usually with its event."""
        self._email_ended(connection, registrations.seat(connection, fact.seat_id), had_ticket=False)

    def email_reduced(self, connection: Connection, fact: OrderReduced) -> None:
        """Email the owner of an order what is left to pay; once where several of its seats were cancelled together."""
        order = checkout.order_by_id(connection, fact.order_id)
        closed = order.state == "cancelled" and not order.kept_lines
        if order.revision != fact.revision or (order.state != "pending" and not closed):
            return
        reason = checkout.reason_for(
            connection, [line for line in order.lines if line.dropped_at is not None]
        )
        text = describe_reduction(order, reason, self._writing)
        topic = f"reduced:{order.ref}:{order.revision}"
        self._post(connection, topic, order.person_id, "reduced", text, order=order)

    def email_transfer(self, connection: Connection, fact: TransferAwaited) -> None:
        """Email the owner of an order how to pay it by transfer, unless that is over."""
        order = checkout.order_by_id(connection, fact.order_id)
        state = checkout.transfer_of(connection, order.id)
        is_reminder_over = fact.cause == "ending" and bool(state.utr)
        is_corrected = fact.cause == "rejected" and not state.rejected_utr
        if order.state != "pending" or is_reminder_over or is_corrected:
            return
        account = checkout.account_of(self._settings)
        if account is not None:
            text = describe_transfer(order, fact.cause, state.rejected_utr, account, self._writing)
            topic = f"transfer:{order.ref}:{fact.cause}:{fact.at}"
            self._post(connection, topic, order.person_id, "reduced", text, order=order)

    def send_kept_back(self, connection: Connection, fact: AddressConfirmed) -> None:
        """Send the tickets of free seats that were not sent while the address was unconfirmed."""
        for ticket in queries.tickets_of(connection, fact.person_id):
            event = catalogue.event_by_id(connection, ticket.event_id)
            if ticket.state == "valid" and ticket.order_id is None and event.ends_at > connection.now:
                topic = queries.topic_of_seat(ticket.seat_id)
                entry = _entry_of(connection, ticket, event)
                self._send_tickets(connection, [entry], fact.person_id, topic, None)

    def send_corrected(self, connection: Connection, fact: AddressCorrected) -> None:
        """Send all tickets that are still of use to the corrected address."""
        entries = [
            _entry_of(connection, ticket, event)
            for ticket in queries.tickets_of(connection, fact.person_id)
            for event in [catalogue.event_by_id(connection, ticket.event_id)]
            if is_useful(ticket, event, connection.now)
        ]
        if entries:
            self._send_again(
                connection, entries, fact.person_id, topic_of_correction(connection, fact.person_id)
            )

    def post_copy(self, connection: Connection, ticket: queries.Ticket, topic: str) -> None:
        """Send one ticket again."""
        entry = _entry_of(connection, ticket, catalogue.event_by_id(connection, ticket.event_id))
        self._send_again(connection, [entry], ticket.person_id, topic)

    def post_order_copy(self, connection: Connection, order: checkout.Order, topic: str) -> bool:
        """Send all tickets of the order that are still of use again; return False if there are none."""
        entries = []
        for seat in registrations.seats_of_order(connection, order.id):
            ticket = queries.ticket_of_seat(connection, seat.id)
            event = catalogue.event_by_id(connection, seat.event_id)
            if ticket is not None and is_useful(ticket, event, connection.now):
                entries.append(_entry_of(connection, ticket, event))
        if entries:
            self._send_again(connection, entries, order.person_id, topic)
        return bool(entries)

    def email_seat_refunded(self, connection: Connection, fact: SeatRefunded) -> None:
        """Email the owner of an order that the fee of one seat was refunded."""
        seat = registrations.seat(connection, fact.seat_id)
        self._void_unless_confirmed(connection, [seat])
        order = checkout.order_by_id(connection, fact.order_id)
        gone = [part for part in checkout.refunds_of(connection, order.id) if part.seat_id == seat.id]
        self._email_refund(connection, f"refunded:{order.ref}:{seat.id}", order, gone, [seat])

    def email_order_refunded(self, connection: Connection, fact: OrderRefunded) -> None:
        """Email the owner of an order that the rest was refunded; refunds of single seats had their own emails."""
        order = checkout.order_by_id(connection, fact.order_id)
        seats = registrations.seats_of_order(connection, order.id)
        self._void_unless_confirmed(connection, seats)
        gone = [
            part
            for part in checkout.refunds_of(connection, order.id)
            if part.seat_id is None and part.provider_ref == order.provider_ref and not part.is_part
        ]
        self._email_refund(connection, f"refunded:{order.ref}", order, gone, [])

    def email_part_refunded(self, connection: Connection, fact: PartRefunded) -> None:
        """Email the owner of an order that a part of it was refunded, and that the tickets stay valid."""
        order = checkout.order_by_id(connection, fact.order_id)
        for part in checkout.refunds_of(connection, order.id):
            if part.id == fact.refund_id:
                amount = part.amount.shown(self._settings.locale)
                text = describe_part_refund(order, amount, part.reason)
                topic = f"refunded:{order.ref}:part:{part.id}"
                self._post(connection, topic, order.person_id, "refunded", text, order=order)

    def exchange(self, connection: Connection, fact: SeatExchanged) -> None:
        """Void the ticket of an exchanged seat, and issue and send that of the new one, each with its places."""
        old = registrations.seat(connection, fact.old_seat_id)
        void_ticket(connection, old)
        ended = void_places(connection, old)
        seat = registrations.seat(connection, fact.new_seat_id)
        ticket = issue_ticket(connection, seat)
        # Without one it was cancelled since: there is an email about that.
        if ticket is None:
            return
        places = issue_places(connection, seat)
        if (
            seat.emailed_id is None
        ):  # a free place of a team: the captain's email has the link by which members join
            return
        entry = self._entry(connection, seat, ticket, places)
        kept = {seat.event_id, *(place.event_id for place in places)}
        left = [part.title for part in (old, *ended) if part.event_id not in kept]
        text = describe_exchange(old, seat, left)
        seats = _seats_of(connection, [entry])
        # The receipt of the order and its tickets have further emails of their own.
        topic = f"exchanged:{seat.id}"
        self._post(connection, topic, seat.emailed_id, "confirmed", text, seats, entries=[entry], order=None)
        self.holders.post_ended(connection, old, f"exchanged:{old.id}:holder")
        if seat.attendee_email and seat.team_id is None:
            self.holders.post_ticket(connection, ticket, seat, next_topic(connection, ticket.id))

    def _entry(
        self,
        connection: Connection,
        seat: registrations.Seat,
        ticket: queries.Ticket,
        places: Sequence[registrations.Seat],
    ) -> TicketEntry:
        """Return the ticket of a seat as an email shows it, with its places at other events if it is a pass."""
        event = catalogue.event_by_id(connection, seat.event_id)
        admits_to = registrations.titles_of_places(connection, seat)
        entry = TicketEntry(
            ticket, event, seat.type_name, seat.attendee_name, places=tuple(places), admits_to=admits_to
        )
        if seat.team_id is None or seat.member_id != seat.person_id:
            return entry
        team = registrations.team_by_id(connection, seat.team_id)
        return replace(entry, team=team, team_link=registrations.link_of(self._settings, team.token))

    def email_offered(self, connection: Connection, fact: SeatOffered) -> None:
        """Email the person to whom a seat was offered, unless the offer is over."""
        seat = registrations.seat(connection, fact.seat_id)
        entry = registrations.entry_of_seat(connection, seat.id)
        if entry is not None and seat.state == "held":
            event = catalogue.event_by_id(connection, seat.event_id)
            text = describe_offer(seat, entry, event, self._writing, self._settings.base_url)
            topic = f"offered:{seat.id}"
            self._post(connection, topic, seat.person_id, "released", text, is_limited=True, event=event)

    def email_waiting_ended(self, connection: Connection, fact: WaitingEnded) -> None:
        """Email the person whose application was declined, or whose place on a waiting list has ended."""
        entry = registrations.entry_by_id(connection, fact.waiting_id)
        event = catalogue.event_by_id(connection, entry.event_id)
        text = describe_waiting_ended(entry, event)
        topic = f"waiting-ended:{entry.id}"
        self._post(connection, topic, entry.person_id, "released", text, is_limited=True, event=event)

    def email_changed(self, connection: Connection, fact: EventChanged) -> None:
        """Email all ticket holders of an event whose title, time or place has changed."""
        event = catalogue.event_by_id(connection, fact.event_id)
        known = (fact.title, fact.place, fact.starts_at, fact.ends_at)
        self._email_holders(connection, event, HoldersLeft(event.id, event.updated_at, 0, *known))

    def email_left(self, connection: Connection, fact: HoldersLeft) -> None:
        """Email the holders that the last round left for later."""
        event = catalogue.event_by_id(connection, fact.event_id)
        self._email_holders(connection, event, fact)

    def _email_ended(
        self,
        connection: Connection,
        seat: registrations.Seat,
        *,
        had_ticket: bool,
        places: Sequence[registrations.Seat] = (),
    ) -> None:
        person_id = seat.emailed_id
        if person_id is None:  # a free place of a team, whose captain gets the email about the own one
            return
        event = catalogue.event_by_id(connection, seat.event_id)
        # The entry in a calendar is removed with the last seat of the person.
        left = {
            catalogue.event_by_id(connection, part.event_id): part.id
            for part in (seat, *places)
            if had_ticket and not registrations.count_seats_at(connection, person_id, part.event_id)[1]
        }
        ending = describe_ending(seat, event, self._writing, self._settings.base_url, had_ticket=had_ticket)
        self._post(
            connection,
            f"released:{seat.id}",
            person_id,
            "released",
            ending,
            left,
            method="CANCEL",
            is_limited=seat.fee.minor == 0 and not ending.called_off,
            event=event,
        )

    def _issue(
        self,
        connection: Connection,
        seats: Sequence[registrations.Seat],
        person_id: int,
        topic: str,
        order: checkout.Order | None,
    ) -> None:
        entries = []
        for seat in seats:
            ticket = issue_ticket(connection, seat)
            if ticket is not None:
                entries.append(self._entry(connection, seat, ticket, issue_places(connection, seat)))
        if not entries:  # cancelled before the ticket was issued: there is an email about that
            return
        self._send_tickets(connection, entries, person_id, topic, order)

    def _send_tickets(
        self,
        connection: Connection,
        entries: list[TicketEntry],
        person_id: int,
        topic: str,
        order: checkout.Order | None,
    ) -> None:
        entries.sort(key=lambda entry: (entry.event.starts_at, entry.ticket.id))
        self._post(
            connection,
            topic,
            person_id,
            "confirmed",
            describe_tickets([entry.event.title for entry in entries], order, self._writing),
            _seats_of(connection, entries),
            is_limited=order is None,
            entries=entries,
            order=order,
        )

    def _send_again(
        self, connection: Connection, entries: list[TicketEntry], person_id: int, topic: str
    ) -> None:
        entries.sort(key=lambda entry: (entry.event.starts_at, entry.ticket.id))
        text = describe_copies([entry.event.title for entry in entries], self._writing)
        seats = _seats_of(connection, entries)
        self._post(connection, topic, person_id, "confirmed", text, seats, entries=entries, order=None)

    def _void_unless_confirmed(self, connection: Connection, seats: Iterable[registrations.Seat]) -> None:
        for seat in seats:
            if seat.state != "confirmed" and queries.ticket_of_seat(connection, seat.id) is not None:
                void_ticket(connection, seat)
                void_places(connection, seat)

    def _email_refund(
        self,
        connection: Connection,
        topic: str,
        order: checkout.Order,
        gone: Sequence[checkout.Refund],
        seats: Sequence[registrations.Seat],
    ) -> None:
        if not gone:
            return
        # A charge in another currency than the order's goes back in its own, so there may be several sums.
        amounts = totals(part.amount for part in gone)
        shown = gettext(" and ").join(amount.shown(self._settings.locale) for amount in amounts)
        titles = ", ".join(seat.title for seat in seats)
        own = [
            refund
            for refund in checkout.refunds_of(connection, order.id)
            if refund.provider_ref == order.provider_ref
        ]
        text = describe_refund(order, shown, gone[0].reason, titles, whole=len(gone) >= len(own))
        self._post(connection, topic, order.person_id, "refunded", text, order=order)

    def _email_holders(self, connection: Connection, event: catalogue.Event, left: HoldersLeft) -> None:
        text = describe_change(event, left, self._writing)
        if (
            event.state != "published" or text is None
        ):  # cancelled or restored since; the former has its own emails
            return
        holders = queries.holders_after(
            connection, event.id, left.after_ticket, left.changed_at, EMAILS_AT_ONCE
        )
        for _, person_id, seat_id in holders:
            # By the sequence of what the email shows: after two changes in a row, the fact of the second one finds
            # that these holders know its outcome.
            topic = f"changed:{event.id}:{event.sequence}:{person_id}"
            self._post(connection, topic, person_id, "changed", text, {event: seat_id}, event=event)
            holder_topic = f"changed:{event.id}:{event.sequence}:seat:{seat_id}"
            self.holders.post_changed(connection, seat_id, holder_topic, text)
        if len(holders) == EMAILS_AT_ONCE:
            outbox.record(connection, replace(left, after_ticket=holders[-1][0]))

    def _post(
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


def _entry_of(connection: Connection, ticket: queries.Ticket, event: catalogue.Event) -> TicketEntry:
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
