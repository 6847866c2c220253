"""JSON routes of events."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound
from festgate.kit.money import Money
from festgate.kit.web.api import Amount, Name, module_router, problems
from festgate.kit.web.forms import checked
from festgate.kit.web.portal import Portal
from festgate.portal.catalogue import queries
from festgate.portal.catalogue.details import MAX_LENGTHS, MAX_VALUE
from festgate.portal.catalogue.forms import LAST_PAGE, MAX_SEARCH_LENGTH, ListForm
from festgate.portal.catalogue.offers import LapsedHolds, Offer, OfferState, offer_of
from festgate.portal.catalogue.pages import pages_of
from festgate.portal.catalogue.queries import Event, ListedEvent, Programmes
from festgate.portal.catalogue.refund_rules import stored_rule
from festgate.portal.catalogue.rooms import Room
from festgate.portal.catalogue.ticket_offers import TicketOffer, ticket_offers
from festgate.portal.catalogue.ticket_types import types_of_event


class Listed(BaseModel):
    """An event of the list."""

    slug: str = Field(description="Name of the event in addresses.")
    title: str = Field(description="Name of the event.")
    category: str = Field(description="Kind of event; may be empty.")
    place: str = Field(description="Place of the event.")
    starts_at: datetime = Field(description="When it starts (ISO 8601, UTC).")
    ends_at: datetime = Field(description="When it ends (ISO 8601, UTC).")
    sales_open_at: datetime | None = Field(
        description="When sales open (ISO 8601, UTC); null if they opened when the event was published."
    )
    sales_close_at: datetime = Field(description="When sales close (ISO 8601, UTC).")
    fee: Amount = Field(description="Lowest price of a seat; 0 for a free event.")
    capacity: int = Field(description="Number of seats.")
    seats_left: int = Field(description="Seats that are free now.")
    availability: OfferState = Field(
        description="`open`, `few` (open, nearly full), `soldout`, `soon` (sales open later), `closed` (sales have "
        "closed), `over`, or `cancelled`."
    )


class TeamRule(BaseModel):
    """The teams that a ticket type is sold to."""

    min: int = Field(description="The least number of members.")
    max: int = Field(description="The largest number of members.")
    price: Literal["team", "member"] = Field(description="Whether `fee` is that of a team or of each member.")


class AdmittedOutput(BaseModel):
    """Another event that a pass admits to."""

    slug: str
    title: str
    starts_at: datetime
    ends_at: datetime


class TicketOutput(BaseModel):
    """A ticket type."""

    id: int = Field(description="The number by which a registration chooses it.")
    name: str = Field(description="Empty for the only ticket type of an event.")
    description: str
    fee: Amount = Field(description="The price with tax; the least price if the buyer chooses it.")
    tax: Amount = Field(description="The tax in the price.")
    tax_rate: str = Field(description="The tax as a percentage, such as `18`; `0` without tax.")
    chosen_price: bool = Field(description="Whether the buyer chooses the price.")
    availability: OfferState = Field(description="As for the event.")
    sales_open_at: datetime | None = Field(description="When its sales open, if that is still ahead.")
    min_per_order: int
    max_per_order: int = Field(description="The most tickets of this type in one order now.")
    team: TeamRule | None = Field(description="Null for a type that is sold to single people.")
    admits_to: list[AdmittedOutput] = Field(
        description="The other events that a pass admits to, with a seat in each; empty for other types."
    )


class RefundStep(BaseModel):
    """A part of the price that comes back after an early cancellation."""

    days: int = Field(description="Days before the start until which this holds.")
    percent: int = Field(description="The part of the price that comes back.")


class RoomOutput(BaseModel):
    """The room in which an event takes place."""

    name: str = Field(description="The name, which is the event's place too.")
    address: str = Field(description="The postal address; may be empty.")
    map_url: str = Field(description="The address of a page with a map; may be empty.")


class Whole(Listed):
    """An event with all its details."""

    tickets: list[TicketOutput] = Field(description="The ticket types that everybody can see.")

    room: RoomOutput | None = Field(description="The room; null for another place.")
    refunds: list[RefundStep] = Field(
        description="Parts of the price that come back when attendees cancel a paid registration; empty if they cannot."
    )
    summary: str = Field(description="One sentence about the event.")
    description: str = Field(description="Plain text; lines that begin with `- ` are list items.")


class Page(BaseModel):
    """A page of the list."""

    events: list[Listed] = Field(description="Up to 24 events, by their start.")
    total: int = Field(description="Number of events on all pages.")
    page: int = Field(description="Number of this page, from 1.")
    pages: int = Field(description="Number of pages, at least 1.")


class Asked(BaseModel):
    """The filters of the list. ListForm reads them as it does for the HTML page, so both refuse the same input."""

    q: str = Field(
        default="", max_length=MAX_SEARCH_LENGTH, description="Words, each of which must be found."
    )
    category: str = Field(
        default="", max_length=MAX_LENGTHS["category"], description="Exactly this category."
    )
    day: str = Field(
        default="",
        max_length=MAX_VALUE,
        description="Events that start on this day in the fest's time zone, also past ones: `2026-03-14`. Without "
        "it, events that have not ended.",
    )
    page: str = Field(default="1", max_length=MAX_VALUE, description=f"Page from 1 to {LAST_PAGE}.")


class CatalogueApi:
    """JSON routes below `/events` that only read; they need no token."""

    def __init__(self, portal: Portal, find_lapses: Callable[[Connection], LapsedHolds]) -> None:
        """Take the query of ended holds that the pages use too."""
        self._portal = portal
        self._find_lapses = find_lapses
        self._zone = portal.settings.zone
        self._programmes = Programmes(self._zone)

    def router(self) -> APIRouter:
        """Return the routes of this module, relative to the API's root."""
        router = module_router(self._portal, "catalogue", "events")

        @router.get("/events", responses=problems(NotFound))
        async def list_events(asked: Annotated[Asked, Query()]) -> Page:
            """List the published and cancelled events, 24 a page."""
            filters = checked(ListForm, asked.model_dump()).filters()

            def read(connection: Connection) -> Page:
                programme = self._programmes.find(connection)
                total = queries.count_listed(connection, filters, programme, self._zone)
                listed = queries.find_listed(connection, filters, programme, self._zone)
                lapsed = self._find_lapses(connection).seats
                events = [
                    Listed(**_listed(event, offer_of(event, lapsed, connection.now))) for event in listed
                ]
                return Page(events=events, total=total, page=filters.page, pages=pages_of(total, filters))

            return await self._portal.database.read(read)

        @router.get("/events/{slug}", responses=problems(NotFound))
        async def read_event(slug: Name) -> Whole:
            """Read an event."""

            def read(connection: Connection) -> Whole:
                event = queries.event_by_slug(connection, slug)
                offer = offer_of(event, self._find_lapses(connection).seats, connection.now)
                types = types_of_event(connection, event)
                return Whole(
                    **_listed(event, offer),
                    room=_room(event.room) if event.room else None,
                    summary=event.summary,
                    description=event.description,
                    refunds=[
                        RefundStep(days=step.days, percent=step.percent)
                        for step in stored_rule(event.refund_rule).steps
                    ],
                    tickets=[
                        _ticket(ticket) for ticket in ticket_offers(event, types, offer, connection.now)
                    ],
                )

            return await self._portal.database.read(read)

        return router


