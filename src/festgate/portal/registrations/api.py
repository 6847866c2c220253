"""JSON routes of seats."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.errors import NotFound, SignInNeeded, TooMany
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Amount, Bearer, Name, module_router, problems
from festgate.kit.web.clients import address_of
from festgate.kit.web.portal import Portal
from festgate.portal.accounts.facade import AddressNotConfirmed, SeatLimits
from festgate.portal.catalogue.facade import NotOnSale, SoldOut
from festgate.portal.registrations import queries
from festgate.portal.registrations.choices import Choice
from festgate.portal.registrations.endings import EndedBy
from festgate.portal.registrations.errors import (
    AlreadyRegistered,
    ApprovalNeeded,
    ChooseTicket,
    PriceTooLow,
    SalesClosed,
    SalesNotOpen,
    SeatInOrder,
    SeatPaid,
    SeatsGone,
    SeatUsed,
    TooManyTickets,
)
from festgate.portal.registrations.holds import (
    IsUsed,
    cancel_as_organiser,
    cancel_seat,
    confirm_seat,
    hold_seats,
    refuse_early,
)
from festgate.portal.registrations.limits import terms_of
from festgate.portal.registrations.waiting_api import add_waiting_routes


class Registration(BaseModel):
    """A seat at an event."""

    id: int
    event: str = Field(description="The event's slug.")
    title: str
    ticket: str = Field(description="The name of the ticket type; empty for the only one of an event.")
    state: queries.SeatState = Field(
        description=(
            "held: pay it before held_until (confirm it if it is free); confirmed: yours; cancelled; lapsed: too late."
        )
    )
    held_until: datetime | None = Field(
        description="While held: when the seat becomes free. It moves on while checkout is unavailable."
    )
    ended_by: EndedBy | None = Field(
        description="Once cancelled: the cause (holder, organiser, event or order); null if unknown."
    )
    fee: Amount
    starts_at: datetime
    ends_at: datetime
    place: str

    @classmethod
    def of(cls, seat: queries.Seat) -> "Registration":
        """Return the JSON of a seat."""
        return cls(
            id=seat.id,
            event=seat.slug,
            title=seat.title,
            ticket=seat.type_name,
            state=seat.state,
            held_until=moment(seat.held_until, UTC) if seat.state == "held" else None,
            ended_by=seat.ended_by,
            fee=Amount.of(seat.fee),
            starts_at=moment(seat.starts_at, UTC),
            ends_at=moment(seat.ends_at, UTC),
            place=seat.place,
        )


class RegistrationInput(BaseModel):
    """The ticket that a registration chooses."""

    ticket: Annotated[int, Field(ge=1, le=2**53)] | None = Field(
        default=None, description="The id of the ticket type; null for the only one on sale."
    )
    price: str = Field(
        default="", max_length=20, description="The price, where the buyer chooses it, such as `250.00`."
    )
    access: str = Field(default="", max_length=40, description="The key of the link to a hidden ticket type.")

    def choice(self, ticket: int) -> Choice:
        """Return the choice of one ticket of that type."""
        return Choice({ticket: 1}, {ticket: self.price} if self.price else {}, self.access)


class RegistrationApi:
    """JSON routes of seats."""

    def __init__(self, portal: Portal, is_used: IsUsed, addresses: SeatLimits) -> None:
        """Take a query of a module above, and the limits of client addresses, which the pages use too."""
        self._portal = portal
        self._is_used = is_used
        self._addresses = addresses

    def router(self) -> APIRouter:
        """Return the routes of this module, relative to the API's root."""
        portal, is_used = self._portal, self._is_used
        router = module_router(portal, "registrations", "registrations")
        Caller = Annotated[Visitor, Depends(Bearer(portal))]  # noqa: N806  (a type)

        @router.post(
            "/events/{slug}/registrations",
            status_code=201,
            responses=problems(
                SignInNeeded,
                NotFound,
                SoldOut,
                AlreadyRegistered,
                TooManyTickets,
                ChooseTicket,
                PriceTooLow,
                NotOnSale,
                SalesNotOpen,
                SalesClosed,
                ApprovalNeeded,
                AddressNotConfirmed,
                TooMany,
            ),
        )
        async def register(
            slug: Name, person: Caller, request: Request, wanted: RegistrationInput | None = None
        ) -> Registration:
            """Take a seat: held if it has a fee, else confirmed at once.

            Without a body it is a seat of the only ticket type on sale.
            """
            choice = None if wanted is None or wanted.ticket is None else wanted.choice(wanted.ticket)
            is_first = await portal.database.read(refuse_early, person.person, slug, choice)
            address = self._addresses.of(address_of(request.scope))
            terms = terms_of(person, address, portal.settings, is_first=is_first)
            seat_ids = await portal.database.write(
                hold_seats, person.person, slug, portal.settings.hold_minutes, terms, choice
            )
            return Registration.of(await portal.database.read(queries.seat, seat_ids[0]))

        @router.get("/registrations", responses=problems(SignInNeeded))
        async def list_registrations(person: Caller) -> list[Registration]:
            """List every seat that you have or had, by the event's start."""
            return [
                Registration.of(seat) for seat in await portal.database.read(queries.seats_of, person.person)
            ]

        @router.post(
            "/registrations/{registration_id}/confirm", responses=problems(SignInNeeded, NotFound, SeatsGone)
        )
        async def confirm(
            registration_id: Annotated[int, Field(ge=1, le=2**53)], person: Caller
        ) -> Registration:
            """Confirm a seat that is held without a fee. Idempotent."""
            await portal.database.write(confirm_seat, person.person, registration_id)
            return Registration.of(await portal.database.read(queries.seat, registration_id))

        @router.post(
            "/registrations/{registration_id}/cancel",
            responses=problems(SignInNeeded, NotFound, SeatPaid, SeatInOrder, SeatUsed),
        )
        async def cancel(
            registration_id: Annotated[int, Field(ge=1, le=2**53)], person: Caller
        ) -> Registration:
            """Cancel a registration that is unpaid or free; organisers may cancel anyone's. Idempotent."""
            if person.organises:
                await portal.database.write(cancel_as_organiser, person.person, registration_id, is_used)
            else:
                await portal.database.write(cancel_seat, person.person, registration_id, is_used)
            return Registration.of(await portal.database.read(queries.seat, registration_id))

        add_waiting_routes(router, portal)
        return router
