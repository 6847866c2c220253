"""Check-ins as they are stored with the ticket, and the record of those that were undone.

Two people at the door may scan one code at the same moment, at two doors, in two processes. A conditional update of the
ticket's own row decides which check-in counts.
"""

from sqlalchemy import bindparam, insert, select, update

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.portal.tickets.tables import tickets, undone_admissions

_admit = Statement(
    update(tickets)
    .where(tickets.c.id == bindparam("ticket"), tickets.c.state == "valid", tickets.c.admitted_at.is_(None))
    .values(admitted_at=bindparam("now"), admitted_by=bindparam("staff"))
)
_undo = Statement(
    update(tickets)
    .where(tickets.c.id == bindparam("ticket"), tickets.c.admitted_at == bindparam("since"))
    .values(admitted_at=None, admitted_by=None)
)
_record_undone = Statement(
    insert(undone_admissions).from_select(
        ["ticket_id", "admitted_at", "admitted_by", "undone_at", "undone_by"],
        select(
            tickets.c.id,
            tickets.c.admitted_at,
            tickets.c.admitted_by,
            bindparam("now", type_=undone_admissions.c.undone_at.type),
            bindparam("staff", type_=undone_admissions.c.undone_by.type),
        ).where(tickets.c.seat_id == bindparam("seat"), tickets.c.admitted_at.is_not(None)),
    )
)


def admit_holder(connection: Connection, ticket_id: int, staff_id: int) -> bool:
    """Check in the holder of a valid ticket; False where it is void, or was checked in meanwhile."""
    return connection.run(_admit, ticket=ticket_id, now=connection.now, staff=staff_id) == 1


def undo_admission(
    connection: Connection, ticket_id: int, seat_id: int, since: Milliseconds, staff_id: int
) -> bool:
    """Undo the check-in of the time `since`, and record that it was undone; False where it was undone meanwhile."""
    record_undone(connection, seat_id, staff_id)
    return connection.run(_undo, ticket=ticket_id, since=since) == 1


def record_undone(connection: Connection, seat_id: int, staff_id: int | None) -> int:
    """Record the seat's check-in before it is undone by `staff_id`; None when the ticket became void.

    Return how many were recorded: 0 when the holder was not in, else 1.
    """
    return connection.run(_record_undone, seat=seat_id, now=connection.now, staff=staff_id)