def _room(room: Room) -> RoomOutput:
    return RoomOutput(name=room.name, address=room.address, map_url=room.map_url)


def _ticket(ticket: TicketOffer) -> TicketOutput:
    return TicketOutput(
        id=ticket.id,
        name=ticket.name,
        description=ticket.description,
        fee=Amount.of(ticket.fee),
        tax=Amount.of(ticket.tax.amount if ticket.tax else Money(0, ticket.fee.currency)),
        tax_rate=ticket.tax.rate if ticket.tax else "0",
        chosen_price=ticket.has_chosen_price,
        availability=ticket.state,
        sales_open_at=moment(ticket.opens_at) if ticket.opens_at else None,
        min_per_order=ticket.min_count,
        max_per_order=ticket.max_count,
        team=TeamRule(
            min=ticket.least_team,
            max=ticket.largest_team,
            price="team" if ticket.is_team_price else "member",
        )
        if ticket.is_for_teams
        else None,
        admits_to=[
            AdmittedOutput(
                slug=other.slug,
                title=other.title,
                starts_at=moment(other.starts_at),
                ends_at=moment(other.ends_at),
            )
            for other in ticket.admits_to
        ],
    )


def _listed(event: Event | ListedEvent, offer: Offer) -> dict[str, Any]:
    return {
        "slug": event.slug,
        "title": event.title,
        "category": event.category,
        "place": event.place,
        "starts_at": moment(event.starts_at),
        "ends_at": moment(event.ends_at),
        "sales_open_at": moment(event.sales_open_at) if event.sales_open_at else None,
        "sales_close_at": moment(event.sales_close_at),
        "fee": Amount.of(event.fee),
        "capacity": event.capacity,
        "seats_left": offer.left,
        "availability": offer.state,
    }
