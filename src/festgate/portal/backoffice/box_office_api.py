"""The box office as JSON: sales and shifts."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.responses import StreamingResponse

from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, NotFound, ProofNeeded, SignInNeeded
from festgate.kit.money import Money
from festgate.kit.roles import Permission
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Amount, Bearer, Name, actor_of, files, module_router, problems
from festgate.kit.web.forms import Line
from festgate.kit.web.portal import Portal
from festgate.portal.accounts import facade as accounts
from festgate.portal.backoffice.box_office import (
    MAX_EVENTS,
    MAX_NAMES,
    MAX_WORDS,
    SaleView,
    SoldEvent,
    admit_sold,
    read_box_office,
    read_sale,
    read_sold_event,
    sell_tickets,
    undo,
    view_sale,
)
from festgate.portal.backoffice.list_exports import note_download
from festgate.portal.backoffice.shift_pages import MAX_IN_FILE, MAX_LISTED, file_of_shifts
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout

MAX_AT_ONCE = 100
"""Shifts in one answer."""
MAX_KINDS = 50
"""Ticket types in one sale."""
MAX_SKIPPED = 10**6
Key = Annotated[Line, Field(min_length=1, max_length=100)]
Id = Annotated[int, Field(ge=1, le=2**53)]
Minor = Annotated[int, Field(ge=0, le=10**12)]


class TicketCount(BaseModel, extra="forbid", strict=True):
    """Tickets of one type."""

    ticket: Annotated[int, Field(ge=1, le=2**53)] = Field(description="The id of the ticket type.")
    count: Annotated[int, Field(ge=1, le=100)] = 1
    price: Annotated[str, Field(max_length=30)] | None = Field(
        default=None, description="The price of each in major units, where the buyer chooses it."
    )


class SoldTypeOutput(BaseModel):
    """A ticket type that is sold at the box office."""

    ticket: int = Field(description="The id, for a sale.")
    name: str = Field(description="Empty for the only ticket type of an event.")
    price: Amount = Field(description="The least price if the buyer chooses it.")
    chosen_price: bool = Field(description="Whether the buyer chooses the price.")
    left: int = Field(description="The tickets of it that can be sold now.")
    min_per_order: int
    max_per_order: int


class SoldEventOutput(BaseModel):
    """An event that is sold at the box office."""

    event: str = Field(description="The slug.")
    title: str
    starts_at: datetime
    is_today: bool
    wants_names: bool = Field(description="Whether each ticket needs the name of its attendee.")
    tickets: list[SoldTypeOutput] = Field(description="Empty while nothing can be sold.")

    @classmethod
    def of(cls, entry: SoldEvent) -> "SoldEventOutput":
        """Return the event for JSON."""
        return cls(
            event=entry.event.slug,
            title=entry.event.title,
            starts_at=moment(entry.event.starts_at, UTC),
            is_today=entry.is_today,
            wants_names=entry.wants_names,
            tickets=[
                SoldTypeOutput(
                    ticket=kind.type.id,
                    name=kind.type.name,
                    price=Amount.of(kind.type.details.fee),
                    chosen_price=kind.type.details.has_chosen_price,
                    left=kind.left,
                    min_per_order=kind.type.details.min_per_order,
                    max_per_order=kind.type.details.max_per_order,
                )
                for kind in entry.types
            ],
        )


class SoldEvents(BaseModel):
    """The events at the box office."""

    events: list[SoldEventOutput] = Field(
        description=f"At most {MAX_EVENTS}: those of today first, then those with tickets left."
    )
    has_more: bool = Field(description="Whether more words are needed to see all of them.")


class SaleInput(BaseModel, extra="forbid", strict=True):
    """The body of POST /box-office/sales."""

    event: Annotated[str, Field(max_length=200)] = Field(description="The event's slug.")
    tickets: Annotated[list[TicketCount], Field(min_length=1, max_length=MAX_KINDS)]
    method: Literal["cash", "card-machine", "upi"] = Field(description="How you have received the money.")
    name: Annotated[str, Field(max_length=200)] = Field(default="", description="The customer's name.")
    email: Annotated[str, Field(max_length=300)] = Field(default="", description="Gets the tickets.")
    names: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=MAX_NAMES)] = Field(
        default=[], description="The attendees' names, for events that require names."
    )
    code: Annotated[str, Field(max_length=100)] = Field(default="", description="A promo code.")
    received: Minor | None = Field(default=None, description="The cash received, in minor units.")


class FloatInput(BaseModel, extra="forbid", strict=True):
    """The body of POST /box-office/shifts."""

    opening_float: Minor = Field(description="The cash in the drawer, in minor units.")


class CountInput(BaseModel, extra="forbid", strict=True):
    """The body of POST /box-office/shifts/current/close."""

    counted: Minor = Field(description="The cash that was counted, in minor units.")
    note: Annotated[Line, Field(max_length=checkout.MAX_SHIFT_NOTE)] = ""


class TicketOutput(BaseModel):
    """A ticket of a sale."""

    code: str
    registration: int
    title: str
    ticket: str = Field(description="The ticket type; empty for the only one of an event.")
    holder: str
    fee: Amount
    valid: bool
    admitted_at: datetime | None


class SaleOutput(BaseModel):
    """A sale."""

    ref: str = Field(description="The reference of its order.")
    event: str
    state: str = Field(description="The state of its order.")
    method: str
    total: Amount
    change: Amount | None = Field(description="The change, if the received cash was given.")
    shift: int
    sold_at: datetime
    undone_at: datetime | None
    tickets: list[TicketOutput]

    @classmethod
    def of(cls, view: SaleView) -> "SaleOutput":
        """Return the sale as JSON shows it."""
        sale = view.sale
        return cls(
            ref=sale.order.ref,
            event=view.event.slug,
            state=sale.order.state,
            method=sale.order.method,
            total=Amount.of(sale.amount),
            change=None if sale.change is None else Amount.of(sale.change),
            shift=sale.shift_id,
            sold_at=moment(sale.sold_at, UTC),
            undone_at=_time(sale.undone_at),
            tickets=[
                TicketOutput(
                    code=entry.ticket.code,
                    registration=entry.seat.id,
                    title=entry.seat.title,
                    ticket=entry.seat.type_name,
                    holder=entry.holder,
                    fee=Amount.of(entry.seat.fee),
                    valid=entry.is_valid,
                    admitted_at=_time(entry.ticket.admitted_at),
                )
                for entry in view.tickets
            ],
        )


class ShiftOutput(BaseModel):
    """A shift with its sums."""

    id: int
    seller: str
    opened_at: datetime
    closed_at: datetime | None
    opening_float: Amount
    sales: int
    sold: dict[str, Amount] = Field(description="The sum of the sales by method.")
    refunded: dict[str, Amount] = Field(description="The sum of the refunds by method.")
    differences_paid: Amount = Field(description="Differences of exchanges that were paid in cash.")
    differences_returned: Amount = Field(description="Differences of exchanges that were given back in cash.")
    expected_cash: Amount
    counted_cash: Amount | None
    difference: Amount | None
    note: str

    @classmethod
    def of(cls, shift: checkout.Shift) -> "ShiftOutput":
        """Return the shift as JSON shows it."""
        return cls(
            id=shift.id,
            seller=shift.seller,
            opened_at=moment(shift.opened_at, UTC),
            closed_at=_time(shift.closed_at),
            opening_float=Amount.of(shift.opening),
            sales=shift.sales,
            sold={method: Amount.of(amount) for method, amount in shift.sold.items()},
            refunded={method: Amount.of(amount) for method, amount in shift.refunded.items()},
            differences_paid=Amount.of(shift.gained),
            differences_returned=Amount.of(shift.returned),
            expected_cash=Amount.of(shift.expected),
            counted_cash=None if shift.counted is None else Amount.of(shift.counted),
            difference=None if shift.difference is None else Amount.of(shift.difference),
            note=shift.note,
        )


class ShiftList(BaseModel):
    """A page of shifts."""

    shifts: list[ShiftOutput]
    total: int = Field(description="The number of all.")


class ShiftSale(BaseModel):
    """A sale of a shift."""

    ref: str = Field(description="The reference of its order.")
    event: str = Field(description="The slug of the event.")
    method: str
    total: Amount
    sold_at: datetime
    undone_at: datetime | None

    @classmethod
    def of(cls, sale: checkout.Sale) -> "ShiftSale":
        """Return the sale for JSON."""
        return cls(
            ref=sale.order.ref,
            event=sale.order.lines[0].slug,
            method=sale.order.method,
            total=Amount.of(sale.amount),
            sold_at=moment(sale.sold_at, UTC),
            undone_at=_time(sale.undone_at),
        )


class WholeShift(BaseModel):
    """A shift with its sales."""

    shift: ShiftOutput
    sales: list[ShiftSale] = Field(
        description=f"The newest first, at most {MAX_LISTED}; the sums of the shift count all of them."
    )


class BoxOfficeApi:
    """Routes of the box office under /api/v1."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal

    def router(self) -> APIRouter:
        """Return the routes for app.py."""
        router = module_router(self._portal, "backoffice", "box office")
        self._add_sales(router)
        self._add_shifts(router)
        self._add_reports(router)
        return router

    def _add_sales(self, router: APIRouter) -> None:
        portal, database = self._portal, self._portal.database
        zone = portal.settings.zone
        Caller = Annotated[Visitor, Depends(Bearer(portal, "box-office"))]  # noqa: N806  (a type)

        @router.get("/box-office/events", responses=problems(SignInNeeded, Forbidden))
        async def list_events(
            seller: Caller,
            q: Annotated[
                str, Query(max_length=MAX_WORDS, description="Words in the title, the place or the category.")
            ] = "",
        ) -> SoldEvents:
            """List the events that you can sell, with the tickets that are left."""
            shown = await database.report(read_box_office, seller, q, zone)
            return SoldEvents(
                events=[SoldEventOutput.of(entry) for entry in (*shown.today, *shown.later)],
                has_more=shown.is_cut,
            )

        @router.post(
            "/box-office/sales",
            status_code=201,
            responses=problems(
                SignInNeeded,
                Forbidden,
                NotFound,
                catalogue.SoldOut,
                catalogue.CodeUnknown,
                catalogue.CodeNotValid,
                checkout.ShiftInOtherCurrency,
                checkout.KeyReused,
            ),
        )
        async def sell(
            body: SaleInput,
            seller: Caller,
            request: Request,
            response: Response,
            idempotency_key: Annotated[
                Key, Header(description="Yours to choose. The same key and content make one sale.")
            ],
        ) -> SaleOutput:
            """Sell tickets that are paid now to somebody without an account, and issue them."""
            entry = await database.read(read_sold_event, seller, body.event, zone)
            event_currency = entry.event.fee.currency
            fields = {f"count-{item.ticket}": str(item.count) for item in body.tickets}
            fields |= {f"price-{item.ticket}": item.price for item in body.tickets if item.price is not None}
            received = "" if body.received is None else Money(body.received, event_currency).plain()
            fields |= {
                "method": body.method,
                "name": body.name,
                "email": body.email,
                "names": "\n".join(body.names),
                "code": body.code,
                "received": received,
            }
            content = read_sale(fields, entry.event.slug, event_currency, wants_names=entry.wants_names)
            sale = await database.write(
                sell_tickets, actor_of(seller, request), seller, content, idempotency_key, portal.secret
            )
            response.headers["location"] = f"/api/v1/box-office/sales/{sale.order.ref}"
            return SaleOutput.of(await database.read(view_sale, seller, sale.order.ref))

        @router.get("/box-office/sales/{ref}", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def show(ref: Name, seller: Caller) -> SaleOutput:
            """Show a sale with its tickets."""
            return SaleOutput.of(await database.read(view_sale, seller, ref))

        @router.post(
            "/box-office/sales/{ref}/undo",
            responses=problems(SignInNeeded, Forbidden, NotFound, checkout.SaleFinal),
        )
        async def take_back(ref: Name, seller: Caller, request: Request) -> SaleOutput:
            """Take back a sale of the last ten minutes, with its money. A second call changes nothing."""
            await database.write(undo, actor_of(seller, request), seller, ref)
            return SaleOutput.of(await database.read(view_sale, seller, ref))

        @router.post(
            "/box-office/sales/{ref}/check-in",
            responses=problems(SignInNeeded, Forbidden, NotFound),
        )
        async def check_in(ref: Name, seller: Caller) -> SaleOutput:
            """Check in everybody of a sale. A second call changes nothing."""
            _require(seller, "door")
            await database.write(admit_sold, seller, ref)
            return SaleOutput.of(await database.read(view_sale, seller, ref))

    def _add_shifts(self, router: APIRouter) -> None:
        database, currency = self._portal.database, self._portal.settings.currency
        Caller = Annotated[Visitor, Depends(Bearer(self._portal))]  # noqa: N806  (a type)
        Seller = Annotated[Visitor, Depends(Bearer(self._portal, "box-office"))]  # noqa: N806  (a type)

        @router.get("/box-office/shifts", responses=problems(SignInNeeded, Forbidden))
        async def list_shifts(
            caller: Caller,
            limit: Annotated[int, Query(ge=1, le=MAX_AT_ONCE)] = 50,
            offset: Annotated[int, Query(ge=0, le=MAX_SKIPPED)] = 0,
        ) -> ShiftList:
            """List shifts, open ones first: your own, or everybody's if you may see the money."""
            sees_all = caller.may("money.view")
            if not sees_all:
                _require(caller, "box-office")
            person = None if sees_all else caller.person
            shifts, total = await database.report(checkout.list_shifts, person, limit, offset)
            return ShiftList(shifts=[ShiftOutput.of(shift) for shift in shifts], total=total)

        @router.post(
            "/box-office/shifts", responses=problems(SignInNeeded, Forbidden, checkout.ShiftInOtherCurrency)
        )
        async def open_shift(body: FloatInput, seller: Seller) -> ShiftOutput:
            """Open your shift with its float, or correct the float of the open one."""
            opening = Money(body.opening_float, currency)
            return ShiftOutput.of(await database.write(checkout.set_float, seller.person, opening))

        @router.post(
            "/box-office/shifts/current/close",
            responses=problems(SignInNeeded, Forbidden, checkout.ShiftNotOpen),
        )
        async def close_shift(body: CountInput, seller: Seller, request: Request) -> ShiftOutput:
            """Close your open shift with the cash that was counted."""
            actor = actor_of(seller, request)

            def close(connection: Connection) -> checkout.Shift:
                shift = checkout.open_shift(connection, seller.person)
                if shift is None:
                    raise checkout.ShiftNotOpen
                counted = Money(body.counted, shift.opening.currency)
                return checkout.close_shift(connection, actor, seller.person, counted, body.note, None)

            return ShiftOutput.of(await database.write(close))

    def _add_reports(self, router: APIRouter) -> None:
        database = self._portal.database
        Caller = Annotated[Visitor, Depends(Bearer(self._portal, "office"))]  # noqa: N806  (a type)
        Treasurer = Annotated[Visitor, Depends(Bearer(self._portal, "money.view", sensitive=True))]  # noqa: N806

        @router.get("/box-office/shifts/{shift_id}", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def read_shift(shift_id: Id, caller: Caller) -> WholeShift:
            """Show a shift with its sales: your own, or any if you may see the money."""

            def read(connection: Connection) -> WholeShift:
                shift = checkout.shift_by_id(connection, shift_id)
                if shift.person_id != caller.person and not caller.may("money.view"):
                    raise NotFound
                sales = checkout.sales_of_shift(connection, shift.id, MAX_LISTED)
                return WholeShift(shift=ShiftOutput.of(shift), sales=[ShiftSale.of(sale) for sale in sales])

            return await database.report(read)

        @router.post(
            "/box-office/shifts/export",
            response_class=StreamingResponse,
            responses={
                **files("text/csv"),
                **problems(SignInNeeded, Forbidden, ProofNeeded, accounts.LimitReached),
            },
        )
        async def export(caller: Treasurer, request: Request) -> Response:
            """Download all shifts as CSV: an export of the hour, for a token that is younger than ten minutes."""
            listed, _ = await database.report(checkout.list_shifts, None, MAX_IN_FILE)
            await database.write(note_download, actor_of(caller, request), "shifts.exported", len(listed))
            return file_of_shifts(listed)


def _require(visitor: Visitor, permission: Permission) -> None:
    if not visitor.may(permission):
        raise Forbidden


def _time(at: int | None) -> datetime | None:
    return None if at is None else moment(at, UTC)
