"""The holder of a ticket, changed by an organiser: a corrected name keeps the code, a transfer replaces it."""

from dataclasses import dataclass

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.masking import masked_name
from festgate.kit.shown import Changed, facts
from festgate.kit.translation import gettext
from festgate.kit.visitors import Actor
from festgate.portal.accounts import facade as accounts
from festgate.portal.audit import facade as audit
from festgate.portal.audit.facade import Action
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.facade import Holder, Seat
from festgate.portal.tickets import queries
from festgate.portal.tickets.copies import TicketOver, is_useful
from festgate.portal.tickets.holder_emails import HolderEmails, next_topic
from festgate.portal.tickets.queries import Ticket
from festgate.portal.tickets.transfers import HolderIn, NotTransferable, give_to, refuse_same


@dataclass(frozen=True, slots=True)
class HolderNow:
    """The ticket of a seat, with its present holder."""

    seat: Seat
    ticket: Ticket
    person: accounts.Person
    """The buyer."""
    is_in: bool
    """Whether the holder is checked in."""

    @property
    def name(self) -> str:
        """The name on the ticket."""
        return self.seat.attendee_name or self.person.shown_name

    @property
    def email(self) -> str:
        """The address that gets emails about the ticket."""
        return self.seat.attendee_email or self.person.email

    @property
    def seen(self) -> str:
        """A short text that changes with the holder, the code and the check-in."""
        return facts(
            self.ticket.id, queries.topic_of_seat(self.seat.id), self.name, self.email, int(self.is_in)
        )


def plan_holder(connection: Connection, seat_id: int) -> HolderNow:
    """Return the holder of the seat's ticket. Raises NotFound, TicketOver, or NotTransferable for a place of a team."""
    seat = registrations.seat(connection, seat_id)
    ticket = queries.ticket_of_seat(connection, seat_id)
    if ticket is None:
        raise NotFound
    event = catalogue.event_by_id(connection, ticket.event_id)
    if seat.state != "confirmed" or not is_useful(ticket, event, connection.now):
        raise TicketOver(gettext("The ticket is not valid, or its event is over or cancelled."))
    if seat.team_id is not None or seat.pass_seat_id is not None:
        raise NotTransferable
    person = accounts.person_by_id(connection, seat.person_id)
    return HolderNow(seat, ticket, person, queries.is_used(connection, seat_id))


def correct_holder(
    connection: Connection,
    actor: Actor,
    seat_id: int,
    holder: Holder,
    emails: HolderEmails,
    seen: str | None = None,
) -> None:
    """Correct the name on a ticket, or its holder's address; the code stays. A second time does nothing.

    With another address the ticket is sent there. Raises NotFound, TicketOver, NotTransferable, Invalid or Changed.
    """
    registrations.lock_seat(connection, seat_id)
    now = plan_holder(connection, seat_id)
    if not holder.name:
        raise Invalid({"name": gettext("Enter the name of the holder.")})
    before = Holder(now.seat.attendee_name, now.seat.attendee_email)
    if holder in (before, Holder(now.name, now.email)):
        return
    if seen is not None and seen != now.seen:
        raise Changed
    stored = registrations.write_holder(connection, now.seat.person_id, seat_id, holder)
    _log(connection, actor, "holder.corrected", now, holder.name)
    if stored.email and stored.email != before.email:
        seat = registrations.seat(connection, seat_id)
        emails.post_ticket(connection, now.ticket, seat, next_topic(connection, now.ticket.id))


def transfer_for_holder(
    connection: Connection,
    actor: Actor,
    seat_id: int,
    holder: Holder,
    emails: HolderEmails,
    seen: str | None = None,
) -> Ticket:
    """Give a ticket to another holder, also after the attendees' own time for it; return it with its new code.

    A second call for the same holder changes nothing. Raises NotFound, TicketOver, NotTransferable, HolderIn, Invalid
    or Changed.
    """
    registrations.lock_seat(connection, seat_id)
    now = plan_holder(connection, seat_id)
    same = accounts.key_of(now.email) == accounts.key_of(holder.email) if holder.email else False
    if same and now.name == holder.name and queries.count_transfers(connection, now.ticket.id):
        return now.ticket
    refuse_same(now.seat, holder, now.person)
    if now.is_in:
        raise HolderIn
    if seen is not None and seen != now.seen:
        raise Changed
    moved = give_to(connection, now.ticket, now.seat, holder, emails)
    _log(connection, actor, "ticket.transferred", now, holder.name)
    return moved


def _log(connection: Connection, actor: Actor, action: Action, now: HolderNow, name: str) -> None:
    order_id = now.seat.order_id
    subject = (
        checkout.subject_of_person(now.seat.person_id)
        if order_id is None
        else checkout.ref_of(connection, order_id)
    )
    before, after = masked_name(now.name), masked_name(name)
    audit.record(connection, actor, action, subject, event_id=now.seat.event_id, before=before, after=after)
