"""Reads of tickets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import bindparam, func, select, table
from sqlalchemy.sql import column

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import NotFound
from festgate.kit.messaging import mail
from festgate.kit.messaging.mail import MailState
from festgate.portal.tickets.tables import replaced_codes, tickets

TicketState = Literal["valid", "void"]


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket. `order_id` is None for a free seat; void is for good."""

    id: int
    code: str
    seat_id: int
    person_id: int
    event_id: int
    order_id: int | None
    state: TicketState
    issued_at: Milliseconds
    admitted_at: Milliseconds | None = None
    """When its holder came in; None while they are not in."""
    pass_ticket_id: int | None = None
    """The ticket of the pass, for that of its place at another event; else None."""


# A table of a lower module, by name (decision 0012): the tickets of a team are its captain's, and each its member's.
_team_seats = table("registrations_seats", column("id"), column("member_id"))
_ticket = select(
    *tickets.c["id", "code", "seat_id", "person_id", "event_id"],
    *tickets.c["order_id", "state", "issued_at", "admitted_at", "pass_ticket_id"],
)
_by_code = Statement(_ticket.where(tickets.c.code == bindparam("code")))
_by_seat = Statement(_ticket.where(tickets.c.seat_id == bindparam("seat")))
_by_person = Statement(
    _ticket.where(tickets.c.person_id == bindparam("person"), tickets.c.pass_ticket_id.is_(None)).order_by(
        tickets.c.issued_at, tickets.c.id
    )
)
_pass_ticket = tickets.alias("pass_ticket")
_used = Statement(
    # That of the seat, or of a place of its pass.
    select(tickets.c.id).where(
        (tickets.c.seat_id == bindparam("seat"))
        | (
            tickets.c.pass_ticket_id
            == select(_pass_ticket.c.id).where(_pass_ticket.c.seat_id == bindparam("seat")).scalar_subquery()
        ),
        tickets.c.admitted_at.is_not(None),
    )
)
_codes = Statement(
    select(tickets.c.seat_id, tickets.c.code).where(
        (tickets.c.person_id == bindparam("person"))
        | tickets.c.seat_id.in_(
            select(_team_seats.c.id).where(_team_seats.c.member_id == bindparam("person"))
        ),
        tickets.c.state == "valid",
        tickets.c.pass_ticket_id.is_(None),
    )
)
_by_id = Statement(_ticket.where(tickets.c.id == bindparam("ticket")))
_by_old_code = Statement(
    _ticket.join_from(tickets, replaced_codes, replaced_codes.c.ticket_id == tickets.c.id).where(
        replaced_codes.c.code == bindparam("code")
    )
)
_is_replaced = Statement(select(replaced_codes.c.ticket_id).where(replaced_codes.c.code == bindparam("code")))
_count_transfers = Statement(select(func.count()).where(replaced_codes.c.ticket_id == bindparam("ticket")))
_count_transfers_of_seat = Statement(
    select(func.count())
    .join_from(replaced_codes, tickets, tickets.c.id == replaced_codes.c.ticket_id)
    .where(tickets.c.seat_id == bindparam("seat"))
)
_transfers_of_person = Statement(
    select(*replaced_codes.c["ticket_id", "code", "replaced_at"])
    .join_from(replaced_codes, tickets)
    .where(tickets.c.person_id == bindparam("person"))
    .order_by(replaced_codes.c.replaced_at, replaced_codes.c.code)
)
_member = Statement(select(_team_seats.c.member_id).where(_team_seats.c.id == bindparam("seat")))
_seats = Statement(
    select(*tickets.c["event_id", "seat_id"]).where(tickets.c.person_id == bindparam("person"))
)
_holders = Statement(
    select(
        tickets.c.id,
        func.coalesce(_team_seats.c.member_id, tickets.c.person_id),
        tickets.c.seat_id,
    )
    .join_from(tickets, _team_seats, _team_seats.c.id == tickets.c.seat_id)
    .where(
        tickets.c.event_id == bindparam("event"),
        tickets.c.id > bindparam("after"),
        tickets.c.state == "valid",
        tickets.c.issued_at <= bindparam("until"),
    )
    .order_by(tickets.c.id)
    .limit(bindparam("limit"))
)


