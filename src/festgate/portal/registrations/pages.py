"""HTML routes: register for an event, cancel a registration, and list one's own events."""

from functools import partial
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Conflict, NotFound
from festgate.kit.visitors import Visitor
from festgate.kit.web.clients import address_of
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_path
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.accounts.facade import SeatLimits
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import queries
from festgate.portal.registrations.answers import questions_address
from festgate.portal.registrations.cancellations import cancel_seat, seat_to_cancel
from festgate.portal.registrations.choices import Choice, read_choice
from festgate.portal.registrations.codes import check_code
from festgate.portal.registrations.errors import (
    AlreadyRegistered,
    AnswersNeeded,
    ChooseTicket,
    CodeNotForTickets,
    NameNeeded,
    PriceChanged,
    PriceTooLow,
    SalesClosed,
    SalesNotOpen,
    TeamSeat,
    TooManyTickets,
)
from festgate.portal.registrations.facts import tickets_of
from festgate.portal.registrations.guest_pages import MAX_WAIT, GuestRegistrations
from festgate.portal.registrations.holds import confirm_seat, hold_seats, refuse_early
from festgate.portal.registrations.limits import terms_of
from festgate.portal.registrations.my_events import MyEvents, my_events
from festgate.portal.registrations.queries import IsUsed, SeatReferences

MAX_ID = 2**53
"""Larger than any seat's id; every database and JSON reader can hold it."""


