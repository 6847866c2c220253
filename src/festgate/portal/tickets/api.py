"""Tickets as JSON."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound, SignInNeeded
from festgate.kit.ids import read_code
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, module_router, problems
from festgate.kit.web.portal import Portal
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.tickets import queries
from festgate.portal.tickets.qr import qr_text
from festgate.portal.tickets.queries import Ticket, TicketState

Code = Annotated[
    str, Path(description="The ticket's code; dashes and lower case are put right.", max_length=40)
]


class TicketOutput(BaseModel):
    """A ticket."""

    code: str = Field(description="16 letters and digits.")
    holder_name: str = Field(description="Your name, or your username if you have entered none.")
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
    qr: str | None = Field(description="The text of its QR code; null when it is void.")


class TicketApi:
    """Routes of tickets under /api/v1."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's API gets it."""
        self._portal = portal

    def router(self) -> APIRouter:
        """Return the routes for app.py."""
        portal = self._portal
        router = module_router(portal, "tickets", "tickets")
        Caller = Annotated[Visitor, Depends(Bearer(portal))]  # noqa: N806  (a type)

        @router.get("/tickets", responses=problems(SignInNeeded))
        async def list_tickets(caller: Caller) -> list[TicketOutput]:
            """List your tickets, oldest first."""

            def read(connection: Connection) -> list[TicketOutput]:
                tickets = queries.tickets_of(connection, caller.person)
                return [_output(connection, ticket, caller, portal.secret) for ticket in tickets]

            return await portal.database.read(read)

        @router.get("/tickets/{code}", responses=problems(SignInNeeded, NotFound))
        async def show_ticket(caller: Caller, code: Code) -> TicketOutput:
            """Show one of your tickets."""

            def read(connection: Connection) -> TicketOutput:
                ticket = queries.ticket_of_person(connection, caller.person, read_code(code))
                return _output(connection, ticket, caller, portal.secret)

            return await portal.database.read(read)

        return router


def _output(connection: Connection, ticket: Ticket, holder: Visitor, secret: bytes) -> TicketOutput:
    event = catalogue.event_by_id(connection, ticket.event_id)
    return TicketOutput(
        code=ticket.code,
        holder_name=holder.shown_name,
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
