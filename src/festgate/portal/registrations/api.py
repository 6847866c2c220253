"""JSON routes of seats."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound, SignInNeeded, TooMany
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Amount, Bearer, Name, module_router, problems
from festgate.kit.web.clients import address_of
from festgate.kit.web.portal import Portal
from festgate.portal.accounts import facade as accounts
from festgate.portal.accounts.facade import AddressNotConfirmed, SeatLimits
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import NotOnSale, SoldOut
from festgate.portal.registrations import queries
from festgate.portal.registrations.answer_api import add_answer_routes
from festgate.portal.registrations.cancellations import cancel_as_organiser, cancel_seat
from festgate.portal.registrations.choices import Choice
from festgate.portal.registrations.codes import check_code
from festgate.portal.registrations.endings import EndedBy
from festgate.portal.registrations.errors import (
    AlreadyRegistered,
    AnswersNeeded,
    ApprovalNeeded,
    ChooseTicket,
    CodeNotForTickets,
    NameNeeded,
    PassNotOnSale,
    PassPlace,
    PassSeatsTaken,
    PassSoldOut,
    PriceTooLow,
    SalesClosed,
    SalesNotOpen,
    SeatInOrder,
    SeatPaid,
    SeatsGone,
    SeatUsed,
    TeamSeat,
    TooManyTickets,
)
from festgate.portal.registrations.holders import NamesFixed, read_holder, set_holder
from festgate.portal.registrations.holds import confirm_seat, hold_seats, refuse_early
from festgate.portal.registrations.limits import terms_of
from festgate.portal.registrations.queries import IsUsed
from festgate.portal.registrations.waiting_api import add_waiting_routes


class Registration(BaseModel):
    """A seat at an event."""

    id: int
    event: str = Field(description="The event's slug.")
    title: str
    ticket: str = Field(description="The name of the ticket type; empty for the only one of an event.")
    state: queries.SeatState = Field(
        description=(
            "held: pay it before held_until (confirm it if it is free, with the name of its holder and the answers "
            "that the event requires); confirmed: yours; cancelled; lapsed: too late."
        )
    )
    held_until: datetime | None = Field(
        description="While held: when the seat becomes free. It moves on while checkout is unavailable."
    )
    ended_by: EndedBy | None = Field(
        description="Once cancelled: the cause (holder, organiser, event or order); null if unknown."
    )
    team: int | None = Field(description="The id of its team; null without one.")
    team_name: str | None = Field(description="The name of its team; null without one.")
    admits_to: list[str] = Field(
        description="The slugs of the other events at which a pass has a seat now; empty for other tickets."
    )
    fee: Amount = Field(description="What is charged, with tax and after the promo code.")
    tax: Amount = Field(description="The tax in the fee.")
    promo_code: str | None = Field(description="The promo code that it was taken with.")
    starts_at: datetime
    ends_at: datetime
    place: str
    holder_name: str = Field(description="The name of the attendee; empty: yours.")
    holder_email: str = Field(description="The attendee's email address; empty: yours.")

    @classmethod
    def of(cls, seat: queries.Seat, places: Iterable[queries.Seat] = ()) -> "Registration":
        """Return the JSON of a seat, with the places of a pass at other events."""
        return cls(
            id=seat.id,
            event=seat.slug,
            title=seat.title,
            ticket=seat.type_name,
            state=seat.state,
            held_until=moment(seat.held_until, UTC) if seat.state == "held" else None,
            ended_by=seat.ended_by,
            team=seat.team_id,
            team_name=seat.team_name,
            admits_to=[place.slug for place in places if place.state in ("held", "confirmed")],
            fee=Amount.of(seat.fee),
            tax=Amount.of(seat.tax),
            promo_code=seat.code,
            starts_at=moment(seat.starts_at, UTC),
            ends_at=moment(seat.ends_at, UTC),
            place=seat.place,
            holder_name=seat.attendee_name,
            holder_email=seat.attendee_email,
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
    code: str = Field(default="", max_length=catalogue.MAX_CODE, description="A promo code.")

    def choice(self) -> Choice | None:
        """Return the choice of one ticket; None for one of the only type on sale, without a promo code."""
        code = self.code.strip()
        if self.ticket is None:
            return Choice(None, code=code) if code else None
        return Choice({self.ticket: 1}, {self.ticket: self.price} if self.price else {}, self.access, code)


class HolderInput(BaseModel, extra="forbid"):
    """The attendee of a registration."""

    name: str = Field(
        default="", max_length=4 * accounts.MAX_PERSON_NAME_LENGTH, description="The name; empty: yours."
    )
    email: str = Field(
        default="", max_length=2 * accounts.MAX_EMAIL_LENGTH, description="The email address; empty: yours."
    )


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
                catalogue.CodeUnknown,
                catalogue.CodeNotValid,
                CodeNotForTickets,
                NotOnSale,
                PassNotOnSale,
                PassSeatsTaken,
                PassSoldOut,
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
            choice = None if wanted is None else wanted.choice()
            host = address_of(request.scope)
            await check_code(portal, person.person, host, slug, choice)
            early = await portal.database.read(refuse_early, person.person, slug, choice)
            address = self._addresses.of(host)
            terms = terms_of(person, address, portal.settings, is_first=early.is_first)
            seat_ids = await portal.database.write(
                hold_seats, person.person, slug, portal.settings.hold_minutes, terms, choice
            )
            return await portal.database.read(_registration, seat_ids[0])

        @router.get("/registrations", responses=problems(SignInNeeded))
        async def list_registrations(person: Caller) -> list[Registration]:
            """List every seat that you have or had, also as a member of a team, by the event's start."""
            return await portal.database.read(_registrations, person.person)

        @router.put(
            "/registrations/{registration_id}/holder",
            responses=problems(SignInNeeded, NotFound, NamesFixed, SeatUsed),
        )
        async def set_attendee(
            registration_id: Annotated[int, Field(ge=1, le=2**53)], body: HolderInput, person: Caller
        ) -> Registration:
            """Set the attendee of a registration, where its event has names on tickets. Idempotent."""
            holder = read_holder(body.name, body.email, is_required=False)
            await portal.database.write(set_holder, person.person, registration_id, holder, is_used)
            return await portal.database.read(_registration, registration_id)

        @router.post(
            "/registrations/{registration_id}/confirm",
            responses=problems(SignInNeeded, NotFound, NameNeeded, AnswersNeeded, SeatsGone, PassPlace),
        )
        async def confirm(
            registration_id: Annotated[int, Field(ge=1, le=2**53)], person: Caller
        ) -> Registration:
            """Confirm a seat that is held without a fee. Idempotent."""
            await portal.database.write(confirm_seat, person.person, registration_id)
            return await portal.database.read(_registration, registration_id)

        @router.post(
            "/registrations/{registration_id}/cancel",
            responses=problems(SignInNeeded, NotFound, SeatPaid, SeatInOrder, SeatUsed, TeamSeat, PassPlace),
        )
        async def cancel(
            registration_id: Annotated[int, Field(ge=1, le=2**53)], person: Caller
        ) -> Registration:
            """Cancel a registration that is unpaid or free; organisers may cancel anyone's. Idempotent."""
            if person.may("guests.edit"):
                await portal.database.write(cancel_as_organiser, person, registration_id, is_used)
            else:
                await portal.database.write(cancel_seat, person.person, registration_id, is_used)
            return await portal.database.read(_registration, registration_id)

        add_waiting_routes(router, portal)
        add_answer_routes(router, portal, is_used)
        return router


def _registration(connection: Connection, seat_id: int) -> Registration:
    seat = queries.seat(connection, seat_id)
    return Registration.of(seat, queries.places_of_pass(connection, seat.id) if seat.is_pass else [])


def _registrations(connection: Connection, person_id: int) -> list[Registration]:
    seats = queries.seats_of_attendee(connection, person_id)
    places = queries.places_of(connection, person_id) if any(seat.is_pass for seat in seats) else []
    return [
        Registration.of(seat, [place for place in places if place.pass_seat_id == seat.id]) for seat in seats
    ]
