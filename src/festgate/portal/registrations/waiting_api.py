"""JSON routes of waiting lists and applications."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.errors import Invalid, NotFound, SignInNeeded, TooMany
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, Name, problems
from festgate.kit.web.portal import Portal
from festgate.portal.accounts.facade import AddressNotConfirmed
from festgate.portal.registrations import line
from festgate.portal.registrations.errors import (
    AlreadyRegistered,
    ChooseTicket,
    ListClosed,
    SalesClosed,
    SalesNotOpen,
    SeatsAvailable,
    TooManyTickets,
)
from festgate.portal.registrations.waiting_list import MAX_MESSAGE, join, leave


class WaitingPlace(BaseModel):
    """A place on the waiting list of an event, or an application."""

    id: int
    event: str = Field(description="The event's slug.")
    title: str
    ticket: str = Field(description="The name of the ticket type; empty for the only one of an event.")
    state: line.ShownState = Field(
        description=(
            "applied: the organisers have to decide; waiting; offered: confirm or pay the held registrations before "
            "offered_until; taken; expired: too late; given-back; declined; removed; left; ended with the event."
        )
    )
    place: int | None = Field(description="The place in the line, from 1; null for one that does not wait.")
    quantity: int = Field(description="The tickets that were asked for.")
    remaining: int = Field(description="The tickets that were not offered yet.")
    offered_until: datetime | None = Field(
        description="When the first offered seat goes to someone else; null without an offer."
    )
    message: str = Field(description="Your message to the organisers.")
    answer: str = Field(description="Their answer.")
    joined_at: datetime

    @classmethod
    def of(cls, entry: line.Entry) -> "WaitingPlace":
        """Return the JSON of an entry."""
        return cls(
            id=entry.id,
            event=entry.slug,
            title=entry.title,
            ticket=entry.type_name,
            state=entry.shown_state,
            place=entry.place or None,
            quantity=entry.quantity,
            remaining=entry.remaining,
            offered_until=moment(entry.offered_until, UTC) if entry.offered_until else None,
            message=entry.message,
            answer=entry.answer,
            joined_at=moment(entry.joined_at, UTC),
        )


class WaitingInput(BaseModel):
    """The tickets that somebody waits or applies for."""

    ticket: Annotated[int, Field(ge=1, le=2**53)] | None = Field(
        default=None, description="The id of the ticket type; null for the only one on sale."
    )
    quantity: int = Field(default=1, ge=1, le=1000, description="The number of tickets.")
    message: str = Field(
        default="", max_length=MAX_MESSAGE, description="A message to the organisers, with an application."
    )


def add_waiting_routes(router: APIRouter, portal: Portal) -> None:
    """Add the routes of waiting lists and applications to the module's router."""
    Caller = Annotated[Visitor, Depends(Bearer(portal))]  # noqa: N806  (a type)

    @router.post(
        "/events/{slug}/waiting",
        status_code=201,
        responses=problems(
            SignInNeeded,
            NotFound,
            ListClosed,
            SeatsAvailable,
            AlreadyRegistered,
            TooManyTickets,
            ChooseTicket,
            SalesNotOpen,
            SalesClosed,
            AddressNotConfirmed,
            TooMany,
        ),
    )
    async def wait(slug: Name, person: Caller, wanted: WaitingInput | None = None) -> WaitingPlace:
        """Join the waiting list of a sold-out event, or apply for an event whose organisers choose the people.

        A person on the list keeps their place, and gets it again.
        """
        chosen = wanted or WaitingInput()
        needs_confirmed = portal.settings.confirms_email and not person.is_confirmed
        try:
            entry_id = await portal.database.write(
                join,
                person.person,
                slug,
                chosen.quantity,
                chosen.ticket,
                chosen.message,
                needs_confirmed=needs_confirmed,
            )
        except ValueError as error:
            raise Invalid({"message": str(error)}) from None
        return WaitingPlace.of(await portal.database.read(line.entry_by_id, entry_id))

    @router.get("/waiting", responses=problems(SignInNeeded))
    async def list_places(person: Caller) -> list[WaitingPlace]:
        """List every place and application that you have or had, the newest first."""
        return [
            WaitingPlace.of(entry) for entry in await portal.database.read(line.entries_of, person.person)
        ]

    @router.post("/waiting/{waiting_id}/leave", responses=problems(SignInNeeded, NotFound))
    async def leave_line(waiting_id: Annotated[int, Field(ge=1, le=2**53)], person: Caller) -> WaitingPlace:
        """Leave a waiting list, or withdraw an application; offered seats stay held. Idempotent."""
        await portal.database.write(leave, person.person, waiting_id)
        return WaitingPlace.of(await portal.database.read(line.entry_by_id, waiting_id))
