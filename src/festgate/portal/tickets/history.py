"""The history of one ticket: issued, sent, transferred, checked in and taken back."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import bindparam, select

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement
from festgate.portal.tickets.copies import emails_of
from festgate.portal.tickets.queries import Ticket
from festgate.portal.tickets.tables import replaced_codes, tickets, undone_admissions

_transfers = Statement(
    select(replaced_codes.c.replaced_at).where(replaced_codes.c.ticket_id == bindparam("ticket"))
)
_undone = Statement(
    select(*undone_admissions.c["admitted_at", "admitted_by", "undone_at", "undone_by"]).where(
        undone_admissions.c.ticket_id == bindparam("ticket")
    )
)
_admitted = Statement(
    select(*tickets.c["admitted_at", "admitted_by"]).where(
        tickets.c.id == bindparam("ticket"), tickets.c.admitted_at.is_not(None)
    )
)


@dataclass(frozen=True, slots=True)
class Step:
    """A step in the history of a ticket."""

    at: Milliseconds
    kind: Literal["issued", "sent", "failed", "transferred", "admitted", "undone"]
    person_id: int | None = None
    """The member of staff at the door."""
    text: str = ""
    """The recipient of an email, or the mail server's error."""


def history_of(connection: Connection, ticket: Ticket, receipt: str | None) -> list[Step]:
    """Return the steps of the ticket, oldest first; `receipt` is the reference of its order."""
    steps = [Step(ticket.issued_at, "issued")]
    for state in emails_of(connection, ticket, receipt):
        if state.state == "sent":
            steps.append(Step(state.at, "sent", text=state.recipient))
        elif state.error:
            steps.append(Step(state.at, "failed", text=state.error))
    steps += [Step(at, "transferred") for (at,) in connection.all(_transfers, ticket=ticket.id)]
    for admitted_at, admitted_by, undone_at, undone_by in connection.all(_undone, ticket=ticket.id):
        steps += [Step(admitted_at, "admitted", admitted_by), Step(undone_at, "undone", undone_by)]
    steps += [Step(at, "admitted", by) for at, by in connection.all(_admitted, ticket=ticket.id)]
    return sorted(steps, key=lambda step: step.at)
