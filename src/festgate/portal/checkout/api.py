"""Orders as JSON."""

from datetime import UTC, datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.errors import Forbidden, NotFound, ProofNeeded, SignInNeeded
from festgate.kit.money import Money
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Amount, Bearer, Name, Problem, actor_of, module_router, problems
from festgate.kit.web.portal import Portal
from festgate.portal.accounts.facade import AddressNotConfirmed
from festgate.portal.checkout import queries, records
from festgate.portal.checkout.cancellations import RefundTerms, cancel_registrations
from festgate.portal.checkout.carts import Cart, hash_request
from festgate.portal.checkout.errors import (
    KeyReused,
    ListChanged,
    NothingToCancel,
    NothingToPay,
    NotPending,
    OrderChanged,
    RefundTooHigh,
    UnknownMethod,
)
from festgate.portal.checkout.forms import Key, OrderInput, RefundInput
from festgate.portal.checkout.office_api import add_office_routes
from festgate.portal.checkout.own_cancellations import CannotCancel, cancel_own_seat
from festgate.portal.checkout.payments import Payments
from festgate.portal.registrations import facade as registrations


class OrderLine(BaseModel):
    """One seat of an order."""

    registration: int = Field(description="The registration's id.")
    event: str = Field(description="The event's slug.")
    title: str
    fee: Amount
    tax: Amount = Field(description="The tax in the fee.")
    dropped_at: datetime | None = Field(
        description="When it left the unpaid order, because its event or registration was cancelled; "
        "it is no part of the total then."
    )


class PlacingProblem(Problem):
    """Why an order was not placed."""

    registrations: list[OrderLine] = Field(
        default=[], description="What you can pay for now; only when the code is `list-changed`."
    )


class OrderOutput(BaseModel):
    """An order."""

    ref: str
    state: records.OrderState
    payment_method: str
    total: Amount
    created_at: datetime
    expires_at: datetime = Field(description="Until then the seats are kept for it.")
    paid_at: datetime | None
    pay_url: str | None = Field(description="Where the person pays, when that is on another site.")
    reason: str | None = Field(description="Why it is not paid, in a sentence for the person.")
    lines: list[OrderLine]

    @classmethod
    def of(cls, order: records.Order) -> "OrderOutput":
        """Return the order as JSON shows it."""
        return cls(
            ref=order.ref,
            state=order.state,
            payment_method=order.method,
            total=Amount.of(order.total),
            created_at=moment(order.created_at, UTC),
            expires_at=moment(order.expires_at, UTC),
            paid_at=None if order.paid_at is None else moment(order.paid_at, UTC),
            pay_url=order.pay_url,
            reason=order.reason,
            lines=[
                OrderLine(
                    registration=line.seat_id,
                    event=line.slug,
                    title=line.title,
                    fee=Amount.of(line.fee),
                    tax=Amount.of(line.tax),
                    dropped_at=None if line.dropped_at is None else moment(line.dropped_at, UTC),
                )
                for line in order.lines
            ],
        )


