"""Tickets as JSON for organisers: send an order's again, correct the name on one, transfer one."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from festgate.kit.errors import Forbidden, NotFound, SignInNeeded, TooMany
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, Name, actor_of, problems
from festgate.kit.web.portal import Portal
from festgate.portal.accounts import facade as accounts
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets.copies import PostOrder, TicketOver, send_order
from festgate.portal.tickets.holder_corrections import correct_holder, transfer_for_holder
from festgate.portal.tickets.holder_emails import HolderEmails
from festgate.portal.tickets.transfers import HolderIn, NotTransferable

Id = Annotated[int, Field(ge=1, le=2**53)]


class CorrectionInput(BaseModel, extra="forbid"):
    """The right name and address of a ticket's holder."""

    name: str = Field(max_length=4 * accounts.MAX_PERSON_NAME_LENGTH, description="Their name.")
    email: str = Field(
        default="",
        max_length=2 * accounts.MAX_EMAIL_LENGTH,
        description="Their email address; empty: the buyer's. A ticket with another address is sent there.",
    )


class TransferInput(BaseModel, extra="forbid"):
    """The new holder of a ticket."""

    name: str = Field(max_length=4 * accounts.MAX_PERSON_NAME_LENGTH, description="Their name.")
    email: str = Field(
        max_length=2 * accounts.MAX_EMAIL_LENGTH, description="Their email address, to which it is sent."
    )


class HolderOutput(BaseModel):
    """The holder of a ticket."""

    registration: int
    name: str
    email: str = Field(description="Empty: the buyer's.")


def add_office_routes(router: APIRouter, portal: Portal, emails: HolderEmails, post_order: PostOrder) -> None:
    """Add the routes for organisers to the module's router."""
    Editor = Annotated[Visitor, Depends(Bearer(portal, "guests.edit"))]  # noqa: N806  (a type)

    @router.post(
        "/orders/{ref}/send",
        status_code=204,
        responses=problems(SignInNeeded, Forbidden, NotFound, TicketOver, TooMany),
    )
    async def send(ref: Name, caller: Editor, request: Request) -> None:
        """Send all valid tickets of an order again, in one email to its buyer."""
        await portal.database.write(send_order, actor_of(caller, request), ref, None, post_order)

    @router.post(
        "/registrations/{registration_id}/correction",
        responses=problems(SignInNeeded, Forbidden, NotFound, TicketOver, NotTransferable),
    )
    async def correct(
        registration_id: Id, body: CorrectionInput, caller: Editor, request: Request
    ) -> HolderOutput:
        """Correct the name on a ticket, or its holder's address; the code stays. Idempotent."""
        holder = registrations.read_holder(body.name, body.email, is_required=True)
        actor = actor_of(caller, request)
        await portal.database.write(correct_holder, actor, registration_id, holder, emails)
        return await _holder(portal, registration_id)

    @router.post(
        "/registrations/{registration_id}/transfer",
        responses=problems(SignInNeeded, Forbidden, NotFound, TicketOver, NotTransferable, HolderIn),
    )
    async def transfer(
        registration_id: Id, body: TransferInput, caller: Editor, request: Request
    ) -> HolderOutput:
        """Transfer a ticket, also after the attendees' own time for it: it gets a new code. Idempotent."""
        holder = registrations.read_holder(body.name, body.email, is_required=True)
        actor = actor_of(caller, request)
        await portal.database.write(transfer_for_holder, actor, registration_id, holder, emails)
        return await _holder(portal, registration_id)


async def _holder(portal: Portal, seat_id: int) -> HolderOutput:
    seat = await portal.database.read(registrations.seat, seat_id)
    return HolderOutput(registration=seat.id, name=seat.attendee_name, email=seat.attendee_email)
