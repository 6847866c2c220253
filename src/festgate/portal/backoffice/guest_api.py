"""JSON routes of guests, for organisers."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field, StringConstraints
from starlette.responses import Response, StreamingResponse

from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, NotFound, SignInNeeded
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Amount, Bearer, Name, files, module_router, problems
from festgate.kit.web.downloads import download
from festgate.kit.web.parameters import MAX_NAME
from festgate.kit.web.portal import Portal
from festgate.portal.backoffice.guest_filters import (
    ANSWER,
    MAX_ANSWERS,
    MAX_WORDS_LENGTH,
    CheckedIn,
    SortKey,
    State,
    StateFilter,
)
from festgate.portal.backoffice.guest_list import LAST_PAGE, PAGE_SIZE, GuestPage, page_of_guests
from festgate.portal.backoffice.guest_queries import Guest
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import facade as registrations

MAX_ID = 10**15 - 1
MAX_PAYMENT = 40
MAX_ANSWER = 600
Id = Annotated[int, Field(ge=1, le=2**53)]
Given = Annotated[str, StringConstraints(max_length=MAX_ANSWER)]


class AnswerOutput(BaseModel):
    """The answer of a guest to a question."""

    question: int = Field(description="The id of the question.")
    label: str = Field(description="The question.")
    text: str = Field(description="The answer as people read it; the name of a file.")
    file: int | None = Field(description="The id of the file, for `/events/{slug}/files/{file}`; else null.")


class GuestOutput(BaseModel):
    """A registration with its attendee."""

    registration: int = Field(description="The id of the registration.")
    person: int = Field(
        description="The number of the person that took the seat, or of the member of a team; for `/guests/{person}`."
    )
    event: str = Field(description="The slug of the event.")
    name: str = Field(description="The attendee's name.")
    email: str = Field(description="The attendee's email address; empty for a free place of a team.")
    buyer: str = Field(description="The name of the person that registered, if it is another; else empty.")
    ticket: str = Field(description="The ticket type; empty for the only one of an event.")
    team: str = Field(description="The name of the team; empty without one.")
    state: State = Field(description="`waiting` is held by an order that waits for its payment.")
    fee: Amount
    order: str | None = Field(description="The reference of the order; null without one.")
    payment: str | None = Field(description="The state of the order, such as `paid`; null without one.")
    method: str | None = Field(description="The payment method of the order; null without one.")
    registered_at: datetime
    checked_in_at: datetime | None = Field(description="Null while the guest is not in.")
    answers: list[AnswerOutput]


class GuestsOutput(BaseModel):
    """A page of guests."""

    guests: list[GuestOutput] = Field(description=f"Up to {PAGE_SIZE} guests.")
    total: int = Field(description="Number of guests on all pages.")
    page: int = Field(description="Number of this page, from 1.")
    pages: int = Field(description="Number of pages, at least 1.")


class GuestFiltersInput(BaseModel):
    """The filters and the order of the list, as the page of guests has them."""

    q: str = Field(
        default="",
        max_length=MAX_WORDS_LENGTH,
        description="Words, each of which must be in the name, the email address or the order's reference.",
    )
    state: StateFilter = Field(default="current", description="`current` is held, waiting or confirmed.")
    type: int | None = Field(default=None, ge=1, le=MAX_ID, description="The id of a ticket type.")
    payment: str = Field(
        default="",
        max_length=MAX_PAYMENT,
        description="`free`, `paid`, `pending`, `refunding` or `refunded`; `method-` and the name of a payment method.",
    )
    checked_in: CheckedIn = Field(default="", description="`yes` or `no`.")
    answer: list[Given] = Field(
        default=[],
        max_length=MAX_ANSWERS,
        description="The id of a question with choices, a colon, and the choice: `12:XL`.",
    )
    sort: SortKey = "registered"
    descending: bool | None = Field(
        default=None, description="Without it, the latest and the largest come first, and names from A."
    )

    def parameters(self) -> dict[str, str]:
        """Return the filters as the page has them in its address."""
        parameters = {
            "q": self.q,
            "state": self.state,
            "type": str(self.type or ""),
            "payment": self.payment,
            "checked_in": self.checked_in,
            "sort": self.sort,
            "desc": "" if self.descending is None else str(int(self.descending)),
        }
        for given in self.answer:
            question, _, value = given.partition(":")
            parameters[f"{ANSWER}{question}"] = value
        return parameters


class FestFiltersInput(GuestFiltersInput):
    """The filters of the guests of the whole fest."""

    event: str = Field(default="", max_length=MAX_NAME, description="The slug of an event.")

    def parameters(self) -> dict[str, str]:
        """Return the filters as the page has them in its address."""
        return {**super().parameters(), "event": self.event}


class GuestsAsked(GuestFiltersInput):
    """A page of the guests of an event."""

    page: int = Field(default=1, ge=1, le=LAST_PAGE)

    def parameters(self) -> dict[str, str]:
        """Return the filters and the page as the page has them in its address."""
        return {**super().parameters(), "page": str(self.page)}


class FestGuestsAsked(FestFiltersInput):
    """A page of the guests of the whole fest."""

    page: int = Field(default=1, ge=1, le=LAST_PAGE)

    def parameters(self) -> dict[str, str]:
        """Return the filters and the page as the page has them in its address."""
        return {**super().parameters(), "page": str(self.page)}


class GuestApi:
    """JSON routes of guests; an event lead has them for the assigned events."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal

    def router(self) -> APIRouter:
        """Return the routes of this module, relative to the API's root."""
        router = module_router(self._portal, "backoffice", "guests")
        guard = Bearer(self._portal, "guests.view", lists_assigned=True)
        Caller = Annotated[Visitor, Depends(guard)]  # noqa: N806  (a type)

        @router.get("/guests", responses=problems(SignInNeeded, Forbidden))
        async def list_guests_of_fest(
            asked: Annotated[FestGuestsAsked, Query()], person: Caller
        ) -> GuestsOutput:
            """List the guests of all events; those of the assigned events for an event lead."""
            return await self._read(person, None, asked.parameters())

        @router.get("/events/{slug}/guests", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def list_guests(
            slug: Name, asked: Annotated[GuestsAsked, Query()], person: Caller
        ) -> GuestsOutput:
            """List the guests of an event, also of a draft."""
            return await self._read(person, slug, asked.parameters())

        Viewer = Annotated[Visitor, Depends(Bearer(self._portal, "guests.view"))]  # noqa: N806  (a type)

        @router.get(
            "/events/{slug}/files/{file}",
            response_class=StreamingResponse,
            responses={
                **files("application/pdf", "image/png", "image/jpeg"),
                **problems(SignInNeeded, Forbidden, NotFound),
            },
        )
        async def send_file(slug: Name, file: Id, _caller: Viewer) -> Response:
            """Download a file that a guest of the event uploaded as an answer."""

            def read(connection: Connection) -> registrations.StoredFile:
                event = catalogue.any_event_by_slug(connection, slug)
                return registrations.file_of_event(connection, event.id, file)

            stored = await self._portal.database.read(read)
            return download(stored.name, stored.content_type, stored.content)

        return router

    async def _read(self, person: Visitor, slug: str | None, parameters: dict[str, str]) -> GuestsOutput:
        lead = person.person if person.role == "lead" else None
        shown = await self._portal.database.report(page_of_guests, slug, lead, parameters)
        return GuestsOutput(
            guests=[_written(guest, shown) for guest in shown.guests],
            total=shown.total,
            page=shown.page,
            pages=shown.pages,
        )


def _written(guest: Guest, shown: GuestPage) -> GuestOutput:
    return GuestOutput(
        registration=guest.seat_id,
        person=guest.person_id,
        event=guest.slug,
        name=guest.name,
        email=guest.email,
        buyer=guest.buyer,
        ticket=guest.ticket,
        team=guest.team,
        state=guest.state,
        fee=Amount.of(guest.fee),
        order=guest.order_ref or None,
        payment=guest.order_state or None,
        method=guest.method or None,
        registered_at=moment(guest.registered_at),
        checked_in_at=None if guest.admitted_at is None else moment(guest.admitted_at),
        answers=[
            AnswerOutput(
                question=question.id,
                label=question.details.label,
                text=registrations.shown_answer(question.details.kind, given.value),
                file=given.file_id,
            )
            for question in shown.listed.questions
            if (given := guest.answers.get(question.id)) is not None
        ],
    )