class RegistrationPages:
    """HTML routes of seats."""

    def __init__(
        self,
        portal: Portal,
        tickets: SeatReferences,
        orders: SeatReferences,
        is_used: IsUsed,
        addresses: SeatLimits,
    ) -> None:
        """Take queries of modules above, and the limits of client addresses, which the API uses too."""
        self._portal = portal
        self._tickets = tickets
        self._orders = orders
        self._is_used = is_used
        self._addresses = addresses
        self._guests = GuestRegistrations(portal, tickets, addresses)

    def routes(self) -> list[Route]:
        """Return the routes of this module."""
        return [
            Route("/my-events", self.my_events, methods=["GET"]),
            Route("/events/{slug}/register", self.register, methods=["POST"]),
            Route("/registrations/{id:int}/confirm", self.confirm, methods=["POST"]),
            Route("/registrations/{id:int}/cancel", self.ask_to_cancel, methods=["GET"]),
            Route("/registrations/{id:int}/cancel", self.cancel, methods=["POST"]),
        ]

    async def register(self, request: Request) -> Response:
        """Take a seat: held if it has a fee, else confirmed. A visitor with a seat is led to it.

        A form with a name and an email address is a guest's, without an account.
        """
        portal = self._portal
        slug = read_path(request, "slug")
        has_body = request.headers.get("content-length", "0") != "0"
        fields = await read_fields(request) if has_body else {}
        choice = read_choice(fields)
        takes_guests = portal.settings.guest_checkout
        try:
            if takes_guests and await self._guests.is_for(request, fields):
                return await self._guests.register(request, slug, fields, choice)
            visitor = await (portal.attendee if takes_guests else portal.signed_in)(request)
            asks = await self._take_seats(request, visitor, slug, choice)
        except (
            ChooseTicket,
            PriceTooLow,
            PriceChanged,
            TooManyTickets,
            CodeNotForTickets,
            catalogue.CodeUnknown,
            catalogue.CodeNotValid,
        ) as refusal:
            return see_other(f"/events/{quote(slug)}?{_kept_query(choice, refusal)}")
        except AlreadyRegistered:
            return _own_seat(slug)
        except (SalesClosed, SalesNotOpen):
            # The page of the event was opened long ago: the holder of a seat wants to see that first.
            if await self._portal.database.read(_has_seat, visitor.person, slug):
                return _own_seat(slug)
            raise
        return see_other(questions_address(slug) if asks else "/my-events")

    async def _take_seats(self, request: Request, visitor: Visitor, slug: str, choice: Choice | None) -> bool:
        """Take the seats, and return whether the event has questions about them."""
        portal = self._portal
        host = address_of(request.scope)
        await check_code(portal, visitor.person, host, slug, choice)
        early = await portal.database.read(refuse_early, visitor.person, slug, choice)
        address = self._addresses.of(host)
        terms = terms_of(visitor, address, portal.settings, is_first=early.is_first)
        await portal.database.write(
            hold_seats, visitor.person, slug, portal.settings.hold_minutes, terms, choice
        )
        return early.asks

    async def confirm(self, request: Request) -> Response:
        """Confirm a seat that is held without a fee, or lead to the form for the name that it needs."""
        visitor = await self._portal.attendee(request)
        seat_id = read_seat_id(request)
        try:
            await self._portal.database.write(confirm_seat, visitor.person, seat_id)
        except NameNeeded:
            return see_other(f"/registrations/{seat_id}/holder")
        except AnswersNeeded as refusal:
            return see_other(questions_address(refusal.slug))
        return see_other("/my-events")

    async def ask_to_cancel(self, request: Request) -> Response:
        """Show the consequences of cancelling a registration, with the button that does it."""
        portal = self._portal
        visitor = await portal.attendee(request)
        try:
            seat = await portal.database.read(
                seat_to_cancel, visitor.person, read_seat_id(request), self._is_used
            )
        except TeamSeat as refusal:
            return see_other(f"/teams/{refusal.team_id}")
        if seat.state in ("cancelled", "lapsed"):
            return see_other("/my-events")
        return await portal.page(request, "registrations/cancel.html", section="my-events", seat=seat)

    async def cancel(self, request: Request) -> Response:
        """Cancel a registration."""
        visitor = await self._portal.attendee(request)
        await self._portal.database.write(cancel_seat, visitor.person, read_seat_id(request), self._is_used)
        return see_other("/my-events")

    async def my_events(self, request: Request) -> Response:
        """Show the visitor's own seats."""
        visitor = await self._portal.attendee(request)
        unconfirmed = (
            visitor.email if self._portal.settings.confirms_email and not visitor.is_confirmed else ""
        )

        async def read() -> MyEvents:
            database = self._portal.database
            look = partial(my_events, visitor=visitor)
            shown = await database.read(look, visitor.person, self._tickets, self._orders, unconfirmed)
            if shown.awaits_tickets:
                # After taking a free seat, a visitor is redirected here some milliseconds before its ticket exists.
                await database.wait_for(tickets_of(visitor.person), MAX_WAIT)
                shown = await database.read(look, visitor.person, self._tickets, self._orders, unconfirmed)
            return shown

        return await self._portal.kept_page(
            request,
            ("my-events", visitor.person),
            read,
            "registrations/my_events.html",
            section="my-events",
            held=lambda shown: len(shown.held),
        )


def read_seat_id(request: Request) -> int:
    """Return the id of a seat in the address. Raises NotFound for one that no seat can have."""
    seat_id: int = request.path_params["id"]
    if seat_id > MAX_ID:
        raise NotFound
    return seat_id


def _kept_query(choice: Choice | None, refusal: Conflict) -> str:
    """Return the query of the event's page for a form that could not be accepted: the problem, the key and the code."""
    query = {catalogue.PROBLEM: refusal.code}
    if choice is not None and choice.access_key:
        query[catalogue.ACCESS] = choice.access_key
    # A wrong code is not tried, and counted, again.
    if choice is not None and choice.code and not isinstance(refusal, catalogue.CodeUnknown):
        query[catalogue.CODE] = choice.code
    return urlencode(query)


def _has_seat(connection: Connection, person_id: int, slug: str) -> bool:
    """Return whether the person has a live seat at the event."""
    return any(seat.slug == slug for seat in queries.live_seats(connection, person_id))


def _own_seat(slug: str) -> Response:
    """Lead to the page of the event, which shows the visitor's seat."""
    return see_other(f"/events/{quote(slug)}?{catalogue.ALREADY}=1")