class CheckoutApi:
    """Routes of orders under /api/v1."""

    def __init__(self, portal: Portal, payments: Payments, is_used: registrations.IsUsed) -> None:
        """`payments` are shared with the pages; `is_used` is a query of a module above."""
        self._is_used = is_used
        self._portal = portal
        self._payments = payments

    def router(self) -> APIRouter:
        """Return the routes for app.py."""
        portal, payments, is_used = self._portal, self._payments, self._is_used
        router = module_router(self._portal, "checkout", "orders")
        Caller = Annotated[Visitor, Depends(Bearer(portal))]  # noqa: N806  (a type)

        @router.post(
            "/orders",
            status_code=201,
            responses=problems(
                SignInNeeded,
                NothingToPay,
                ListChanged,
                registrations.AnswersNeeded,
                registrations.SeatsGone,
                UnknownMethod,
                KeyReused,
                AddressNotConfirmed,
                shape=PlacingProblem,
            ),
        )
        async def place(
            body: OrderInput,
            person: Caller,
            response: Response,
            idempotency_key: Annotated[
                Key,
                Header(
                    description="Yours to choose. The same key and content give the same order, charged once;"
                    " the same key with other content is refused."
                ),
            ],
        ) -> OrderOutput:
            """Place one order for exactly these held seats, all or nothing, and begin its payment."""
            expected = Money(body.total.minor, body.total.currency)
            cart = Cart(person.person, tuple(sorted(body.registrations)), expected)
            holders = registrations.read_holders(
                {
                    f"{part}-{holder.registration}": text
                    for holder in body.holders
                    for part, text in (("name", holder.name), ("email", holder.email))
                }
            )
            try:
                order = await payments.check_out(
                    person.person,
                    body.payment_method,
                    idempotency_key,
                    {"card_number": body.card_number},
                    cart=cart,
                    request_hash=hash_request(
                        portal.secret, body.payment_method, cart, body.card_number, holders
                    ),
                    holders=holders,
                )
            except ListChanged as refusal:
                held = await portal.database.read(registrations.payable_seats, person.person)
                refusal.current = {"registrations": [_held_line(seat).model_dump() for seat in held]}
                raise
            response.headers["location"] = f"/api/v1/orders/{order.ref}"
            return OrderOutput.of(order)

        @router.get("/orders", responses=problems(SignInNeeded))
        async def list_orders(person: Caller) -> list[OrderOutput]:
            """List your orders, newest first."""
            return [
                OrderOutput.of(order)
                for order in await portal.database.read(queries.orders_of, person.person)
            ]

        @router.get("/orders/{ref}", responses=problems(SignInNeeded, NotFound))
        async def show(ref: Name, person: Caller) -> OrderOutput:
            """Show one of your orders."""
            return OrderOutput.of(await portal.database.read(queries.order_of_person, person.person, ref))

        @router.post("/orders/{ref}/cancel", responses=problems(SignInNeeded, NotFound, NotPending))
        async def cancel(ref: Name, person: Caller) -> OrderOutput:
            """Cancel an unpaid order and release its seats. A second call changes nothing."""
            return OrderOutput.of(await payments.cancel(person.person, ref))

        @router.post(
            "/orders/{ref}/seats/{registration}/cancel",
            responses=problems(SignInNeeded, NotFound, CannotCancel, OrderChanged, registrations.SeatUsed),
        )
        async def cancel_seat(
            ref: Name, registration: Annotated[int, Field(ge=1, le=2**53)], person: Caller
        ) -> OrderOutput:
            """Cancel a paid registration of your own, and refund it by its refund rule. Idempotent."""
            return OrderOutput.of(
                await portal.database.write(cancel_own_seat, person.person, ref, registration, is_used)
            )

        Refunder = Annotated[Visitor, Depends(Bearer(portal, "orders.refund", sensitive=True))]  # noqa: N806  (a type)

        @router.post(
            "/orders/{ref}/refund",
            responses=problems(
                SignInNeeded,
                Forbidden,
                ProofNeeded,
                NotFound,
                NothingToCancel,
                RefundTooHigh,
                registrations.SeatUsed,
            ),
        )
        async def refund(ref: Name, body: RefundInput, person: Refunder, request: Request) -> OrderOutput:
            """Cancel one registration of an order, or all, and give the money back, or a part of it: for organisers.

            It needs a token that is younger than ten minutes.
            """
            wanted = body.amount
            amount = None if wanted is None else Money(wanted.minor, wanted.currency)
            terms = RefundTerms(amount, body.by_hand, actor_of(person, request))
            cancel_all = partial(cancel_registrations, force=body.force, terms=terms)
            return OrderOutput.of(
                await portal.database.write(cancel_all, ref, body.registration, person.person, is_used)
            )

        add_office_routes(router, portal, is_used)
        return router


def _held_line(seat: registrations.Seat) -> OrderLine:
    return OrderLine(
        registration=seat.id,
        event=seat.slug,
        title=seat.title,
        fee=Amount.of(seat.fee),
        tax=Amount.of(seat.tax),
        dropped_at=None,
    )
