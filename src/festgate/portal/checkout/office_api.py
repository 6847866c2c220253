"""Refunds in part, exchanges, complimentary tickets, notes, and the orders of an event as JSON, for organisers."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, Invalid, NotFound, ProofNeeded, SignInNeeded
from festgate.kit.money import Money
from festgate.kit.money import total as total_of
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Amount, Bearer, Name, actor_of, problems
from festgate.kit.web.forms import Line, Lines
from festgate.kit.web.portal import Portal
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import records
from festgate.portal.checkout.cancellations import plan_cancellation
from festgate.portal.checkout.complimentary import give_ticket
from festgate.portal.checkout.desk import desk_forms_of, mark_paid_at_desk, mark_refunded_at_desk
from festgate.portal.checkout.errors import (
    KeyReused,
    NotAtDesk,
    NotPaid,
    NotPending,
    OrderChanged,
    PersonDeleted,
    RefundTooHigh,
    WrongSettlement,
)
from festgate.portal.checkout.exchanges import (
    Exchanged,
    Settlement,
    Wish,
    exchange_by_id,
    exchange_ticket,
    exchanges_of_seat,
    plan_exchange,
    settle_difference,
)
from festgate.portal.checkout.forms import Expected, Key
from festgate.portal.checkout.notes import MAX_NOTE, write_note
from festgate.portal.checkout.order_list import list_orders
from festgate.portal.checkout.part_refunds import refund_part
from festgate.portal.checkout.queries import order_by_ref, refunds_of
from festgate.portal.registrations import facade as registrations

Id = Annotated[int, Field(ge=1, le=2**53)]
IdempotencyKey = Annotated[
    Key, Header(description="Yours to choose. The same key and content are one action, done once.")
]
SeatProblems = (
    NotFound,
    registrations.NotExchangeable,
    registrations.AlreadyRegistered,
    registrations.TooManyTickets,
    catalogue.SoldOut,
    catalogue.NotOnSale,
)
WHOLE_TEAM = N_("This registration is a place of a team. Exchange the whole team with `whole_team`.")
ExchangeProblems = (*SeatProblems, registrations.PassSoldOut, registrations.PassNotOnSale)


class PartInput(BaseModel, extra="forbid", strict=True):
    """The body of a refund in part."""

    amount: Expected = Field(description="At most what is left of the payment.")
    by_hand: bool = Field(default=False, description="You have given the money back already.")


class RefundedOutput(BaseModel):
    """An order after a refund in part."""

    ref: str
    state: records.OrderState
    refunded: Amount = Field(description="What was refunded by this call.")


class ExchangeInput(BaseModel, extra="forbid", strict=True):
    """The body of an exchange."""

    event: Line = Field(min_length=1, max_length=100, description="The slug of the new ticket's event.")
    ticket: Id = Field(description="The id of the new ticket's type.")
    settlement: Literal["even", "owed", "paid", "waived", "refunded", "kept"] = Field(
        description="`even` without a difference; `owed`, `paid` (at the desk) or `waived` if the new ticket is more "
        "expensive; `refunded` or `kept` if it is cheaper."
    )
    by_hand: bool = Field(
        default=False,
        description="With `refunded`: you have given the difference back already. It is counted in your open shift.",
    )
    force: bool = Field(
        default=False,
        description="Also if the holder was checked in, which is undone. Not for a pass or a team that was used.",
    )
    whole_team: bool = Field(
        default=False, description="Needed for a registration of a team: all its places are exchanged."
    )


class ExchangePlan(BaseModel):
    """The effects of exchanging a registration for another ticket."""

    registrations: list[int] = Field(
        description="The registrations that are exchanged together: all of a team, else this one."
    )
    paid: Amount
    price: Amount = Field(description="The price of the new ticket, for a team that of all its places.")
    refund: Amount = Field(description="The amount that goes back with the settlement `refunded`.")
    settlements: list[Settlement] = Field(description="The settlements among which you choose.")
    is_used: bool = Field(description="Whether a holder is checked in; the exchange needs `force` then.")
    is_blocked: bool = Field(description="Whether that check-in rules it out: of a pass or a team.")


class SettlementInput(BaseModel, extra="forbid", strict=True):
    """The body that settles a difference."""

    settlement: Literal["paid", "waived", "returned"] = Field(
        description="`paid` or `waived` for what is owed; `returned` for what has to be given back."
    )


class ExchangeOutput(BaseModel):
    """An exchange of a ticket."""

    id: int
    registration: int = Field(description="The id of the present registration.")
    old_ticket: str
    new_ticket: str
    settlement: Settlement
    difference: Amount
    made_at: datetime
    settled_at: datetime | None

    @classmethod
    def of(cls, exchange: Exchanged) -> "ExchangeOutput":
        """Return the exchange as JSON shows it."""
        settled_at = exchange.settled_at
        return cls(
            id=exchange.id,
            registration=exchange.seat_id,
            old_ticket=exchange.old_title,
            new_ticket=exchange.new_title,
            settlement=exchange.settlement,
            difference=Amount.of(exchange.amount),
            made_at=moment(exchange.made_at, UTC),
            settled_at=None if settled_at is None else moment(settled_at, UTC),
        )


class GiftInput(BaseModel, extra="forbid"):
    """The body of a complimentary ticket."""

    ticket: Id = Field(description="The id of the ticket type.")
    name: str = Field(max_length=4 * accounts.MAX_PERSON_NAME_LENGTH, description="The guest's name.")
    email: str = Field(
        max_length=2 * accounts.MAX_EMAIL_LENGTH, description="The address to which the ticket is sent."
    )


class GiftOutput(BaseModel):
    """A complimentary ticket."""

    registration: int
    event: str = Field(description="The event's slug.")
    name: str
    email: str


class DeskInput(BaseModel, extra="forbid", strict=True):
    """An amount that changed hands."""

    amount: Expected = Field(description="The whole amount, as a check.")


class DeskOutput(BaseModel):
    """An order that is paid or refunded by hand."""

    ref: str
    state: records.OrderState
    total: Amount
    refunded: Amount = Field(description="What was given back.")

    @classmethod
    def of(cls, connection: Connection, order: records.Order) -> "DeskOutput":
        """Return the order for JSON."""
        done = [refund.amount for refund in refunds_of(connection, order.id) if refund.done_at is not None]
        refunded = Amount.of(total_of(done, order.total.currency))
        return cls(ref=order.ref, state=order.state, total=Amount.of(order.total), refunded=refunded)


class CancellationPlan(BaseModel):
    """The effects of cancelling a registration of an order, or all of them."""

    registrations: list[int] = Field(
        description="The registrations that would end; empty: nothing to cancel."
    )
    refund: Amount = Field(description="The amount that would go back, if you choose no smaller one.")
    checked_in: list[int] = Field(
        description="Those whose holder was checked in; cancelling them needs `force`."
    )


class NoteInput(BaseModel, extra="forbid"):
    """The body of a note."""

    text: Annotated[Lines, Field(min_length=1, max_length=MAX_NOTE)] = Field(
        description="Not shown to the attendee, but part of the download of their data."
    )


class NoteOutput(BaseModel):
    """An internal note."""

    id: int
    text: str
    written_at: datetime


class ListedOrder(BaseModel):
    """An order in the list of an event."""

    ref: str
    state: records.OrderState
    payment_method: str
    buyer: str
    email: str
    total: Amount
    refunded: Amount
    created_at: datetime


class OrderPage(BaseModel):
    """A page of the orders of an event."""

    orders: list[ListedOrder]
    total: int = Field(description="The orders on all pages.")
    page: int = Field(description="Number of this page, from 1.")
    pages: int


def add_office_routes(router: APIRouter, portal: Portal, is_used: registrations.IsUsed) -> None:
    """Add the routes for organisers to the module's router."""
    _add_order_routes(router, portal, is_used)
    _add_desk_routes(router, portal)
    Editor = Annotated[Visitor, Depends(Bearer(portal, "orders.edit"))]  # noqa: N806  (a type)
    Settler = Annotated[Visitor, Depends(Bearer(portal, "orders.settle"))]  # noqa: N806  (a type)

    @router.get(
        "/registrations/{registration_id}/exchange",
        responses=problems(SignInNeeded, Forbidden, NotFound, NotPaid, registrations.NotExchangeable),
    )
    async def plan(
        registration_id: Id,
        _caller: Editor,
        event: Annotated[str, Query(min_length=1, max_length=100, description="The slug of the new event.")],
        ticket: Annotated[int, Query(ge=1, le=2**53, description="The id of the new ticket's type.")],
    ) -> ExchangePlan:
        """Read what an exchange for that ticket would do: the difference, and the settlements that are possible."""
        planned = await portal.database.report(plan_exchange, registration_id, event, ticket, is_used)
        return ExchangePlan(
            registrations=[seat.id for seat in planned.seats],
            paid=Amount.of(planned.paid),
            price=Amount.of(planned.price),
            refund=Amount.of(planned.back),
            settlements=list(planned.settlements),
            is_used=planned.is_used,
            is_blocked=planned.is_blocked,
        )

    @router.post(
        "/registrations/{registration_id}/exchange",
        responses=problems(
            SignInNeeded,
            Forbidden,
            ProofNeeded,
            NotPaid,
            WrongSettlement,
            registrations.SeatUsed,
            *ExchangeProblems,
        ),
    )
    async def exchange(
        registration_id: Id, body: ExchangeInput, caller: Editor, request: Request
    ) -> ExchangeOutput:
        """Exchange a confirmed registration for another ticket or event, all or nothing. Idempotent.

        A pass is exchanged with its places at all events, and can be had for a single ticket or the other way round. A
        team moves with all its places to another ticket for teams of its size; the difference is that of the team. To
        refund the difference, it needs a token that is younger than ten minutes.
        """
        if body.settlement == "refunded":
            portal.check_proof(caller)
        wish = Wish(body.event, body.ticket, body.settlement, body.by_hand)

        def write(connection: Connection) -> Exchanged:
            actor = actor_of(caller, request)
            if not body.whole_team and registrations.seat(connection, registration_id).team_id is not None:
                raise registrations.NotExchangeable(gettext(WHOLE_TEAM))
            new = exchange_ticket(connection, actor, registration_id, wish, is_used, force=body.force)
            return exchanges_of_seat(connection, new)[-1]

        return ExchangeOutput.of(await portal.database.write(write))

    @router.post(
        "/exchanges/{exchange_id}/settlement",
        responses=problems(SignInNeeded, Forbidden, NotFound, WrongSettlement),
    )
    async def settle(
        exchange_id: Id, body: SettlementInput, caller: Settler, request: Request
    ) -> ExchangeOutput:
        """Record that a difference was paid at the desk, waived, or given back. Idempotent."""
        actor = actor_of(caller, request)
        await portal.database.write(settle_difference, actor, exchange_id, body.settlement)
        return ExchangeOutput.of(await portal.database.read(exchange_by_id, exchange_id))

    @router.post(
        "/events/{slug}/complimentary",
        status_code=201,
        responses=problems(SignInNeeded, Forbidden, KeyReused, *SeatProblems),
    )
    async def give(
        slug: Name, body: GiftInput, caller: Editor, request: Request, idempotency_key: IdempotencyKey
    ) -> GiftOutput:
        """Give a ticket to a guest without an account, for nothing; it is sent by email."""
        entry = accounts.read_guest({"name": body.name, "email": body.email})
        key = f"api:{caller.person}:{idempotency_key}"
        seat = await portal.database.write(
            give_ticket, actor_of(caller, request), slug, body.ticket, entry, key
        )
        return GiftOutput(registration=seat.id, event=seat.slug, name=entry.name, email=entry.email)


