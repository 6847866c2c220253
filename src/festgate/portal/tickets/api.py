"""Tickets and the door as JSON."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, NotFound, SignInNeeded
from festgate.kit.ids import read_code
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import bearer, module_router, problems
from festgate.kit.web.parameters import MAX_NAME
from festgate.kit.web.portal import Portal
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.tickets import queries
from festgate.portal.tickets.door import (
    AlreadyIn,
    NotIn,
    OtherEvent,
    TicketVoid,
    TooLateToUndo,
    UnknownTicket,
    admit,
    undo_admission,
)
from festgate.portal.tickets.qr import qr_text
from festgate.portal.tickets.queries import Ticket, TicketState

Code = Annotated[
    str, Path(description="The ticket's code; dashes and lower case are put right.", max_length=40)
]
AtDoor = Annotated[
    str | None,
    Query(
        max_length=MAX_NAME,
        description="The slug of the event at whose door it is; a ticket for another is refused.",
    ),
]


class TicketOutput(BaseModel):
    """A ticket."""

    code: str = Field(description="16 letters and digits.")
    state: TicketState = Field(
        description="void: its seat was given back, refunded, or its event called off."
    )
    registration: int = Field(description="The id of the registration that it came from.")
    event: str = Field(description="The event's slug.")
    title: str
    place: str
    starts_at: datetime
    ends_at: datetime
    issued_at: datetime
    admitted_at: datetime | None = Field(
        description="When its holder was checked in; null while they are not in."
    )
    qr: str | None = Field(description="What its QR code says; null when it is void.")


class AdmissionOutput(BaseModel):
    """A check-in."""

    code: str = Field(description="The ticket's code.")
    event: str = Field(description="The event's slug.")
    holder: str = Field(description="The username of whose ticket it is.")
    admitted_at: datetime
    admitted_by: str = Field(description="The username of who checked them in.")


class TicketApi:
    """Routes of tickets under /api/v1."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's API gets it."""
        self._portal = portal

    def router(self) -> APIRouter:
        """For app.py."""
        portal = self._portal
        router = module_router(portal, "tickets", "tickets")
        Caller = Annotated[Visitor, Depends(bearer(portal))]  # noqa: N806  (a type)

        @router.get("/tickets", responses=problems(SignInNeeded))
        async def list_tickets(caller: Caller) -> list[TicketOutput]:
            """The caller's tickets, oldest first."""
            return await portal.database.read(_outputs, caller.person, portal.secret)

        @router.get("/tickets/{code}", responses=problems(SignInNeeded, NotFound))
        async def show_ticket(caller: Caller, code: Code) -> TicketOutput:
            """One of the caller's tickets."""
            return await portal.database.read(_output_of, caller.person, read_code(code), portal.secret)

        @router.post(
            "/tickets/{code}/admission",
            status_code=201,
            responses=problems(
                SignInNeeded, Forbidden, NotFound, UnknownTicket, TicketVoid, OtherEvent, AlreadyIn
            ),
        )
        async def check_in(caller: Caller, code: Code, event: AtDoor = None) -> AdmissionOutput:
            """Check the ticket's holder in, once: for staff and organisers."""
            return await portal.database.write(_check_in, read_code(code), caller, event)

        @router.delete(
            "/tickets/{code}/admission",
            status_code=204,
            responses=problems(SignInNeeded, Forbidden, UnknownTicket, NotIn, TooLateToUndo),
        )
        async def undo_check_in(caller: Caller, code: Code) -> None:
            """Take a check-in back: staff for half an hour after it, organisers at any time. It stays recorded."""
            await portal.database.write(undo_admission, read_code(code), caller)

        return router


def _check_in(connection: Connection, code: str, caller: Visitor, slug: str | None) -> AdmissionOutput:
    if not caller.admits:
        raise Forbidden
    at_door = None if slug is None else catalogue.event_by_slug(connection, slug).id
    arrival = admit(connection, code, caller, at_door)
    return AdmissionOutput(
        code=arrival.code,
        event=catalogue.event_by_id(connection, arrival.event_id).slug,
        holder=arrival.holder,
        admitted_at=moment(arrival.admitted_at or connection.now, UTC),
        admitted_by=arrival.admitted_by or caller.username,
    )


def _outputs(connection: Connection, person_id: int, secret: bytes) -> list[TicketOutput]:
    return [_output(connection, ticket, secret) for ticket in queries.tickets_of(connection, person_id)]


def _output_of(connection: Connection, person_id: int, code: str, secret: bytes) -> TicketOutput:
    return _output(connection, queries.ticket_of_person(connection, person_id, code), secret)


def _output(connection: Connection, ticket: Ticket, secret: bytes) -> TicketOutput:
    event = catalogue.event_by_id(connection, ticket.event_id)
    return TicketOutput(
        code=ticket.code,
        state=ticket.state,
        registration=ticket.seat_id,
        event=event.slug,
        title=event.title,
        place=event.place,
        starts_at=moment(event.starts_at, UTC),
        ends_at=moment(event.ends_at, UTC),
        issued_at=moment(ticket.issued_at, UTC),
        admitted_at=None if ticket.admitted_at is None else moment(ticket.admitted_at, UTC),
        qr=None if ticket.state == "void" else qr_text(secret, ticket.code),
    )
