"""The waiting list and the applications of an event as JSON, for organisers."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, Invalid, NotFound, SignInNeeded
from festgate.kit.visitors import Actor, Visitor
from festgate.kit.web.api import Bearer, Name, actor_of, module_router, problems
from festgate.kit.web.portal import Portal
from festgate.portal.accounts import facade as accounts
from festgate.portal.backoffice.waiting_lists import Decision, decide, list_entries
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import facade as registrations

PAGE_SIZE = 50
MAX_PAGE = 1000
MAX_CHOSEN = 100
Id = Annotated[int, Field(ge=1, le=2**53)]


class WaitingEntry(BaseModel):
    """A person on the waiting list of an event, or an application."""

    id: int
    person: int = Field(description="The number of the person, for `/guests/{person}`.")
    name: str
    email: str
    ticket: str = Field(description="The name of the ticket type; empty for the only one of an event.")
    quantity: int = Field(description="The tickets that were asked for.")
    remaining: int = Field(description="The tickets that were not offered yet.")
    state: registrations.ShownState = Field(
        description=(
            "applied: you have to decide; waiting; offered: a seat is held until offered_until; taken; expired: too "
            "late; given-back; declined; removed; left by the person; ended with the event."
        )
    )
    place: int | None = Field(
        description="The place in the line of its ticket type, from 1; null for one that does not wait."
    )
    offered_until: datetime | None = Field(
        description="When the first offered seat goes to someone else; null without an offer."
    )
    message: str = Field(description="The person's message to the organisers.")
    answer: str = Field(description="The organisers' answer.")
    joined_at: datetime

    @classmethod
    def of(cls, connection: Connection, entry: registrations.Entry) -> "WaitingEntry":
        """Return the JSON of an entry."""
        person = accounts.person_by_id(connection, entry.person_id)
        return cls(
            id=entry.id,
            person=person.id,
            name=person.shown_name,
            email=person.email,
            ticket=entry.type_name,
            quantity=entry.quantity,
            remaining=entry.remaining,
            state=entry.shown_state,
            place=entry.place or None,
            offered_until=moment(entry.offered_until, UTC) if entry.offered else None,
            message=entry.message,
            answer=entry.answer,
            joined_at=moment(entry.joined_at, UTC),
        )


class WaitingEntryPage(BaseModel):
    """A page of the waiting list and applications of an event."""

    entries: list[WaitingEntry] = Field(
        description="Up to 50 people: those that wait or have applied, in the order of the line, then the others."
    )
    total: int = Field(description="Number of entries on all pages.")
    page: int
    pages: int


class WaitingRules(BaseModel):
    """The settings of an event's waiting list, and of its applications."""

    state: catalogue.ListState = Field(
        description="`open`: visitors can join when it is sold out; `closed`: nobody can join any more; `off`: there "
        "is no list."
    )
    offer_hours: int = Field(
        ge=catalogue.MIN_OFFER_HOURS,
        le=catalogue.MAX_OFFER_HOURS,
        description="Hours to take an offered seat.",
    )
    needs_approval: bool = Field(description="Whether visitors apply, and organisers accept them.")

    @classmethod
    def of(cls, event: catalogue.Event) -> "WaitingRules":
        """Return the settings of the event."""
        return cls(
            state=event.waiting_list,
            offer_hours=max(1, event.offer_minutes // 60),
            needs_approval=bool(event.needs_approval),
        )


class WaitingRulesInput(WaitingRules, extra="forbid"):
    """The settings to save."""


class Chosen(BaseModel, extra="forbid"):
    """The people that a decision is about."""

    entries: list[Id] = Field(
        min_length=1, max_length=MAX_CHOSEN, description="The ids of their entries: all or none."
    )


class OfferInput(Chosen, extra="forbid"):
    """The people that are offered seats."""

    raise_capacity: bool = Field(
        default=False, description="Raise the capacity of the event by the seats that are missing."
    )


class DeclineInput(Chosen, extra="forbid"):
    """The people whose applications are declined."""

    answer: str = Field(
        default="", max_length=registrations.MAX_MESSAGE, description="A sentence to them, in their email."
    )


class WaitingApi:
    """JSON routes below `/events/{slug}/waiting-list`, with the permission of its page."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's API gets it."""
        self._portal = portal

    def router(self) -> APIRouter:
        """Return the routes, relative to the API's root."""
        router = module_router(self._portal, "backoffice", "waiting lists")
        self._add_list(router)
        self._add_decisions(router)
        return router

    def _add_list(self, router: APIRouter) -> None:
        database = self._portal.database
        Caller = Annotated[Visitor, Depends(Bearer(self._portal, "events.edit"))]  # noqa: N806  (a type)
        refusals = (SignInNeeded, Forbidden, NotFound)

        @router.get("/events/{slug}/waiting-list", responses=problems(*refusals))
        async def list_people(
            slug: Name,
            _caller: Caller,
            state: Annotated[
                registrations.ShownState | None, Query(description="Only entries in this state.")
            ] = None,
            page: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Number of the page, from 1.")] = 1,
        ) -> WaitingEntryPage:
            """List the people that wait for seats of an event or have applied, with place and state, 50 a page."""

            def read(connection: Connection) -> WaitingEntryPage:
                event = catalogue.any_event_by_slug(connection, slug)
                entries = [
                    entry
                    for entry in list_entries(connection, event.id)
                    if state in (None, entry.shown_state)
                ]
                pages = max(1, -(-len(entries) // PAGE_SIZE))
                if page > pages:
                    raise NotFound
                shown = entries[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
                listed = [WaitingEntry.of(connection, entry) for entry in shown]
                return WaitingEntryPage(entries=listed, total=len(entries), page=page, pages=pages)

            return await database.report(read)

        @router.get("/events/{slug}/waiting-list/settings", responses=problems(*refusals))
        async def read_settings(slug: Name, _caller: Caller) -> WaitingRules:
            """Read the settings of the waiting list and the applications of an event."""
            return WaitingRules.of(await database.read(catalogue.any_event_by_slug, slug))

        @router.put(
            "/events/{slug}/waiting-list/settings",
            responses=problems(*refusals, catalogue.EventWasCancelled),
        )
        async def save_settings(
            slug: Name, body: WaitingRulesInput, caller: Caller, request: Request
        ) -> WaitingRules:
            """Open or close the waiting list of an event, or ask for applications. Idempotent."""
            settings = catalogue.WaitingSettings(body.state, body.offer_hours * 60, body.needs_approval)
            try:
                event = await database.write(
                    catalogue.set_waiting_list, slug, settings, actor=actor_of(caller, request)
                )
            except Invalid as refusal:
                raise Invalid({"state": refusal.fields["waiting_list"]}) from None
            return WaitingRules.of(event)

    def _add_decisions(self, router: APIRouter) -> None:
        Caller = Annotated[Visitor, Depends(Bearer(self._portal, "events.edit"))]  # noqa: N806  (a type)
        refusals = (SignInNeeded, Forbidden, NotFound)

        @router.post(
            "/events/{slug}/waiting-list/offer",
            responses=problems(*refusals, registrations.SalesClosed, registrations.NotEnoughSeats),
        )
        async def offer(slug: Name, body: OfferInput, caller: Caller, request: Request) -> list[WaitingEntry]:
            """Offer seats to people whatever their place, or accept their applications; each gets an email.

            A repeated call offers nothing more, unless the offer has ended: then it offers the seats again.
            """
            operation = partial(decide, may_raise=body.raise_capacity)
            return await self._decide(operation, slug, "offer", body, actor_of(caller, request))

        @router.post("/events/{slug}/waiting-list/wait", responses=problems(*refusals))
        async def wait(slug: Name, body: Chosen, caller: Caller, request: Request) -> list[WaitingEntry]:
            """Put applications on the waiting list. Idempotent."""
            return await self._decide(decide, slug, "wait", body, actor_of(caller, request))

        @router.post("/events/{slug}/waiting-list/decline", responses=problems(*refusals))
        async def decline(
            slug: Name, body: DeclineInput, caller: Caller, request: Request
        ) -> list[WaitingEntry]:
            """Decline applications; each of their people gets an email with your sentence. Idempotent."""
            return await self._decide(
                partial(decide, answer=body.answer), slug, "decline", body, actor_of(caller, request)
            )

        @router.post("/events/{slug}/waiting-list/remove", responses=problems(*refusals))
        async def remove(slug: Name, body: Chosen, caller: Caller, request: Request) -> list[WaitingEntry]:
            """Take people off the waiting list; each gets an email, and offered seats stay held. Idempotent."""
            return await self._decide(decide, slug, "remove", body, actor_of(caller, request))

    async def _decide(
        self, operation: Callable[..., None], slug: str, decision: Decision, body: Chosen, actor: Actor
    ) -> list[WaitingEntry]:
        """Carry the decision out, and return the entries afterwards, in the order of the call."""
        try:
            await self._portal.database.write(operation, actor, slug, decision, body.entries)
        except ValueError as error:
            raise Invalid({"answer": str(error)}) from None

        def read(connection: Connection) -> list[WaitingEntry]:
            return [
                WaitingEntry.of(connection, registrations.entry_by_id(connection, entry))
                for entry in dict.fromkeys(body.entries)
            ]

        return await self._portal.database.report(read)
