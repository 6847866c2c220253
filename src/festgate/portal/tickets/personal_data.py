"""A person's own tickets and check-ins, for the download. The facts of seats that end void their tickets."""

from sqlalchemy import bindparam, select, update

from festgate.kit.db.statements import Connection, Statement
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.tickets import queries
from festgate.portal.tickets.tables import tickets, undone_admissions

_undone = Statement(
    select(*undone_admissions.c["ticket_id", "admitted_at", "undone_at"])
    .join_from(undone_admissions, tickets)
    .where(tickets.c.person_id == bindparam("person"))
    .order_by(undone_admissions.c.id)
)
_move = Statement(
    update(tickets).where(tickets.c.person_id == bindparam("guest")).values(person_id=bindparam("person"))
)


def export_tickets(connection: Connection, person_id: int) -> accounts.Values:
    """Return every ticket of the person with its check-ins; the member of staff is not part of that data."""
    undone = connection.all(_undone, person=person_id)
    transfers = queries.transfers_of(connection, person_id)
    return {
        "tickets": [
            {
                "code": ticket.code,
                "registration": ticket.seat_id,
                "event": catalogue.event_by_id(connection, ticket.event_id).slug,
                "state": ticket.state,
                "issued_at": accounts.export_time(ticket.issued_at),
                "checked_in_at": accounts.export_time(ticket.admitted_at),
                "undone_check_ins": [
                    {
                        "checked_in_at": accounts.export_time(admitted_at),
                        "undone_at": accounts.export_time(undone_at),
                    }
                    for number, admitted_at, undone_at in undone
                    if number == ticket.id
                ],
                "transfers": [
                    {"former_code": code, "transferred_at": accounts.export_time(at)}
                    for number, code, at in transfers
                    if number == ticket.id
                ],
            }
            for ticket in queries.tickets_of(connection, person_id)
        ]
    }


def _foresee_nothing(_connection: Connection, _person_id: int) -> accounts.Forecast:
    return accounts.Forecast()


def _end_nothing(_connection: Connection, _person_id: int) -> None:
    """Change nothing."""


def move_tickets(connection: Connection, guest_id: int, person_id: int) -> None:
    """Give the tickets of a guest to another person. Their codes stay."""
    connection.run(_move, guest=guest_id, person=person_id)


PERSONAL_RECORDS = accounts.PersonalRecords(export_tickets, _foresee_nothing, _end_nothing, move_tickets)
