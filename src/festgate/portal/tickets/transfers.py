"""Transferring a ticket to another holder, and sending it to its holder.

A transfer gives the ticket a new code in the transaction that names the new holder, and keeps the old code, so that the
door refuses it with the reason. The row of the seat is locked first, as at the door: either the holder is checked in
before, and the ticket is not transferred, or the old code is replaced before, and nobody comes in with it.
"""

from sqlalchemy import bindparam, update

from festgate.kit.clock import HOUR
from festgate.kit.db.statements import Connection, Statement, TryAgain
from festgate.kit.errors import Conflict, Invalid, NotFound
from festgate.kit.ids import new_code
from festgate.kit.translation import N_, gettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.facade import Holder, Seat
from festgate.portal.tickets import queries
from festgate.portal.tickets.copies import TicketOver, is_useful
from festgate.portal.tickets.holder_emails import HolderEmails, count_sent, next_topic
from festgate.portal.tickets.issue import CODE_LENGTH, keep_old_code
from festgate.portal.tickets.queries import Ticket
from festgate.portal.tickets.tables import tickets

MAX_TRANSFERS = 20
"""Transfers of one person's tickets in an hour."""
MAX_SENT = 50
"""Tickets that one person sends to holders in an hour; one order can have many."""

_replace = Statement(
    update(tickets)
    .where(
        tickets.c.id == bindparam("ticket"),
        tickets.c.code == bindparam("old_code"),
        tickets.c.state == "valid",
        tickets.c.admitted_at.is_(None),
    )
    .values(code=bindparam("new_code"))
)


class NotTransferable(Conflict):
    """A ticket that cannot be transferred, or not any more."""

    code = "not-transferable"
    title = N_("This ticket cannot be transferred")
    message = N_("The organisers do not allow transfers of this ticket, or it is too late for one.")
    actions = ((N_("My events"), "/my-events"),)


class HolderIn(Conflict):
    """A ticket whose holder was checked in."""

    code = "holder-in"
    title = N_("This ticket has been used")
    message = N_("The holder has been checked in, so the ticket cannot be transferred.")
    actions = ((N_("My events"), "/my-events"),)


class NoHolderAddress(Conflict):
    """A ticket without the email address of a holder other than its buyer."""

    code = "no-holder-address"
    title = N_("There is no address to send the ticket to")
    message = N_("Enter the email address of the holder first.")
    actions = ((N_("My events"), "/my-events"),)


def can_transfer(ticket: Ticket, event: catalogue.Event, now: int) -> bool:
    """Return whether the buyer may transfer the ticket now."""
    return is_useful(ticket, event, now) and ticket.admitted_at is None and now < event.transfers_end


def transfer_ticket(
    connection: Connection,
    person_id: int,
    code: str,
    holder: Holder,
    emails: HolderEmails,
) -> Ticket:
    """Give the person's ticket to another holder: it gets a new code, and both holders get an email. Return it.

    A second call for the same holder changes nothing. Raises NotFound, Invalid, NotTransferable, TicketOver, HolderIn,
    AddressNotConfirmed or TooMany.
    """
    former = queries.transferred_ticket(connection, person_id, code)
    if former is not None:
        return _sent_twice(connection, former, holder)
    ticket = queries.ticket_of_person(connection, person_id, code)
    seat = registrations.lock_seat(connection, ticket.seat_id)
    event = catalogue.event_by_id(connection, ticket.event_id)
    if seat is None or seat.state != "confirmed" or not is_useful(ticket, event, connection.now):
        raise TicketOver(gettext("The ticket is not valid, or its event is over or cancelled."))
    # The members of a team join and leave by its link.
    if connection.now >= event.transfers_end or seat.team_id is not None:
        raise NotTransferable
    if ticket.admitted_at is not None or (seat.is_pass and queries.is_used(connection, seat.id)):
        raise HolderIn
    person = accounts.person_by_id(connection, person_id)
    refuse_same(seat, holder, person)
    if emails.confirms_email:
        accounts.require_confirmed(connection, person_id)
    _count(connection, f"tickets transferred:{person_id}", MAX_TRANSFERS)
    return give_to(connection, ticket, seat, holder, emails)


