"""JSON routes of orders and payments that need attention."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.errors import Forbidden, NotFound, SignInNeeded
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import (
    PAGE_SIZE,
    Amount,
    Bearer,
    Name,
    PageNumber,
    module_router,
    page_of,
    problems,
)
from festgate.kit.web.portal import Portal
from festgate.portal.checkout import facade as checkout


class StuckOutput(BaseModel):
    """A payment whose outcome is unknown, or a refund that has not gone through."""

    kind: Literal["payment", "refund"]
    order: str = Field(description="The reference of the order.")
    buyer: str = Field(description="The username of the buyer, or the name of a guest.")
    payment_method: str
    amount: Amount
    since: datetime
    tries: int = Field(description="Number of look-ups of the payment, or of attempts to send the refund.")
    error: str | None = Field(description="The error of the last attempt; null without one.")
    next_at: datetime = Field(description="The time of the next attempt.")

    @classmethod
    def of(cls, stuck: checkout.Stuck) -> "StuckOutput":
        """Return the payment or refund for JSON."""
        return cls(
            kind=stuck.kind,
            order=stuck.ref,
            buyer=stuck.username,
            payment_method=stuck.method,
            amount=Amount.of(stuck.amount),
            since=moment(stuck.since, UTC),
            tries=stuck.tries,
            error=stuck.error,
            next_at=moment(stuck.next_at, UTC),
        )


class StuckPage(BaseModel):
    """A page of the payments and refunds that need attention."""

    payments: list[StuckOutput] = Field(description=f"Up to {PAGE_SIZE}, the oldest first.")
    total: int = Field(description="Number on all pages; at most the oldest 500 payments and 500 refunds.")
    page: int
    pages: int


class OpenOrderOutput(BaseModel):
    """An order that waits for its payment or for a refund."""

    ref: str
    buyer: str = Field(description="The buyer's name, or the username in its place.")
    payment_method: str
    state: str = Field(description="`pending` until it is paid; a refund is due for each other one.")
    total: Amount
    due: Amount | None = Field(
        description="The refunds that are to be paid out at the desk; null without one."
    )
    created_at: datetime
    expires_at: datetime = Field(description="Until then the seats of an unpaid order are kept for it.")
    reason: str | None = Field(description="Why it was not paid; null without a reason.")


class OpenOrderPage(BaseModel):
    """A page of the open orders."""

    orders: list[OpenOrderOutput] = Field(description=f"Up to {PAGE_SIZE}, the oldest first.")
    total: int = Field(description="Number on all pages; at most the oldest 500.")
    page: int
    pages: int


class PaymentApi:
    """JSON routes of open orders and stuck payments."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's API gets it."""
        self._portal = portal

    def router(self) -> APIRouter:
        """Return the routes, relative to the API's root."""
        database = self._portal.database
        router = module_router(self._portal, "backoffice", "orders")
        Viewer = Annotated[Visitor, Depends(Bearer(self._portal, "orders.view"))]  # noqa: N806  (a type)
        Settler = Annotated[Visitor, Depends(Bearer(self._portal, "orders.settle"))]  # noqa: N806  (a type)

        @router.get("/open-orders", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def list_open(_caller: Viewer, page: PageNumber = 1) -> OpenOrderPage:
            """List the orders that wait for a payment or a refund, 50 a page.

            Those that wait for a bank transfer are at `/transfers`.
            """
            orders, forms = await database.report(
                lambda connection: (checkout.open_orders(connection), checkout.desk_forms(connection))
            )
            shown, pages = page_of(orders, page)
            return OpenOrderPage(
                orders=[_open(order, forms.get(order.ref)) for order in shown],
                total=len(orders),
                page=page,
                pages=pages,
            )

        @router.get("/payments", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def list_stuck(_caller: Viewer, page: PageNumber = 1) -> StuckPage:
            """List the payments and refunds that need attention, 50 a page."""
            stuck = await database.report(checkout.stuck_payments)
            shown, pages = page_of(stuck, page)
            return StuckPage(
                payments=[StuckOutput.of(one) for one in shown], total=len(stuck), page=page, pages=pages
            )

        @router.post(
            "/payments/{ref}/try", status_code=202, responses=problems(SignInNeeded, Forbidden, NotFound)
        )
        async def try_now(ref: Name, _caller: Settler) -> None:
            """Look up the payment of an order, or send its refunds, at once. Idempotent.

            The outcome is in the list a moment later.
            """
            await database.write(checkout.try_now, ref)

        return router


def _open(order: checkout.OpenOrder, forms: checkout.DeskForms | None) -> OpenOrderOutput:
    due = None if forms is None else forms.due
    return OpenOrderOutput(
        ref=order.ref,
        buyer=order.name,
        payment_method=order.method,
        state=order.state,
        total=Amount.of(order.total),
        due=None if due is None else Amount.of(due),
        created_at=moment(order.created_at, UTC),
        expires_at=moment(order.expires_at, UTC),
        reason=order.reason,
    )
