"""Events as JSON."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound
from festgate.kit.web.api import Amount, Name, module_router, problems
from festgate.kit.web.forms import checked
from festgate.kit.web.portal import Portal
from festgate.portal.catalogue import listing, queries
from festgate.portal.catalogue.entries import MAX_LENGTHS, MAX_VALUE
from festgate.portal.catalogue.forms import LAST_PAGE, MAX_SEARCH_LENGTH, ListForm
from festgate.portal.catalogue.listing import Entry, Programmes
from festgate.portal.catalogue.offers import Lapsed, Offer, OfferState, offer_of
from festgate.portal.catalogue.pages import pages_of
from festgate.portal.catalogue.queries import Event


class Listed(BaseModel):
    """One event of the list."""

    slug: str = Field(description="Names the event in addresses.")
    title: str = Field(description="Name of the event.")
    category: str = Field(description="Kind of event; empty where it has none.")
    place: str = Field(description="Where it is.")
    starts_at: datetime = Field(description="When it starts (ISO 8601, UTC).")
    ends_at: datetime = Field(description="When it ends (ISO 8601, UTC).")
    sales_open_at: datetime | None = Field(
        description="When the first seat can be had (ISO 8601, UTC); null: since it was published."
    )
    sales_close_at: datetime = Field(description="When no seat can be had any more (ISO 8601, UTC).")
    fee: Amount = Field(description="What a seat costs; 0 for a free event.")
    capacity: int = Field(description="Seats there are.")
    seats_left: int = Field(description="Seats that are free now.")
    availability: OfferState = Field(
        description="Whether a seat can be had: `open`, `few` (open, nearly full), `soldout`, `soon` (sales open "
        "later), `closed` (sales are), `over`, or `cancelled`."
    )


class Whole(Listed):
    """One event with all that is known of it."""

    summary: str = Field(description="What it is, in a sentence.")
    description: str = Field(description="What it is, as plain text; lines that begin with `- ` are points.")


class Page(BaseModel):
    """One page of the list."""

    events: list[Listed] = Field(description="Up to 24 events, by their start.")
    total: int = Field(description="Events on all pages.")
    page: int = Field(description="This page's number, from 1.")
    pages: int = Field(description="How many pages there are, at least 1.")


class Asked(BaseModel):
    """What the list can be asked for. The same reading as that of the page, so both refuse the same."""

    q: str = Field(default="", max_length=MAX_SEARCH_LENGTH, description="Words that all have to be found.")
    category: str = Field(
        default="", max_length=MAX_LENGTHS["category"], description="Exactly this category."
    )
    day: str = Field(
        default="",
        max_length=MAX_VALUE,
        description="Events that start on this day where the fest is, past ones too: `2026-03-14`. Without it, "
        "events that are not over.",
    )
    page: str = Field(default="1", max_length=MAX_VALUE, description=f"Page from 1 to {LAST_PAGE}.")


class CatalogueApi:
    """The routes below `/events` that only read; they need no token."""

    def __init__(self, portal: Portal, find_lapses: Callable[[Connection], Lapsed]) -> None:
        """`find_lapses` as for the pages."""
        self._portal = portal
        self._find_lapses = find_lapses
        self._zone = portal.settings.zone
        self._programmes = Programmes(self._zone)

    def router(self) -> APIRouter:
        """The routes of this module, relative to the API's root."""
        router = module_router(self._portal, "catalogue", "events")

        @router.get("/events", responses=problems(NotFound))
        async def list_events(asked: Annotated[Asked, Query()]) -> Page:
            """Events that are published or cancelled, 24 a page."""
            filters = checked(ListForm, asked.model_dump()).filters()

            def read(connection: Connection) -> Page:
                programme = self._programmes.find(connection)
                total = listing.count_entries(connection, filters, programme, self._zone)
                entries = listing.find_entries(connection, filters, programme, self._zone)
                lapsed = self._find_lapses(connection).seats
                events = [
                    Listed(**_listed(entry, offer_of(entry, lapsed, connection.now))) for entry in entries
                ]
                return Page(events=events, total=total, page=filters.page, pages=pages_of(total, filters))

            return await self._portal.database.read(read)

        @router.get("/events/{slug}", responses=problems(NotFound))
        async def read_event(slug: Name) -> Whole:
            """One event."""

            def read(connection: Connection) -> Whole:
                event = queries.event_by_slug(connection, slug)
                offer = offer_of(event, self._find_lapses(connection).seats, connection.now)
                return Whole(**_listed(event, offer), summary=event.summary, description=event.description)

            return await self._portal.database.read(read)

        return router


def _listed(event: Event | Entry, offer: Offer) -> dict[str, Any]:
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
