"""Reads of seats and their counts for the checks of the data."""

from sqlalchemy import func, select, table
from sqlalchemy.sql import column

from festgate.kit.db.statements import Connection, Statement
from festgate.portal.registrations.tables import (
    LIVE,
    WHOLE,
    seats,
)

_types = table("catalogue_ticket_types", column("id"), column("event_id"))
_people = table("accounts_people", *(column(name) for name in ("id", "guest_key", "claimed_by")))
_of_other_addresses = Statement(
    select(seats.c.id, seats.c.person_id)
    .join_from(seats, _people, _people.c.id == seats.c.person_id)
    .where(seats.c.guest_key.is_distinct_from(func.nullif(_people.c.guest_key, "")))
    .order_by(seats.c.id)
)
_of_claimed = Statement(
    select(seats.c.id, seats.c.person_id)
    .join_from(seats, _people, _people.c.id == seats.c.person_id)
    .where(_people.c.claimed_by.is_not(None))
    .order_by(seats.c.id)
)
_live_by_type = Statement(select(seats.c.type_id, func.count()).where(LIVE, WHOLE).group_by(seats.c.type_id))
_live_by_code = Statement(
    select(seats.c.code_id, seats.c.person_id, func.count())
    .where(LIVE, seats.c.code_id.is_not(None))
    .group_by(seats.c.code_id, seats.c.person_id)
)
_taxed = Statement(
    select(*seats.c["id", "fee_minor", "tax_minor", "tax_rate"])
    .where((seats.c.tax_rate != 0) | (seats.c.tax_minor != 0))
    .order_by(seats.c.id)
)
_of_other_types = Statement(
    select(seats.c.id)
    .join_from(seats, _types, _types.c.id == seats.c.type_id, isouter=True)
    .where(_types.c.event_id.is_distinct_from(seats.c.event_id), WHOLE)
    .order_by(seats.c.id)
)
_attendees = Statement(
    select(*seats.c["id", "attendee_name", "attendee_email", "attendee_search"])
    .where((seats.c.attendee_name != "") | (seats.c.attendee_email != "") | (seats.c.attendee_search != ""))
    .order_by(seats.c.id)
)
_counts = Statement(
    select(seats.c.event_id, seats.c.state, func.count())
    .where(LIVE)
    .group_by(seats.c.event_id, seats.c.state)
)


def seats_of_other_addresses(connection: Connection) -> list[tuple[int, int]]:
    """Return the ids of seats, and of their people, that count for another guest's address than the person's."""
    return [(seat_id, person) for seat_id, person in connection.all(_of_other_addresses)]


def seats_of_claimed(connection: Connection) -> list[tuple[int, int]]:
    """Return the ids of seats, and of their people, whose orders somebody has claimed."""
    return [(seat_id, person) for seat_id, person in connection.all(_of_claimed)]


def live_by_type(connection: Connection) -> dict[int, int]:
    """Return the number of rows of held and confirmed seats by ticket type, to check the counts of quotas."""
    return {type_id: count for type_id, count in connection.all(_live_by_type)}  # noqa: C416  (typed)


def live_by_code(connection: Connection) -> dict[tuple[int, int], int]:
    """Return the number of held and confirmed seats by promo code id and person id, to check the counts of codes."""
    return {(code_id, person_id): count for code_id, person_id, count in connection.all(_live_by_code)}


def taxed_seats(connection: Connection) -> list[tuple[int, int, int, int]]:
    """Return the id, the fee, the tax and the tax rate of every seat with a tax."""
    return [(number, fee, tax, rate) for number, fee, tax, rate in connection.all(_taxed)]


def seats_of_other_types(connection: Connection) -> list[int]:
    """Return the ids of seats without a ticket type, or with one of another event."""
    return [seat_id for (seat_id,) in connection.all(_of_other_types)]


def attendees(connection: Connection) -> list[tuple[int, str, str, str]]:
    """Return the id, the attendee's name and address, and the search text of each seat that has one of them."""
    return [(seat, name, email, search) for seat, name, email, search in connection.all(_attendees)]


def live_counts(connection: Connection) -> dict[tuple[int, str], int]:
    """Return the number of rows of held and confirmed seats by (event id, state), to check the catalogue's count."""
    return {(event, state): count for event, state, count in connection.all(_counts)}
