"""Tickets as JSON."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound, SignInNeeded, TooMany
from festgate.kit.ids import read_code
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, module_router, problems
from festgate.kit.web.portal import Portal
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets import queries
from festgate.portal.tickets.copies import PostOrder, TicketOver
from festgate.portal.tickets.holder_emails import HolderEmails
from festgate.portal.tickets.office_api import add_office_routes
from festgate.portal.tickets.qr import qr_text
from festgate.portal.tickets.queries import Ticket, TicketState
from festgate.portal.tickets.transfers import (
    HolderIn,
    NoHolderAddress,
    NotTransferable,
    send_to_holder,
    transfer_ticket,
)

Code = Annotated[
    str, Path(description="The ticket's code; dashes and lower case are put right.", max_length=40)
]


class TicketOutput(BaseModel):
    """A ticket."""

    code: str = Field(description="16 letters and digits.")
    holder_name: str = Field(description="The attendee's name, or yours, or your username.")
    holder_email: str = Field(description="The attendee's email address; empty: yours.")
    state: TicketState = Field(
        description="void: its seat was given back, refunded, or its event called off."
    )
    registration: int = Field(description="The id of the registration that it came from.")
    event: str = Field(description="The event's slug.")
    title: str
    admits_to: list[str] = Field(
        description="The slugs of the other events that a pass admits to now, with the same code; empty for others."
    )
    place: str
    starts_at: datetime
    ends_at: datetime
    issued_at: datetime
    admitted_at: datetime | None = Field(
        description="When its holder was checked in; null while they are not in."
    )
    qr: str | None = Field(description="The text of its QR code; null when it is void.")


class NewHolder(BaseModel, extra="forbid"):
    """The new holder of a transferred ticket."""

    name: str = Field(max_length=4 * accounts.MAX_PERSON_NAME_LENGTH, description="Their name.")
    email: str = Field(
        max_length=2 * accounts.MAX_EMAIL_LENGTH, description="Their email address, to which it is sent."
    )


class TicketApi:
    """Routes of tickets under /api/v1."""

    def __init__(self, portal: Portal, emails: HolderEmails, post_order: PostOrder) -> None:
        """Take the emails to holders, and the function that queues those of whole orders, besides the portal."""
        self._portal = portal
        self._emails = emails
        self._post_order = post_order

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

        @router.post(
            "/tickets/{code}/transfer",
            responses=problems(
                SignInNeeded,
                NotFound,
                NotTransferable,
                TicketOver,
                HolderIn,
                accounts.AddressNotConfirmed,
                TooMany,
            ),
        )
        async def transfer(caller: Caller, code: Code, body: NewHolder) -> TicketOutput:
            """Transfer one of your tickets: it gets a new code, and both holders get an email."""
            holder = registrations.read_holder(body.name, body.email, is_required=True)

            def write(connection: Connection) -> TicketOutput:
                ticket = transfer_ticket(connection, caller.person, read_code(code), holder, self._emails)
                return _output(connection, ticket, caller, portal.secret)

            return await portal.database.write(write)

        @router.post(
            "/tickets/{code}/send",
            status_code=204,
            responses=problems(
                SignInNeeded, NotFound, TicketOver, NoHolderAddress, accounts.AddressNotConfirmed, TooMany
            ),
        )
        async def send(caller: Caller, code: Code) -> None:
            """Email one of your tickets to its holder."""
            await portal.database.write(send_to_holder, caller.person, read_code(code), None, self._emails)

        add_office_routes(router, portal, self._emails, self._post_order)
        return router


def _output(connection: Connection, ticket: Ticket, holder: Visitor, secret: bytes) -> TicketOutput:
    event = catalogue.event_by_id(connection, ticket.event_id)
    seat = registrations.seat(connection, ticket.seat_id)
    places = registrations.places_of_pass(connection, seat.id) if seat.is_pass else []
    return TicketOutput(
        code=ticket.code,
        holder_name=seat.attendee_name or holder.shown_name,
        holder_email=seat.attendee_email,
        state=ticket.state,
        registration=ticket.seat_id,
        event=event.slug,
        title=event.title,
        admits_to=[place.slug for place in places if place.state == "confirmed"],
        place=event.place,
        starts_at=moment(event.starts_at, UTC),
        ends_at=moment(event.ends_at, UTC),
        issued_at=moment(ticket.issued_at, UTC),
        admitted_at=None if ticket.admitted_at is None else moment(ticket.admitted_at, UTC),
        qr=None if ticket.state == "void" else qr_text(secret, ticket.code),
    )
