"""Orders as JSON."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response
from pydantic import BaseModel, Field

from festgate.checkout import queries
from festgate.checkout.errors import NothingToPay, NotPending, UnknownMethod
from festgate.checkout.forms import Key, OrderInput
from festgate.checkout.payments import Payments
from festgate.kit.api import Amount, Name, bearer, module_router, problems
from festgate.kit.clock import moment
from festgate.kit.errors import NotFound, SignInNeeded
from festgate.kit.visitors import Visitor
from festgate.kit.web import Portal
from festgate.registrations.facade import SeatsGone


class OrderLine(BaseModel):
    """One seat of an order."""

    registration: int = Field(description="The registration's id.")
    event: str = Field(description="The event's slug.")
    title: str
    fee: Amount


class OrderOutput(BaseModel):
    """An order."""

    ref: str
    state: queries.OrderState
    payment_method: str
    total: Amount
    created_at: datetime
    expires_at: datetime = Field(description="Until then the seats are kept for it.")
    paid_at: datetime | None
    pay_url: str | None = Field(description="Where the person pays, when that is on another site.")
    reason: str | None = Field(description="Why it is not paid, in a sentence for the person.")
    lines: list[OrderLine]

    @classmethod
    def of(cls, order: queries.Order) -> "OrderOutput":
        """An order as JSON has it."""
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
                    registration=line.seat_id, event=line.slug, title=line.title, fee=Amount.of(line.fee)
                )
                for line in order.lines
            ],
        )


class CheckoutApi:
    """Routes of orders under /api/v1."""

    def __init__(self, portal: Portal, payments: Payments) -> None:
        """`payments` are the same that the pages use."""
        self._portal = portal
        self._payments = payments

    def router(self) -> APIRouter:
        """For app.py."""
        portal, payments = self._portal, self._payments
        router = module_router(self._portal, "checkout", "orders")
        Caller = Annotated[Visitor, Depends(bearer(portal))]  # noqa: N806  (a type)

        @router.post(
            "/orders",
            status_code=201,
            responses=problems(SignInNeeded, NothingToPay, SeatsGone, UnknownMethod),
        )
        async def place(
            body: OrderInput,
            person: Caller,
            response: Response,
            idempotency_key: Annotated[
                Key, Header(description="Yours to choose. The same key gives the same order, charged once.")
            ],
        ) -> OrderOutput:
            """One order for all your held seats, all or nothing, and its payment begun."""
            order = await payments.check_out(
                person.person, body.payment_method, idempotency_key, {"card_number": body.card_number}
            )
            response.headers["location"] = f"/api/v1/orders/{order.ref}"
            return OrderOutput.of(order)

        @router.get("/orders", responses=problems(SignInNeeded))
        async def list_orders(person: Caller) -> list[OrderOutput]:
            """Your orders, newest first."""
            return [
                OrderOutput.of(order)
                for order in await portal.database.read(queries.orders_of, person.person)
            ]

        @router.get("/orders/{ref}", responses=problems(SignInNeeded, NotFound))
        async def show(ref: Name, person: Caller) -> OrderOutput:
            """One of your orders."""
            return OrderOutput.of(await portal.database.read(queries.order_of_person, person.person, ref))

        @router.post("/orders/{ref}/cancel", responses=problems(SignInNeeded, NotFound, NotPending))
        async def cancel(ref: Name, person: Caller) -> OrderOutput:
            """Give up an order that is not paid, and its seats. A second call changes nothing."""
            return OrderOutput.of(await payments.cancel(person.person, ref))

        return router
