"""One person as organisers see them: name, email address, registrations, and what became of the tickets' emails."""

from dataclasses import dataclass, replace

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.kit.formats import Formats
from festgate.kit.messaging.mail import MailState
from festgate.kit.text import tidy
from festgate.kit.translation import gettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.accounts.facade import Person
from festgate.portal.backoffice.free_cancellations import can_cancel
from festgate.portal.backoffice.history import Histories, Moment
from festgate.portal.backoffice.order_actions import Difference
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.facade import Seat
from festgate.portal.tickets import facade as tickets
from festgate.portal.tickets.facade import Ticket

MAX_WORDS_LENGTH = 100
MAX_FOUND = 20
"""People that a search lists; one more letter of the name narrows it down."""


@dataclass(frozen=True)
class Registration:
    """A registration of the person."""

    seat: Seat
    words: str
    """Its state."""
    order_ref: str
    """The reference of its order; empty where it has none."""
    ticket: Ticket | None
    """The ticket, if it is still of use."""
    copies: int
    """How often the ticket was sent again."""
    mail: MailState | None
    """The state of the last email with the ticket."""
    is_complimentary: bool = False
    can_exchange: bool = False
    """Whether it can be exchanged for another ticket."""

    @property
    def can_cancel(self) -> bool:
        """Return whether it is cancelled here, and not in an order."""
        return can_cancel(self.seat)


@dataclass(frozen=True)
class PersonView:
    """The view model of /organise/people/{id}."""

    person: Person
    registrations: tuple[Registration, ...]
    history: tuple[Moment, ...] = ()
    differences: tuple[Difference, ...] = ()

    @property
    def can_correct(self) -> bool:
        """Return whether organisers may correct the email address here (accounts/corrections.py has the reason)."""
        return self.person.role == "attendee" and not self.person.is_deleted


def view_person(connection: Connection, person_id: int) -> PersonView:
    """Return the person with that id, the latest registration first. Raises NotFound."""
    person = accounts.person_by_id(connection, person_id)
    refs = checkout.refs_by_seat(connection, person_id)
    issued = {ticket.seat_id: ticket for ticket in tickets.tickets_of(connection, person_id)}
    rows = [
        _registration(connection, seat, refs.get(seat.id, ""), issued.get(seat.id))
        for seat in registrations.seats_of(connection, person_id)
    ]
    return PersonView(person, tuple(sorted(rows, key=lambda row: -row.seat.id)))


def view_history(connection: Connection, person_id: int, writing: Formats) -> PersonView:
    """Return what `view_person` does, with the history and the open differences of free registrations."""
    view = view_person(connection, person_id)
    histories = Histories(connection, writing)
    differences = [
        Difference(exchange, histories.settlement(exchange))
        for row in view.registrations
        for exchange in checkout.exchanges_of_seat(connection, row.seat.id)
        if exchange.settlement in checkout.STEPS
    ]
    return replace(view, history=histories.of_person(person_id), differences=tuple(differences))


def _registration(connection: Connection, seat: Seat, ref: str, ticket: Ticket | None) -> Registration:
    words = _words(connection, seat, ticket)
    event = catalogue.event_by_id(connection, seat.event_id)
    if ticket is None or not tickets.is_useful(ticket, event, connection.now):
        given = checkout.is_complimentary(connection, seat.id)
        return Registration(seat, words, ref, None, 0, None, given)
    copies = tickets.count_copies(connection, ticket.id)
    receipt = None if ticket.order_id is None else checkout.ref_of(connection, ticket.order_id)
    state = tickets.latest_mail(connection, ticket, receipt)
    # The captain's place stands for the team.
    can_exchange = seat.team_id is None or seat.member_id == seat.person_id
    given = checkout.is_complimentary(connection, seat.id)
    return Registration(seat, words, ref, ticket, copies, state, given, can_exchange)


def _words(connection: Connection, seat: Seat, ticket: Ticket | None) -> str:
    if seat.state == "cancelled":
        return registrations.ending_words(checkout.ended_by_of(connection, seat))
    if seat.state == "lapsed":
        return gettext("Hold expired")
    if seat.state == "held":
        return gettext("Held")
    if ticket is not None and ticket.admitted_at is not None:
        return gettext("Confirmed, checked in")
    return gettext("Confirmed")


def describe_email(state: MailState | None, writing: Formats) -> str:
    """Return what became of the email with a ticket, with the mail server's answer if it failed."""
    if state is None:
        return gettext("Not sent: an unconfirmed address gets few emails.")
    if state.state == "sent":
        if not state.recipient:
            return gettext("Sent on {time}.").format(time=writing.when(state.at))
        sentence = gettext("Sent to {recipient} on {time}.")
        return sentence.format(recipient=state.recipient, time=writing.when(state.at))
    if state.state == "queued" and not state.error:
        return gettext("On its way to {recipient}.").format(recipient=state.recipient)
    if state.state == "queued":
        sentence = gettext("Not delivered to {recipient} yet; next attempt at {time}. {error}")
    else:
        sentence = gettext("Not delivered to {recipient}. {error}")
    return sentence.format(recipient=state.recipient, time=writing.time(state.at), error=state.error or "")


def read_email(text: str) -> str:
    """Return the email address that an organiser entered. Raises Invalid."""
    try:
        return accounts.read_email(text)
    except ValueError as error:
        raise Invalid({"email": str(error)}) from None


def read_words(text: str) -> str:
    """Return the words to search for; none where no name can contain them."""
    try:
        return tidy(text)
    except ValueError:
        return ""


def visible(text: str) -> str:
    """Return the text without the characters that a page cannot show."""
    return "".join(sign for sign in text if sign.isprintable())