def ticket_of_person(connection: Connection, person_id: int, code: str) -> Ticket:
    """Return the ticket with that code if it is this person's, or that of their place in a team. Raises NotFound."""
    row = connection.first(_by_code, code=code)
    ticket = None if row is None else Ticket(*row)
    if ticket is None or ticket.pass_ticket_id is not None:
        raise NotFound
    if ticket.person_id != person_id and connection.value(_member, seat=ticket.seat_id) != person_id:
        raise NotFound
    return ticket


def ticket_of_seat(connection: Connection, seat_id: int) -> Ticket | None:
    """Return the seat's ticket, valid or void; None when none was issued yet."""
    row = connection.first(_by_seat, seat=seat_id)
    return None if row is None else Ticket(*row)


def ticket_by_id(connection: Connection, ticket_id: int) -> Ticket | None:
    """Return the ticket; None if there is none."""
    row = connection.first(_by_id, ticket=ticket_id)
    return None if row is None else Ticket(*row)


def transferred_ticket(connection: Connection, person_id: int, code: str) -> Ticket | None:
    """Return the person's ticket that had that code until it was transferred; None if there is none."""
    row = connection.first(_by_old_code, code=code)
    ticket = None if row is None else Ticket(*row)
    return ticket if ticket is not None and ticket.person_id == person_id else None


def is_replaced(connection: Connection, code: str) -> bool:
    """Return whether a ticket had that code until it was transferred."""
    return connection.first(_is_replaced, code=code) is not None


def count_transfers(connection: Connection, ticket_id: int) -> int:
    """Return how often the ticket was transferred."""
    return int(connection.value(_count_transfers, ticket=ticket_id))


def count_transfers_of_seat(connection: Connection, seat_id: int) -> int:
    """Return how often the seat's ticket was transferred."""
    return int(connection.value(_count_transfers_of_seat, seat=seat_id))


def transfers_of(connection: Connection, person_id: int) -> list[tuple[int, str, Milliseconds]]:
    """Return the ticket id, the former code and the time of each transfer of the person's tickets."""
    rows = connection.all(_transfers_of_person, person=person_id)
    return [(ticket, code, at) for ticket, code, at in rows]


def is_used(connection: Connection, seat_id: int) -> bool:
    """Return whether the seat's holder was checked in; that of a pass, at any of its events."""
    return connection.first(_used, seat=seat_id) is not None


def tickets_of(connection: Connection, person_id: int) -> list[Ticket]:
    """Return every ticket the person has or had, oldest first."""
    return [Ticket(*row) for row in connection.all(_by_person, person=person_id)]


def codes_by_seat(connection: Connection, person_id: int) -> dict[int, str]:
    """Return the codes of the person's valid tickets, and of those of their places in teams, by seat id."""
    return {seat: code for seat, code in connection.all(_codes, person=person_id)}  # noqa: C416  (typed so)


def count_earlier(connection: Connection, person_id: int, seats: Mapping[int, int]) -> dict[int, int]:
    """Return, for each of these seats by event id, how many earlier seats with a ticket the person had there."""
    counts = dict.fromkeys(seats, 0)
    for event, seat in connection.all(_seats, person=person_id):
        if event in counts and seat < seats[event]:
            counts[event] += 1
    return counts


def holders_after(
    connection: Connection, event_id: int, after_ticket: int, until: Milliseconds, limit: int
) -> list[tuple[int, int, int]]:
    """Return the ids of ticket, person and seat of at most `limit` valid tickets of the event issued until then."""
    rows = connection.all(_holders, event=event_id, after=after_ticket, until=until, limit=limit)
    return [(ticket, person, seat) for ticket, person, seat in rows]


def topic_of_seat(seat_id: int) -> str:
    """Return the topic of the email that confirms a free seat."""
    return f"seat:{seat_id}"


def topic_of_order(ref: str) -> str:
    """Return the topic of the email that confirms an order; the receipt shows its state by the same topic."""
    return f"order:{ref}"


def mail_of(connection: Connection, ticket: Ticket, receipt: str | None) -> MailState | None:
    """Return the state of the email with the ticket of the order `receipt`; None when there is none."""
    return mail.find_state(connection, topic_of_mail(ticket, receipt))


def topic_of_mail(ticket: Ticket, receipt: str | None) -> str:
    """Return the topic of the email with which the ticket was first sent."""
    return topic_of_seat(ticket.seat_id) if receipt is None else topic_of_order(receipt)
