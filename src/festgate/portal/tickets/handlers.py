"""What tickets do when a seat is confirmed, paid, taken back or refunded, and when an event changes.

A person gets one email for each thing that happened to them: its topic names that thing, and the queue of mail drops a
second email of one topic. So a fact that arrives twice is told once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.messaging import mail, outbox
from festgate.kit.messaging.outbox import Subscription
from festgate.kit.money import totals
from festgate.kit.web.pages import Writing, environment
from festgate.portal.accounts import facade as accounts
from festgate.portal.accounts.facts import AddressConfirmed
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facts import EventChanged
from festgate.portal.checkout import facade as checkout
from festgate.portal.checkout.facts import OrderPaid, OrderReduced, OrderRefunded, SeatRefunded
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.facts import HoldCancelled, SeatConfirmed, SeatReleased
from festgate.portal.tickets import queries
from festgate.portal.tickets.endings import describe_ending, describe_reduction
from festgate.portal.tickets.facts import HoldersLeft
from festgate.portal.tickets.issue import issue_ticket, void_ticket
from festgate.portal.tickets.qr import in_fours
from festgate.settings import Settings

POINT = "outbox.tickets"
TOLD_AT_ONCE = 50
"""Holders that one operation writes to: about 10 ms, after which others have their turn at the writer."""
MAX_IN_SUBJECT = 3


@dataclass(frozen=True)
class Entry:
    """A ticket and the event that it is for, as an email shows them."""

    ticket: queries.Ticket
    event: catalogue.Event


class TicketHandlers:
    """The handlers, with what the fest's settings say of emails: zone, language, address."""

    def __init__(self, settings: Settings) -> None:
        """Templates are compiled when first used."""
        self._settings = settings
        self._writing = Writing(settings)
        # Emails are plain text: what is escaped for HTML would show as it is.
        texts = environment(settings, ["festgate.portal.tickets"])
        self._texts = texts.overlay(autoescape=False, keep_trailing_newline=True, auto_reload=False)
        self._texts.filters["fours"] = in_fours
        self._texts.globals.update(base_url=settings.base_url, zone=settings.timezone)

    def subscriptions(self) -> tuple[Subscription[Any], ...]:
        """For the relay. The names are in the data: they stay as they are wherever the code goes."""
        return (
            Subscription(SeatConfirmed, self.issue_free, "festgate.tickets.handlers.issue_free", POINT),
            Subscription(OrderPaid, self.issue_paid, "festgate.tickets.handlers.issue_paid", POINT),
            Subscription(SeatReleased, self.void_released, "festgate.tickets.handlers.void_released", POINT),
            Subscription(
                HoldCancelled,
                self.tell_hold_cancelled,
                "festgate.tickets.handlers.tell_hold_cancelled",
                POINT,
            ),
            Subscription(OrderReduced, self.tell_reduced, "festgate.tickets.handlers.tell_reduced", POINT),
            Subscription(
                SeatRefunded, self.tell_seat_refunded, "festgate.tickets.handlers.tell_seat_refunded", POINT
            ),
            Subscription(
                OrderRefunded,
                self.tell_order_refunded,
                "festgate.tickets.handlers.tell_order_refunded",
                POINT,
            ),
            Subscription(EventChanged, self.tell_changed, "festgate.tickets.handlers.tell_changed", POINT),
            Subscription(HoldersLeft, self.tell_left, "festgate.tickets.handlers.tell_left", POINT),
            Subscription(
                AddressConfirmed, self.send_kept_back, "festgate.tickets.handlers.send_kept_back", POINT
            ),
        )

    def issue_free(self, connection: Connection, fact: SeatConfirmed) -> None:
        """A free seat is confirmed: its ticket, and the email that brings it."""
        seat = registrations.seat(connection, fact.seat_id)
        self._issue(connection, [seat], seat.person_id, queries.topic_of_seat(seat.id), None)

    def issue_paid(self, connection: Connection, fact: OrderPaid) -> None:
        """An order is paid: a ticket for each of its seats, and one email with all of them."""
        order = checkout.order_by_id(connection, fact.order_id)
        seats = registrations.seats_of_order(connection, order.id)
        self._issue(connection, seats, order.person_id, queries.topic_of_order(order.ref), order)

    def void_released(self, connection: Connection, fact: SeatReleased) -> None:
        """A confirmed seat was given back, or taken back (perhaps the event was called off): its ticket is void."""
        seat = registrations.seat(connection, fact.seat_id)
        void_ticket(connection, seat)
        self._tell_ended(connection, seat, had_ticket=True)

    def tell_hold_cancelled(self, connection: Connection, fact: HoldCancelled) -> None:
        """A held seat ended though its holder did not ask for it."""
        self._tell_ended(connection, registrations.seat(connection, fact.seat_id), had_ticket=False)

    def tell_reduced(self, connection: Connection, fact: OrderReduced) -> None:
        """Tell an order's owner what is left to pay; once only where several seats left it at about the same time."""
        order = checkout.order_by_id(connection, fact.order_id)
        closed = order.state == "cancelled" and not order.kept_lines
        if order.revision != fact.revision or (order.state != "pending" and not closed):
            return
        reason = checkout.reason_for(
            connection, [line for line in order.lines if line.dropped_at is not None]
        )
        reduced = describe_reduction(order, reason, self._writing)
        topic = f"reduced:{order.ref}:{order.revision}"
        self._post(
            connection, topic, order.person_id, reduced.subject, "reduced", (), order=order, reduced=reduced
        )

    def send_kept_back(self, connection: Connection, fact: AddressConfirmed) -> None:
        """An address is confirmed: send the tickets of free seats that were not sent there before."""
        for ticket in queries.tickets_of(connection, fact.person_id):
            event = catalogue.event_by_id(connection, ticket.event_id)
            if ticket.state == "valid" and ticket.order_id is None and event.ends_at > connection.now:
                topic = queries.topic_of_seat(ticket.seat_id)
                self._send_tickets(connection, [Entry(ticket, event)], fact.person_id, topic, None)

    def tell_seat_refunded(self, connection: Connection, fact: SeatRefunded) -> None:
        """One seat's fee of an order went back."""
        seat = registrations.seat(connection, fact.seat_id)
        self._void_unless_confirmed(connection, [seat])
        order = checkout.order_by_id(connection, fact.order_id)
        gone = [part for part in checkout.refunds_of(connection, order.id) if part.seat_id == seat.id]
        self._tell_refund(connection, f"refunded:{order.ref}:{seat.id}", order, gone, [seat])

    def tell_order_refunded(self, connection: Connection, fact: OrderRefunded) -> None:
        """All of an order's money went back; what went back seat by seat was told then."""
        order = checkout.order_by_id(connection, fact.order_id)
        seats = registrations.seats_of_order(connection, order.id)
        self._void_unless_confirmed(connection, seats)
        gone = [
            part
            for part in checkout.refunds_of(connection, order.id)
            if part.seat_id is None and part.provider_ref == order.provider_ref
        ]
        self._tell_refund(connection, f"refunded:{order.ref}", order, gone, [])

    def tell_changed(self, connection: Connection, fact: EventChanged) -> None:
        """The title, the time or the place is another: whoever has a ticket is told what it is now."""
        event = catalogue.event_by_id(connection, fact.event_id)
        self._tell_holders(connection, event, event.updated_at, 0)

    def tell_left(self, connection: Connection, fact: HoldersLeft) -> None:
        """The holders that the last round had no time for."""
        event = catalogue.event_by_id(connection, fact.event_id)
        self._tell_holders(connection, event, fact.changed_at, fact.after_ticket)

    def _tell_ended(self, connection: Connection, seat: registrations.Seat, *, had_ticket: bool) -> None:
        event = catalogue.event_by_id(connection, seat.event_id)
        ending = describe_ending(seat, event, self._writing, self._settings.base_url, had_ticket=had_ticket)
        self._post(
            connection,
            f"released:{seat.id}",
            seat.person_id,
            ending.subject,
            "released",
            self._calendars([event] if ending.called_off else []),
            is_limited=seat.fee.minor == 0 and not ending.called_off,
            event=event,
            ending=ending,
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
                entries.append(Entry(ticket, catalogue.event_by_id(connection, seat.event_id)))
        if not entries:  # given back before it was ours to do: the email about that says so
            return
        self._send_tickets(connection, entries, person_id, topic, order)

    def _send_tickets(
        self,
        connection: Connection,
        entries: list[Entry],
        person_id: int,
        topic: str,
        order: checkout.Order | None,
    ) -> None:
        entries.sort(key=lambda entry: (entry.event.starts_at, entry.ticket.id))
        self._post(
            connection,
            topic,
            person_id,
            f"Your ticket{'s' if len(entries) > 1 else ''}: {_listed([entry.event.title for entry in entries])}",
            "confirmed",
            self._calendars(entry.event for entry in entries),
            is_limited=order is None,
            entries=entries,
            order=order,
        )

    def _void_unless_confirmed(self, connection: Connection, seats: Iterable[registrations.Seat]) -> None:
        for seat in seats:
            if seat.state != "confirmed" and queries.ticket_of_seat(connection, seat.id) is not None:
                void_ticket(connection, seat)

    def _tell_refund(
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
        shown = " and ".join(amount.shown(self._settings.locale) for amount in amounts)
        what = ", ".join(seat.title for seat in seats) or f"order {order.ref}"
        own = [
            refund
            for refund in checkout.refunds_of(connection, order.id)
            if refund.provider_ref == order.provider_ref
        ]
        part = len(gone) < len(own)
        self._post(
            connection,
            topic,
            order.person_id,
            f"Refunded: {shown} for {what}",
            "refunded",
            (),
            order=order,
            amount=shown,
            reason=gone[0].reason,
            seats=seats,
            part=part,
        )

    def _tell_holders(
        self,
        connection: Connection,
        event: catalogue.Event,
        changed_at: Milliseconds,
        after_ticket: int,
    ) -> None:
        if event.state != "published":  # called off since: the emails about that are on their way
            return
        holders = queries.holders_after(connection, event.id, after_ticket, changed_at, TOLD_AT_ONCE)
        for _, person_id in holders:
            self._post(
                connection,
                f"changed:{event.id}:{changed_at}:{person_id}",
                person_id,
                f"Changed: {event.title}",
                "changed",
                self._calendars([event]),
                event=event,
            )
        if len(holders) == TOLD_AT_ONCE:
            outbox.record(connection, HoldersLeft(event.id, changed_at, holders[-1][0]))

    def _post(
        self,
        connection: Connection,
        topic: str,
        person_id: int,
        subject: str,
        template: str,
        attachments: Sequence[mail.Attachment],
        *,
        is_limited: bool = False,
        **shown: object,
    ) -> None:
        """Queue an email. One that `is_limited` costs its cause nothing: few of them go to an unconfirmed address."""
        person = accounts.person_by_id(connection, person_id)
        if is_limited and not accounts.may_email(connection, person, self._settings):
            return
        text = self._texts.get_template(f"tickets/mail/{template}.txt").render(person=person, **shown)
        mail.post(connection, topic, person.email, subject, text, attachments)

    def _calendars(self, events: Iterable[catalogue.Event]) -> tuple[mail.Attachment, ...]:
        # Without the count of seats, which changes with every sale: a calendar takes 0.6 ms to make, and is remembered
        # by the event that it is made of.
        return tuple(
            mail.Attachment(
                f"{event.slug}.ics",
                "text/calendar",
                catalogue.calendar(replace(event, taken=0), self._settings.base_url),
            )
            for event in events
        )


def _listed(titles: Sequence[str]) -> str:
    """`Robo Race, Hackathon and 3 more`: a subject stays a line."""
    few = ", ".join(titles[:MAX_IN_SUBJECT])
    more = len(titles) - MAX_IN_SUBJECT
    return f"{few} and {more} more" if more > 0 else few
