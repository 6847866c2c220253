"""The ticket types of an event as JSON, as its organisers edit them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, Invalid, NotFound, SignInNeeded
from festgate.kit.text import DECOMPOSED
from festgate.kit.translation import gettext
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Amount, Bearer, Name, actor_of, module_router, problems
from festgate.kit.web.parameters import MAX_NAME
from festgate.kit.web.portal import Portal
from festgate.portal.backoffice.guest_action_api import IdempotencyKey
from festgate.portal.backoffice.programme_api import shown_time
from festgate.portal.backoffice.request_keys import (
    UTC,
    Entered,
    Id,
    Whole,
    content_of,
    create_once,
    entered_fields,
)
from festgate.portal.backoffice.ticket_pages import (
    ADMITS_PREFIX,
    NEW_TYPE,
    QUOTA_PREFIX,
    TicketsPage,
    TypeRow,
    read_tickets,
)
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout.facade import KeyReused
from festgate.portal.registrations import facade as registrations

MAX_LINKED = 100
"""Quotas and events in one call."""
PATH = "/programme/events/{slug}/ticket-types"
TypeName = Annotated[str, Field(max_length=DECOMPOSED * catalogue.MAX_TYPE_NAME)]
Description = Annotated[str, Field(max_length=DECOMPOSED * catalogue.MAX_TYPE_DESCRIPTION)]
Slug = Annotated[str, Field(max_length=MAX_NAME)]
Quotas = Annotated[list[Id], Field(max_length=MAX_LINKED)]
Slugs = Annotated[list[Slug], Field(max_length=MAX_LINKED)]
Order = Annotated[list[Id], Field(max_length=1000)]


class DrawnQuota(BaseModel):
    """A shared quota that a ticket type draws on."""

    id: int
    name: str
    capacity: int
    taken: int


class EventType(BaseModel):
    """A ticket type with everything that its form has."""

    id: int
    name: str = Field(description="Empty for the only ticket type of an event.")
    description: str
    fee: Amount = Field(description="The price with tax; the least price if the buyer chooses it.")
    entered_fee: str = Field(
        description="The price as it is entered: without the tax, if that is added on top."
    )
    chosen_price: bool
    tax_rate: str = Field(description="The tax as a percentage, such as `18`; `0` without tax.")
    tax_on_top: bool
    sales_open_at: datetime | None = Field(description="Null: with the event.")
    sales_close_at: datetime | None = Field(description="Null: with the event.")
    follows: int | None = Field(description="The id of the ticket type after which it is sold.")
    hidden: bool
    link: str | None = Field(description="The page that sells a hidden ticket type.")
    min_per_order: int
    max_per_order: int
    own_quota: int | None = Field(
        description="The most tickets of this type; null without a limit of its own."
    )
    quotas: list[DrawnQuota] = Field(description="The shared quotas that it draws on.")
    admits_to: list[str] = Field(description="The slugs of the other events that a pass admits to.")
    team_min: int = Field(description="0 for a type that is not sold to teams.")
    team_max: int
    team_price: Literal["team", "member"]
    team_changes_until: datetime | None = Field(description="Null: the start.")
    taken: int = Field(description="Its held and confirmed seats.")
    left: int | None = Field(description="What its quotas leave; null without any.")
    is_offered: bool = Field(description="Whether it is on sale now, as far as the type itself decides that.")
    is_withdrawn: bool
    warning: str = Field(
        description="A sentence about events of a pass that are at the same time; else empty."
    )


class TypeFields(BaseModel, extra="forbid", strict=True):
    """The values of a ticket type's form; of a change, those that are left out stay as they are."""

    name: TypeName = Field(default="", description="Needed if the event has several ticket types.")
    description: Description | None = None
    fee: Entered = Field(
        default="", description="In major units, such as `450.00`; without the tax, if that is added on top."
    )
    chosen_price: bool = Field(default=False, description="The buyer chooses the price, at least the fee.")
    tax_rate: Entered | None = Field(default=None, description="A percentage, such as `18`.")
    tax_on_top: bool = Field(default=False, description="The tax is added to the fee; else it is part of it.")
    sales_open_at: Entered | None = Field(
        default=None, description="A time in UTC, or with an offset; null: with the event."
    )
    sales_close_at: Entered | None = None
    follows: Id | None = Field(default=None, description="The id of the type after which this one is sold.")
    hidden: bool = Field(default=False, description="Sold only to visitors with its link.")
    min_per_order: Whole | None = None
    max_per_order: Whole | None = None
    own_quota: Whole | None = Field(
        default=None, description="The most tickets; null for no limit of its own."
    )
    quotas: Quotas = Field(default=[], description="The ids of the shared quotas that it draws on.")
    admits_to: Slugs = Field(default=[], description="The slugs of the other events that it admits to.")
    team_min: Whole | None = None
    team_max: Whole | None = Field(
        default=None, description="Members of the largest team; null: single people."
    )
    team_price: Literal["team", "member"] = "team"
    team_changes_until: Entered | None = None

    def fields(self) -> dict[str, str]:
        """Return what was sent as the fields of the form."""
        fields = entered_fields(self, "follows", "quotas", "admits_to")
        if "follows" in self.model_fields_set:
            fields["follows_id"] = str(self.follows or "")
        return fields


