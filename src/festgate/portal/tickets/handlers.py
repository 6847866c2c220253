"""Issue and void tickets, and send emails, when a seat is confirmed, paid, cancelled or refunded, or an event changes.

An attendee gets one email for each thing that happened to them: its topic names that thing, and the mail queue drops a
second email with the same topic. So a fact that arrives twice sends one email.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from festgate.kit.db.statements import Connection
from festgate.kit.messaging import outbox
from festgate.kit.messaging.outbox import Subscription
from festgate.kit.money import totals
from festgate.kit.translation import gettext
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
    describe_change,
    describe_ending,
    describe_exchange,
    describe_part_refund,
    describe_reduction,
    describe_refund,
    describe_transfer,
)
from festgate.portal.tickets.emails import TicketEmails, TicketEntry, entry_of
from festgate.portal.tickets.facts import HoldersLeft
from festgate.portal.tickets.holder_emails import next_topic
from festgate.portal.tickets.issue import issue_places, issue_ticket, void_places, void_ticket
from festgate.portal.tickets.waiting_texts import describe_offer, describe_waiting_ended
from festgate.settings import Settings

POINT = "outbox.tickets"
EMAILS_AT_ONCE = 50
"""Emails that one operation queues: about 10 ms, after which others have their turn at the writer."""


class TicketHandlers:
    """The handlers, with the emails that they send."""

    def __init__(self, settings: Settings, secret: bytes) -> None:
        """Take the settings that emails need, and the `secret` that makes the links of guests."""
        self._settings = settings
        self.emails = TicketEmails(settings, secret)
        self._writing = self.emails.writing

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
        self.emails.holders.post_ended(connection, seat, f"released:{seat.id}:holder")

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
        self.emails.post(connection, topic, order.person_id, "reduced", text, order=order)

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
            self.emails.post(connection, topic, order.person_id, "reduced", text, order=order)

    def send_kept_back(self, connection: Connection, fact: AddressConfirmed) -> None:
        """Send the tickets of free seats that were not sent while the address was unconfirmed."""
        for ticket in queries.tickets_of(connection, fact.person_id):
            event = catalogue.event_by_id(connection, ticket.event_id)
            if ticket.state == "valid" and ticket.order_id is None and event.ends_at > connection.now:
                topic = queries.topic_of_seat(ticket.seat_id)
                entry = entry_of(connection, ticket, event)
                self.emails.post_tickets(connection, [entry], fact.person_id, topic, None)

    def send_corrected(self, connection: Connection, fact: AddressCorrected) -> None:
        """Send all tickets that are still of use to the corrected address."""
        entries = [
            entry_of(connection, ticket, event)
            for ticket in queries.tickets_of(connection, fact.person_id)
            for event in [catalogue.event_by_id(connection, ticket.event_id)]
            if is_useful(ticket, event, connection.now)
        ]
        if entries:
            self.emails.post_again(
                connection, entries, fact.person_id, topic_of_correction(connection, fact.person_id)
            )

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
                self.emails.post(connection, topic, order.person_id, "refunded", text, order=order)

    def exchange(self, connection: Connection, fact: SeatExchanged) -> None:
        """Void the ticket of an exchanged seat, and issue and send that of the new one."""
        old = registrations.seat(connection, fact.old_seat_id)
        void_ticket(connection, old)
        seat = registrations.seat(connection, fact.new_seat_id)
        ticket = issue_ticket(connection, seat)
        if ticket is None:  # it was cancelled since: there is an email about that
            return
        event = catalogue.event_by_id(connection, seat.event_id)
        text = describe_exchange(old, seat)
        entry = TicketEntry(ticket, event, seat.type_name, seat.attendee_name)
        topic = f"exchanged:{seat.id}"
        # The receipt of the order and its tickets have further emails of their own.
        self.emails.post(
            connection,
            topic,
            seat.person_id,
            "confirmed",
            text,
            {event: seat.id},
            entries=[entry],
            order=None,
        )
        self.emails.holders.post_ended(connection, old, f"exchanged:{old.id}:holder")
        if seat.attendee_email:
            self.emails.holders.post_ticket(connection, ticket, seat, next_topic(connection, ticket.id))

    def email_offered(self, connection: Connection, fact: SeatOffered) -> None:
        """Email the person to whom a seat was offered, unless the offer is over."""
        seat = registrations.seat(connection, fact.seat_id)
        entry = registrations.entry_of_seat(connection, seat.id)
        if entry is not None and seat.state == "held":
            event = catalogue.event_by_id(connection, seat.event_id)
            text = describe_offer(seat, entry, event, self._writing, self._settings.base_url)
            topic = f"offered:{seat.id}"
            self.emails.post(
                connection, topic, seat.person_id, "released", text, is_limited=True, event=event
            )

    def email_waiting_ended(self, connection: Connection, fact: WaitingEnded) -> None:
        """Email the person whose application was declined, or whose place on a waiting list has ended."""
        entry = registrations.entry_by_id(connection, fact.waiting_id)
        event = catalogue.event_by_id(connection, entry.event_id)
        text = describe_waiting_ended(entry, event)
        topic = f"waiting-ended:{entry.id}"
        self.emails.post(connection, topic, entry.person_id, "released", text, is_limited=True, event=event)

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
        self.emails.post(
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
                event = catalogue.event_by_id(connection, seat.event_id)
                entry = TicketEntry(ticket, event, seat.type_name, seat.attendee_name)
                entry = replace(
                    entry,
                    places=tuple(issue_places(connection, seat)),
                    admits_to=registrations.titles_of_places(connection, seat),
                )
                if seat.team_id is not None and seat.member_id == seat.person_id:
                    team = registrations.team_by_id(connection, seat.team_id)
                    entry = replace(
                        entry, team=team, team_link=registrations.link_of(self._settings, team.token)
                    )
                entries.append(entry)
        if not entries:  # cancelled before the ticket was issued: there is an email about that
            return
        self.emails.post_tickets(connection, entries, person_id, topic, order)

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
        self.emails.post(connection, topic, order.person_id, "refunded", text, order=order)

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
            self.emails.post(connection, topic, person_id, "changed", text, {event: seat_id}, event=event)
            holder_topic = f"changed:{event.id}:{event.sequence}:seat:{seat_id}"
            self.emails.holders.post_changed(connection, seat_id, holder_topic, text)
        if len(holders) == EMAILS_AT_ONCE:
            outbox.record(connection, replace(left, after_ticket=holders[-1][0]))
