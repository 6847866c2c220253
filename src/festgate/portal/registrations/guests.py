"""Registering as a guest: the guest's row, the session of the browser and the seats, in one transaction."""

from contextlib import suppress
from dataclasses import dataclass

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Conflict
from festgate.kit.translation import N_, gettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.registrations import queries
from festgate.portal.registrations.choices import Choice
from festgate.portal.registrations.errors import AlreadyRegistered, AnswersNeeded, TooManyTickets
from festgate.portal.registrations.holders import Holder, write_holder
from festgate.portal.registrations.holds import confirm_seat, hold_seats
from festgate.portal.registrations.limits import MAX_UNCONFIRMED_SEATS, Terms


class AddressRegistered(Conflict):
    """A guest's email address that has as many seats at the event as one person can have."""

    code = "address-registered"
    title = N_("This address has its ticket already")
    message = N_(
        "There are as many tickets for this event with your email address as one person can have. "
        "Open the link in our email to see them, or get a new one."
    )
    actions = ((N_("Find my tickets"), "/find-tickets"), (N_("See the events"), "/events"))


class TooManyForGuest(Conflict):
    """More seats than an email address can have that nobody has confirmed."""

    code = "too-many-for-guest"
    title = N_("Too many tickets without an account")
    actions = ((N_("Find my tickets"), "/find-tickets"), (N_("Sign up"), "/register"))

    def __init__(self) -> None:
        """State the limit, and how to get more."""
        sentence = gettext(
            "Without an account you can have {count} seats at a time. Open the link in the email with your tickets to "
            "get more, or sign up."
        )
        super().__init__(sentence.format(count=MAX_UNCONFIRMED_SEATS))


@dataclass(frozen=True, slots=True)
class GuestForm:
    """A form with which somebody registers as a guest."""

    entry: accounts.GuestEntry
    key: str
    """The key by which a second click is recognised."""
    known: int | None = None
    """The guest of this browser, if it has bought with the same address before."""
    replaces: str = ""
    """The token of the browser's earlier session, which ends."""


@dataclass(frozen=True, slots=True)
class GuestRegistration:
    """A guest's new seats, and the session in which the browser sees them."""

    session: accounts.Session
    seats: tuple[queries.Seat, ...]


def register_guest(
    connection: Connection,
    secret: bytes,
    form: GuestForm,
    slug: str,
    hold_minutes: int,
    terms: Terms,
    choice: Choice | None,
) -> GuestRegistration:
    """Take seats for a guest, and open a session. A second click on the button finds the seats of the first.

    Raises AddressRegistered, TooManyForGuest, TooMany, or an error of `hold_seats`.
    """
    person_id, is_again = accounts.admit_guest(connection, secret, form.entry, form.key, known=form.known)
    taken = [seat.id for seat in queries.live_seats(connection, person_id) if seat.slug == slug]
    if not (is_again and taken):
        try:
            taken = hold_seats(connection, person_id, slug, hold_minutes, terms, choice)
        except (AlreadyRegistered, TooManyTickets) as refusal:
            raise AddressRegistered from refusal
        except accounts.AddressNotConfirmed as refusal:
            raise TooManyForGuest from refusal
        _name_only_seat(connection, person_id, form.entry.name, taken)
    if form.replaces:
        accounts.end_session(connection, form.replaces, "cookie")
    return GuestRegistration(
        accounts.open_guest_session(connection, person_id),
        tuple(queries.seat(connection, seat_id) for seat_id in taken),
    )


def _name_only_seat(connection: Connection, person_id: int, name: str, seat_ids: list[int]) -> None:
    """Give a single seat that needs a name the one that the guest has entered, and confirm it if it is free."""
    first = queries.seat(connection, seat_ids[0])
    if len(seat_ids) == 1 and first.needs_name:
        write_holder(connection, person_id, first.id, Holder(name))
        if first.confirmable:
            with suppress(AnswersNeeded):  # the page of the questions is next, and confirms it
                confirm_seat(connection, person_id, first.id)
