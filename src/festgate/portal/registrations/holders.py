"""The holder of each seat: the name and address of its attendee, where it is not the person that took it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, update

from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import Conflict, Invalid, NotFound
from festgate.kit.text import searchable
from festgate.kit.translation import N_, gettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.registrations import queries
from festgate.portal.registrations.errors import SeatUsed
from festgate.portal.registrations.queries import IsUsed, Seat
from festgate.portal.registrations.tables import seats

NAME, EMAIL = "name-", "email-"
"""Beginnings of the fields of a form with several seats; the id of the seat follows."""
MAX_ID_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Holder:
    """The attendee of a seat. With an empty name it is the person that took the seat."""

    name: str
    email: str = ""
    """The attendee's email address; empty: that of the person that took the seat."""


NOBODY = Holder("")


class NamesFixed(Conflict):
    """A name that cannot be changed, or not any more."""

    code = "names-fixed"
    title = N_("The name cannot be changed")
    message = N_("The tickets of this event have no names, or it is too late to change them.")
    actions = ((N_("My events"), "/my-events"),)


_name = Statement(
    update(seats)
    # The places of a pass have its holder.
    .where((seats.c.id == bindparam("seat")) | (seats.c.pass_seat_id == bindparam("seat")))
    .values(
        attendee_name=bindparam("new_name"),
        attendee_email=bindparam("new_email"),
        attendee_search=bindparam("new_search"),
    )
)
_forget = Statement(
    update(seats)
    .where(seats.c.person_id == bindparam("person"), seats.c.attendee_search != "")
    .values(attendee_name="", attendee_email="", attendee_search="")
)


def read_holder(name: str, email: str, *, is_required: bool) -> Holder:
    """Return the entered holder, cleaned. Raises Invalid with sentences for `name` and `email`."""
    holder, errors = _read(name, email, is_required=is_required)
    if errors:
        raise Invalid(errors)
    return holder


def read_holders(fields: Mapping[str, str]) -> dict[int, Holder]:
    """Return the holders of a form with several seats, by seat id. Raises Invalid with a sentence for every field."""
    holders: dict[int, Holder] = {}
    errors: dict[str, str] = {}
    for field, name in fields.items():
        number = field.removeprefix(NAME)
        if number == field or not (number.isascii() and number.isdecimal() and len(number) <= MAX_ID_LENGTH):
            continue
        holder, wrong = _read(name, fields.get(f"{EMAIL}{number}", ""), is_required=False)
        holders[int(number)] = holder
        errors |= {f"{part}-{number}": sentence for part, sentence in wrong.items()}
    if errors:
        raise Invalid(errors)
    return holders


def _read(name: str, email: str, *, is_required: bool) -> tuple[Holder, dict[str, str]]:
    errors: dict[str, str] = {}
    cleaned_name = cleaned_email = ""
    if name.strip():
        try:
            cleaned_name = accounts.read_person_name(name)
        except ValueError as error:
            errors["name"] = str(error)
    elif is_required or email.strip():
        errors["name"] = gettext("Enter the name of the attendee.")
    if email.strip():
        try:
            cleaned_email = accounts.read_email(email)
        except ValueError as error:
            errors["email"] = str(error)
    return Holder(cleaned_name, cleaned_email), errors


def name_seats(
    connection: Connection, person_id: int, chosen: Sequence[Seat], holders: Mapping[int, Holder]
) -> None:
    """Store the holders of seats that are about to be ordered. Raises Invalid where a required name is missing.

    Seats of events without names, and seats that `holders` does not have, stay as they are.
    """
    missing: dict[str, str] = {}
    for seat in chosen:
        holder = holders.get(seat.id)
        if seat.ticket_names == "off" or seat.team_id is not None:
            continue
        if holder is not None and holder != Holder(seat.attendee_name, seat.attendee_email):
            write_holder(connection, person_id, seat.id, holder)
        if seat.ticket_names == "required" and not (seat.attendee_name if holder is None else holder.name):
            missing[f"{NAME}{seat.id}"] = gettext("Enter the name of the attendee.")
    if missing:
        raise Invalid(missing)


def set_holder(connection: Connection, person_id: int, seat_id: int, holder: Holder, is_used: IsUsed) -> Seat:
    """Change the holder of a live seat of the person, and return the seat.

    Raises NotFound (also for another person's seat), NamesFixed, SeatUsed, or Invalid without a required name.
    """
    # The lock keeps the attendee from being checked in under the old name meanwhile.
    seat = queries.lock_seat(connection, seat_id)
    check_change(connection, person_id, seat, is_used)
    if not holder.name and seat is not None and seat.ticket_names == "required":
        raise Invalid({"name": gettext("Enter the name of the attendee.")})
    write_holder(connection, person_id, seat_id, holder)
    return queries.seat(connection, seat_id)


def seat_to_name(connection: Connection, person_id: int, seat_id: int, is_used: IsUsed) -> Seat:
    """Return the seat whose holder the person may change. Raises the errors of `set_holder`."""
    seat = queries.seat(connection, seat_id)
    check_change(connection, person_id, seat, is_used)
    return seat


def check_change(connection: Connection, person_id: int, seat: Seat | None, is_used: IsUsed) -> None:
    """Raise NotFound, NamesFixed or SeatUsed if the person may not change the holder of the seat now."""
    if seat is None or seat.person_id != person_id or seat.state not in ("held", "confirmed"):
        raise NotFound
    is_part = seat.team_id is not None or seat.pass_seat_id is not None
    if seat.ticket_names == "off" or is_part or connection.now >= seat.names_end:
        raise NamesFixed
    if seat.state == "confirmed" and is_used(connection, seat.id):
        raise SeatUsed(gettext("The attendee has been checked in, so the name cannot be changed."))


def write_holder(connection: Connection, person_id: int, seat_id: int, holder: Holder) -> Holder:
    """Store the holder of a seat, and return it as it is stored: without the person's own address."""
    email = holder.email
    if email and accounts.key_of(email) == accounts.key_of(
        accounts.person_by_id(connection, person_id).email
    ):
        email = ""
    connection.run(
        _name,
        seat=seat_id,
        new_name=holder.name,
        new_email=email,
        new_search=search_text(holder.name, email),
    )
    return Holder(holder.name, email)


def search_text(name: str, email: str) -> str:
    """Return the text in which searches look for the attendee; empty without one."""
    return searchable(f"{name} {email}") if name else ""


def forget_holders(connection: Connection, person_id: int) -> None:
    """Delete the names and addresses of all attendees whose seats the person took."""
    connection.run(_forget, person=person_id)