class TypeOrder(BaseModel, extra="forbid", strict=True):
    """The order of ticket types."""

    order: Order = Field(description="The id of every ticket type of the event, also of withdrawn ones.")


class TicketTypeApi:
    """JSON routes of the ticket types of an event."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's API gets it."""
        self._portal = portal
        self._currency = portal.settings.currency

    def router(self) -> APIRouter:
        """Return the routes."""
        router = module_router(self._portal, "backoffice", "programme")
        self._add_reads(router)
        self._add_changes(router)
        return router

    def _add_reads(self, router: APIRouter) -> None:
        Caller = Annotated[Visitor, Depends(Bearer(self._portal, "events.edit"))]  # noqa: N806  (a type)

        @router.get(PATH, responses=problems(SignInNeeded, Forbidden, NotFound))
        async def list_types(slug: Name, caller: Caller) -> list[EventType]:
            """List the ticket types of an event in their order, at most 30, also withdrawn ones."""
            return await self._types(slug, caller)

        @router.get(f"{PATH}/{{type_id}}", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def read_type(slug: Name, type_id: Id, caller: Caller) -> EventType:
            """Read a ticket type of an event."""
            return await self._type(slug, type_id, caller)

    def _add_changes(self, router: APIRouter) -> None:
        portal, database = self._portal, self._portal.database
        Caller = Annotated[Visitor, Depends(Bearer(portal, "events.edit"))]  # noqa: N806  (a type)
        refusals = (SignInNeeded, Forbidden, NotFound, catalogue.EventWasCancelled)
        one = f"{PATH}/{{type_id}}"

        @router.post(PATH, status_code=201, responses=problems(*refusals, KeyReused))
        async def add(
            slug: Name,
            body: TypeFields,
            caller: Caller,
            request: Request,
            response: Response,
            idempotency_key: IdempotencyKey,
        ) -> EventType:
            """Add a ticket type. The first one of an event needs a name before there is a second."""
            actor = actor_of(caller, request)

            def make(connection: Connection) -> list[int]:
                with _json_names():
                    details = self._read(connection, slug, {**NEW_TYPE, **body.fields()})
                    linked = _linked(read_tickets(connection, slug, caller), None, body)
                    return [catalogue.add_ticket_type(connection, slug, details, *linked, actor=actor).id]

            def operation(connection: Connection) -> int:
                content = content_of(request.url.path, body)
                return create_once(
                    connection, caller.person, idempotency_key, content, lambda: make(connection)
                )[0]

            type_id = await database.write(operation)
            response.headers["location"] = f"{request.url.path}/{type_id}"
            return await self._type(slug, type_id, caller)

        @router.put(f"{PATH}/order", responses=problems(*refusals))
        async def order(slug: Name, body: TypeOrder, caller: Caller, request: Request) -> list[EventType]:
            """Put the ticket types of an event into another order. Idempotent."""
            actor = actor_of(caller, request)
            await database.write(catalogue.order_ticket_types, slug, body.order, actor=actor)
            return await self._types(slug, caller)

        @router.patch(one, responses=problems(*refusals))
        async def change(
            slug: Name, type_id: Id, body: TypeFields, caller: Caller, request: Request
        ) -> EventType:
            """Change a ticket type; seats that are taken keep their price. Idempotent."""
            actor = actor_of(caller, request)

            def operation(connection: Connection) -> None:
                shown = read_tickets(connection, slug, caller)
                kind = catalogue.type_of([row.type for row in shown.rows], type_id)
                written = catalogue.written_type(kind.details, UTC)
                count, linked = registrations.count_of_type, _linked(shown, kind, body)
                with _json_names():
                    details = self._read(connection, slug, {**written, **body.fields()})
                    catalogue.edit_ticket_type(
                        connection, slug, type_id, details, count, *linked, actor=actor
                    )

            await database.write(operation)
            return await self._type(slug, type_id, caller)

        @router.delete(one, status_code=204, responses=problems(*refusals))
        async def remove(slug: Name, type_id: Id, caller: Caller, request: Request) -> None:
            """Remove a ticket type; withdraw it if seats of it were ever taken: it stays in the list."""
            await database.write(
                catalogue.remove_ticket_type,
                slug,
                type_id,
                registrations.count_of_type,
                actor=actor_of(caller, request),
            )

        @router.post(f"{one}/offer", responses=problems(*refusals))
        async def offer(slug: Name, type_id: Id, caller: Caller, request: Request) -> EventType:
            """Offer a withdrawn ticket type again. Idempotent."""
            actor = actor_of(caller, request)
            await database.write(catalogue.offer_ticket_type, slug, type_id, actor=actor)
            return await self._type(slug, type_id, caller)

    def _read(self, connection: Connection, slug: str, fields: dict[str, str]) -> catalogue.TypeDetails:
        event = catalogue.any_event_by_slug(connection, slug)
        currency = catalogue.fee_currency(event, self._currency)
        return catalogue.read_type(fields, UTC, currency)

    async def _types(self, slug: str, caller: Visitor) -> list[EventType]:
        shown = await self._portal.database.report(read_tickets, slug, caller)
        return [self._output(row) for row in shown.rows]

    async def _type(self, slug: str, type_id: int, caller: Visitor) -> EventType:
        for shown in await self._types(slug, caller):
            if shown.id == type_id:
                return shown
        raise NotFound

    def _output(self, row: TypeRow) -> EventType:
        kind, details = row.type, row.type.details
        written = catalogue.written_type(details, UTC)
        base = f"{self._portal.settings.base_url}/events/{row.event.slug}"
        return EventType(
            id=kind.id,
            name=details.name,
            description=details.description,
            fee=Amount.of(details.fee),
            entered_fee=written["fee"],
            chosen_price=details.has_chosen_price,
            tax_rate=catalogue.written_rate(details.tax_rate),
            tax_on_top=details.has_tax_on_top,
            sales_open_at=shown_time(details.sales_open_at),
            sales_close_at=shown_time(details.sales_close_at),
            follows=details.follows_id,
            hidden=details.is_hidden,
            link=f"{base}?{catalogue.ACCESS}={kind.access_key}" if kind.access_key else None,
            min_per_order=details.min_per_order,
            max_per_order=details.max_per_order,
            own_quota=details.own_quota,
            quotas=[
                DrawnQuota(id=quota.id, name=quota.name, capacity=quota.capacity, taken=quota.taken)
                for quota in kind.quotas
                if not quota.is_own
            ],
            admits_to=[event.slug for event in kind.admits],
            team_min=details.team_min,
            team_max=details.team_max,
            team_price=details.team_price,
            team_changes_until=shown_time(details.team_changes_until),
            taken=row.live,
            left=kind.left,
            is_offered=row.is_offered,
            is_withdrawn=kind.is_withdrawn,
            warning=row.overlap,
        )


@contextmanager
def _json_names() -> Iterator[None]:
    """Name refused values as JSON does, not as the form."""
    try:
        yield
    except Invalid as refusal:
        names = {"follows_id": "follows", "quota": "quotas"}
        fields = {names.get(name, name): sentence for name, sentence in refusal.fields.items()}
        raise Invalid(fields) from None


def _linked(
    shown: TicketsPage, kind: catalogue.TicketType | None, body: TypeFields
) -> tuple[set[int], set[int]]:
    """Return the shared quotas and the other events of a type: those that were sent, or else those that it has.

    A caller can choose what the form offers. Raises Invalid for others.
    """
    type_id = None if kind is None else kind.id
    offered = {event.slug: event.id for event in shown.events}
    has_quotas = [] if kind is None else [quota.id for quota in kind.quotas if not quota.is_own]
    has_events = [] if kind is None else [event.slug for event in kind.admits]
    quotas: Sequence[int] = body.quotas if "quotas" in body.model_fields_set else has_quotas
    slugs: Sequence[str] = body.admits_to if "admits_to" in body.model_fields_set else has_events
    errors: dict[str, str] = {}
    if not set(quotas) <= {quota.id for quota in shown.quotas} | set(has_quotas):
        errors["quotas"] = gettext("There is no such quota.")
    if not set(slugs) <= {*offered, *has_events}:
        errors["admits_to"] = gettext("Choose events of this fest that are not cancelled.")
    if errors:
        raise Invalid(errors)
    ticked = {f"{QUOTA_PREFIX}{number}": "yes" for number in quotas}
    ticked |= {f"{ADMITS_PREFIX}{offered[slug]}": "yes" for slug in slugs if slug in offered}
    return shown.chosen(type_id, ticked)