def _add_order_routes(router: APIRouter, portal: Portal, is_used: registrations.IsUsed) -> None:
    Viewer = Annotated[Visitor, Depends(Bearer(portal, "orders.view"))]  # noqa: N806  (a type)
    Editor = Annotated[Visitor, Depends(Bearer(portal, "orders.edit"))]  # noqa: N806  (a type)
    Planner = Annotated[Visitor, Depends(Bearer(portal, "orders.refund"))]  # noqa: N806  (a type)
    Refunder = Annotated[Visitor, Depends(Bearer(portal, "orders.refund", sensitive=True))]  # noqa: N806  (a type)

    @router.get("/events/{slug}/orders", responses=problems(SignInNeeded, Forbidden, NotFound))
    async def orders_of_event(
        slug: Name,
        _caller: Viewer,
        state: Annotated[records.OrderState | None, Query(description="Only orders in this state.")] = None,
        q: Annotated[
            str, Query(max_length=100, description="Words of a name or an address, or a reference.")
        ] = "",
        page: Annotated[int, Query(ge=1, le=10**6)] = 1,
    ) -> OrderPage:
        """List the orders with a seat at the event, newest first, 50 a page."""

        def read(connection: Connection) -> OrderPage:
            event = catalogue.any_event_by_slug(connection, slug)
            try:
                listed = list_orders(connection, event.id, state or "", q, page)
            except ValueError:
                raise Invalid({"q": gettext("No name contains this.")}) from None
            orders = [
                ListedOrder(
                    ref=row.ref,
                    state=row.state,
                    payment_method=row.method,
                    buyer=row.name,
                    email=row.email,
                    total=Amount.of(row.total),
                    refunded=Amount.of(row.refunded),
                    created_at=moment(row.created_at, UTC),
                )
                for row in listed.rows
            ]
            return OrderPage(orders=orders, total=listed.count, page=listed.page, pages=listed.pages)

        return await portal.database.report(read)

    @router.get("/orders/{ref}/refund", responses=problems(SignInNeeded, Forbidden, NotFound))
    async def plan_refund(
        ref: Name,
        _caller: Planner,
        registration: Annotated[
            int | None,
            Query(ge=1, le=2**53, description="The registration to cancel; without it all of the order."),
        ] = None,
    ) -> CancellationPlan:
        """Read what `POST /orders/{ref}/refund` would cancel and give back."""

        def read(connection: Connection) -> CancellationPlan:
            order = order_by_ref(connection, ref)
            plan = plan_cancellation(connection, order, registration, is_used)
            return CancellationPlan(
                registrations=[line.seat_id for line in plan.lines],
                refund=Amount.of(plan.back),
                checked_in=[line.seat_id for line in plan.checked_in],
            )

        return await portal.database.report(read)

    @router.post(
        "/orders/{ref}/refunds",
        responses=problems(SignInNeeded, Forbidden, ProofNeeded, NotFound, NotPaid, RefundTooHigh, KeyReused),
    )
    async def refund_a_part(
        ref: Name, body: PartInput, caller: Refunder, request: Request, idempotency_key: IdempotencyKey
    ) -> RefundedOutput:
        """Refund a part of a paid order, whose registrations stay."""
        amount = Money(body.amount.minor, body.amount.currency)
        key = f"api:{caller.person}:{idempotency_key}"

        def write(connection: Connection) -> records.Order:
            actor = actor_of(caller, request)
            return refund_part(connection, actor, ref, amount, key, by_hand=body.by_hand)

        order = await portal.database.write(write)
        return RefundedOutput(ref=order.ref, state=order.state, refunded=Amount.of(amount))

    @router.post(
        "/orders/{ref}/notes",
        status_code=201,
        responses=problems(SignInNeeded, Forbidden, NotFound, PersonDeleted, KeyReused),
    )
    async def note(
        ref: Name, body: NoteInput, caller: Editor, request: Request, idempotency_key: IdempotencyKey
    ) -> NoteOutput:
        """Write an internal note on an order."""
        key = f"api:{caller.person}:{idempotency_key}"

        def write(connection: Connection) -> NoteOutput:
            order = order_by_ref(connection, ref)
            actor = actor_of(caller, request)
            written = write_note(connection, actor, order.person_id, body.text, key, ref=ref)
            return NoteOutput(id=written.id, text=written.text, written_at=moment(written.written_at, UTC))

        return await portal.database.write(write)