def give_to(
    connection: Connection, ticket: Ticket, seat: Seat, holder: Holder, emails: HolderEmails
) -> Ticket:
    """Replace the code of a ticket whose seat is locked, name its holder, and send both emails. Return the ticket."""
    person_id = ticket.person_id
    fresh = new_code(CODE_LENGTH)
    if not connection.run(_replace, ticket=ticket.id, old_code=ticket.code, new_code=fresh):
        # The holder was checked in, or the ticket transferred, since it was read: the next try finds that.
        raise TryAgain
    keep_old_code(connection, ticket)
    stored = registrations.write_holder(connection, person_id, seat.id, holder)
    connection.announce(registrations.tickets_of(person_id))
    number = queries.count_transfers(connection, ticket.id)
    emails.post_transferred(connection, ticket, seat, f"ticket-transferred:{ticket.id}:{number}", stored.name)
    moved = queries.ticket_of_person(connection, person_id, fresh)
    emails.post_ticket(
        connection, moved, registrations.seat(connection, seat.id), next_topic(connection, ticket.id)
    )
    return moved


def send_to_holder(
    connection: Connection, person_id: int, code: str, shown: int | None, emails: HolderEmails
) -> Ticket:
    """Send the person's ticket to its holder's address, and return the ticket.

    `shown` is the number of emails that the page displayed: with another number it has been sent meanwhile, perhaps by
    a second click, and nothing is sent. None is for a program, which has shown nothing. Raises NotFound, TicketOver,
    NoHolderAddress, AddressNotConfirmed or TooMany.
    """
    ticket = queries.ticket_of_person(connection, person_id, code)
    # The lock keeps the ticket from being transferred meanwhile: the email has the address of its present holder.
    seat = registrations.lock_seat(connection, ticket.seat_id)
    if seat is None or not is_useful(
        ticket, catalogue.event_by_id(connection, ticket.event_id), connection.now
    ):
        raise TicketOver(gettext("The ticket is not valid, or its event is over or cancelled."))
    if not seat.attendee_email:
        raise NoHolderAddress
    if shown in (None, count_sent(connection, ticket.id)):
        if emails.confirms_email:
            accounts.require_confirmed(connection, person_id)
        _count(connection, f"tickets sent to holders:{person_id}", MAX_SENT)
        emails.post_ticket(connection, ticket, seat, next_topic(connection, ticket.id))
    return ticket


def _sent_twice(connection: Connection, ticket: Ticket, holder: Holder) -> Ticket:
    """Return a ticket that was transferred to that holder already. Raises NotFound if it went to somebody else."""
    seat = registrations.seat(connection, ticket.seat_id)
    if seat.attendee_name != holder.name:
        raise NotFound
    return ticket


def refuse_same(seat: Seat, holder: Holder, person: accounts.Person) -> None:
    """Raise Invalid if the ticket belongs to that holder already, or the holder's name or address is missing."""
    errors = {}
    if not holder.name:
        errors["name"] = gettext("Enter the name of the new holder.")
    if not holder.email:
        errors["email"] = gettext("Enter the email address of the new holder.")
    if errors:
        raise Invalid(errors)
    before = (seat.attendee_name or person.shown_name, accounts.key_of(seat.attendee_email or person.email))
    if before == (holder.name, accounts.key_of(holder.email)):
        raise Invalid({"name": gettext("The ticket has this holder already.")})


def _count(connection: Connection, key: str, most: int) -> None:
    """Count a step of the person's. Raises TooMany above `most` in an hour."""
    sentence = gettext("You have done this {count} times.").format(count=most)
    accounts.count_attempt(connection, accounts.Limit(key, most, sentence, HOUR))
