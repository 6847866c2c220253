"""JSON routes of single orders and complimentary tickets, as organisers see them."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
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
from festgate.portal.backoffice.order_actions import WholeOrder, view_given, view_order
from festgate.portal.backoffice.orders import LineView, RefundView
from festgate.portal.backoffice.people_api import DifferenceOutput, PersonOutput
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout


class LineOutput(BaseModel):
    """A line of an order with its registration."""

    registration: int
    event: str = Field(description="The slug of the event.")
    title: str
    holder: str = Field(description="The name on the ticket, if it is not the buyer's; else empty.")
    team: str = Field(description="The team, and whether the place is free; empty without one.")
    words: str = Field(description="The state of the registration in words.")
    fee: Amount
    can_cancel: bool = Field(description="Whether it can be cancelled with `/orders/{ref}/refund`.")
    dropped_at: datetime | None = Field(
        description="When it left the unpaid order; it is no part of the total then."
    )

    @classmethod
    def of(cls, view: LineView) -> "LineOutput":
        """Return the line for JSON."""
        line = view.line
        return cls(
            registration=line.seat_id,
            event=line.slug,
            title=line.title,
            holder=view.holder,
            team=view.team,
            words=view.words,
            fee=Amount.of(line.fee),
            can_cancel=view.can_cancel,
            dropped_at=_time(line.dropped_at),
        )


class OrderRefund(BaseModel):
    """A refund of an order, done or due."""

    amount: Amount
    reason: str
    registration: int | None = Field(
        description="The registration that it is for; null for the whole order or a part."
    )
    asked_by: str = Field(
        description="The username of the organiser that asked for it; empty: it was automatic."
    )
    created_at: datetime
    done_at: datetime | None = Field(description="Null while it is due.")
    error: str | None = Field(description="The error of the last attempt; null without one.")

    @classmethod
    def of(cls, view: RefundView) -> "OrderRefund":
        """Return the refund for JSON."""
        refund = view.refund
        return cls(
            amount=Amount.of(refund.amount),
            reason=refund.reason,
            registration=refund.seat_id,
            asked_by=view.asked_by,
            created_at=moment(refund.created_at, UTC),
            done_at=_time(refund.done_at),
            error=refund.error,
        )


class OrderDetails(BaseModel):
    """An order with its buyer, registrations and refunds; the history is at `/orders/{ref}/history`."""

    ref: str
    state: checkout.OrderState
    payment_method: str
    buyer: PersonOutput
    total: Amount
    paid: Amount | None = Field(description="The amount that was received; null before.")
    left: Amount | None = Field(description="The amount that can still be refunded; null without one.")
    due_at_desk: Amount | None = Field(
        description="The refunds that are to be paid out at the desk; null without one."
    )
    created_at: datetime
    expires_at: datetime = Field(description="Until then the seats of an unpaid order are kept for it.")
    paid_at: datetime | None
    reason: str | None = Field(description="Why it was not paid; null without a reason.")
    lines: list[LineOutput]
    refunds: list[OrderRefund]
    differences: list[DifferenceOutput] = Field(description="Open differences of exchanged tickets.")

    @classmethod
    def of(cls, view: WholeOrder) -> "OrderDetails":
        """Return the order for JSON."""
        order, due = view.order, view.forms.due
        return cls(
            ref=order.ref,
            state=order.state,
            payment_method=order.method,
            buyer=PersonOutput.of(view.person),
            total=Amount.of(order.total),
            paid=None if order.paid is None else Amount.of(order.paid),
            left=None if view.left is None else Amount.of(view.left),
            due_at_desk=None if due is None else Amount.of(due),
            created_at=moment(order.created_at, UTC),
            expires_at=moment(order.expires_at, UTC),
            paid_at=_time(order.paid_at),
            reason=order.reason,
            lines=[LineOutput.of(line) for line in view.lines],
            refunds=[OrderRefund.of(refund) for refund in view.refunds],
            differences=[DifferenceOutput.of(one) for one in view.differences],
        )


class GivenTicket(BaseModel):
    """A complimentary ticket."""

    registration: int
    ticket: str = Field(description="The ticket type; empty for the only one of an event.")
    person: int
    name: str
    email: str


class GivenPage(BaseModel):
    """A page of the complimentary tickets of an event."""

    tickets: list[GivenTicket] = Field(description=f"Up to {PAGE_SIZE} valid tickets, the latest first.")
    total: int = Field(description="Number of tickets on all pages.")
    page: int
    pages: int


class OrderApi:
    """JSON routes of orders for organisers."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's API gets it."""
        self._portal = portal

    def router(self) -> APIRouter:
        """Return the routes, relative to the API's root."""
        portal = self._portal
        router = module_router(portal, "backoffice", "orders")
        Viewer = Annotated[Visitor, Depends(Bearer(portal, "orders.view"))]  # noqa: N806  (a type)
        Editor = Annotated[Visitor, Depends(Bearer(portal, "orders.edit"))]  # noqa: N806  (a type)

        @router.get("/orders/{ref}/details", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def read_order(ref: Name, _caller: Viewer) -> OrderDetails:
            """Show anybody's order with its buyer, registrations, refunds and open differences."""
            return OrderDetails.of(await portal.database.report(view_order, ref, portal.pages.writing))

        @router.get("/events/{slug}/complimentary", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def list_given(slug: Name, _caller: Editor, page: PageNumber = 1) -> GivenPage:
            """List the valid complimentary tickets of an event, 50 a page."""

            def read(connection: Connection) -> GivenPage:
                event = catalogue.any_event_by_slug(connection, slug)
                given = view_given(connection, event.id)
                shown, pages = page_of(given, page)
                return GivenPage(
                    tickets=[
                        GivenTicket(
                            registration=seat.id,
                            ticket=seat.type_name,
                            person=person.id,
                            name=person.shown_name,
                            email=person.email,
                        )
                        for seat, person in shown
                    ],
                    total=len(given),
                    page=page,
                    pages=pages,
                )

            return await portal.database.report(read)

        return router


def _time(at: int | None) -> datetime | None:
    return None if at is None else moment(at, UTC)