def _add_desk_routes(router: APIRouter, portal: Portal) -> None:
    Settler = Annotated[Visitor, Depends(Bearer(portal, "orders.settle"))]  # noqa: N806  (a type)
    Refunder = Annotated[Visitor, Depends(Bearer(portal, "orders.refund", sensitive=True))]  # noqa: N806  (a type)

    @router.post(
        "/orders/{ref}/paid",
        responses=problems(SignInNeeded, Forbidden, NotFound, NotAtDesk, NotPending, OrderChanged),
    )
    async def mark_paid(ref: Name, body: DeskInput, caller: Settler, request: Request) -> DeskOutput:
        """Record that you have received the amount of an order that is paid at the desk. Idempotent."""
        amount = Money(body.amount.minor, body.amount.currency)

        def write(connection: Connection) -> DeskOutput:
            order = order_by_ref(connection, ref)
            shown = desk_forms_of(connection, ref).paid if order.total == amount else ""
            actor = actor_of(caller, request)
            return DeskOutput.of(connection, mark_paid_at_desk(connection, ref, caller.person, shown, actor))

        return await portal.database.write(write)

    @router.post(
        "/orders/{ref}/refunded",
        responses=problems(SignInNeeded, Forbidden, ProofNeeded, NotFound, NotAtDesk, OrderChanged),
    )
    async def mark_refunded(ref: Name, body: DeskInput, caller: Refunder, request: Request) -> DeskOutput:
        """Record that you have given back the amount that is due to the payer of an order. Idempotent.

        It needs a token that is younger than ten minutes.
        """
        amount = Money(body.amount.minor, body.amount.currency)

        def write(connection: Connection) -> DeskOutput:
            forms = desk_forms_of(connection, ref)
            shown = forms.refunded if forms.due == amount else ""
            actor = actor_of(caller, request)
            return DeskOutput.of(
                connection, mark_refunded_at_desk(connection, ref, caller.person, shown, actor)
            )

        return await portal.database.write(write)
