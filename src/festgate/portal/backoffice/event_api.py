"""JSON routes of the dashboard, and of steps on single events."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request

from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, NotFound, ProofNeeded, SignInNeeded
from festgate.kit.shown import facts
from festgate.kit.visitors import Actor, Visitor
from festgate.kit.web.api import Amount, Bearer, Name, actor_of, module_router, problems
from festgate.kit.web.portal import Portal
from festgate.portal.backoffice import event_steps
from festgate.portal.backoffice.cancellations import CancellationChanged, cancel_as_shown, find_concerned
from festgate.portal.backoffice.dashboard import Filters, Numbers, read_dashboard
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import Event
from festgate.portal.checkout.facade import MoneySums


class SeatsOutput(BaseModel):
    """The seats of an event, or of all published events together."""

    sold: int = Field(description="Confirmed seats.")
    held: int = Field(description="Seats that are held and not paid yet.")
    free: int
    checked_in: int
    capacity: int

    @classmethod
    def of(cls, numbers: Numbers) -> "SeatsOutput":
        """Return the numbers for JSON."""
        return cls(
            sold=numbers.sold,
            held=numbers.held,
            free=numbers.free,
            checked_in=numbers.inside,
            capacity=numbers.capacity,
        )


class MoneyOutput(BaseModel):
    """Sums of money, one of each currency."""

    received: list[Amount] = Field(description="Of orders that were paid.")
    expected: list[Amount] = Field(description="Of orders that can still be paid.")
    refunded: list[Amount]
    refunds_due: list[Amount]

    @classmethod
    def of(cls, sums: MoneySums) -> "MoneyOutput":
        """Return the sums for JSON."""
        return cls(
            received=[Amount.of(amount) for amount in sums.received],
            expected=[Amount.of(amount) for amount in sums.expected],
            refunded=[Amount.of(amount) for amount in sums.refunded],
            refunds_due=[Amount.of(amount) for amount in sums.due],
        )


class DashboardEvent(BaseModel):
    """An event of the dashboard."""

    slug: str
    title: str
    state: str = Field(description="`draft`, `published` or `cancelled`.")
    starts_at: datetime | None
    seats: SeatsOutput
    money: MoneyOutput | None = Field(description="Null for callers that may not see money.")


class DashboardOutput(BaseModel):
    """The numbers of the fest."""

    seats: SeatsOutput
    money: MoneyOutput | None = Field(description="Null for callers that may not see money.")
    attention: list[str] = Field(description="What needs attention, in sentences.")
    events: list[DashboardEvent] = Field(
        description="Every event, by its start; an event lead's are the assigned ones."
    )


class StepOutput(BaseModel):
    """An event after a step."""

    slug: str
    title: str
    state: str = Field(description="`draft`, `published` or `cancelled`.")
    starts_at: datetime | None
    ends_at: datetime | None
    sales_open_at: datetime | None = Field(description="Null: when it is published.")
    sales_close_at: datetime | None
    capacity: int
    taken: int = Field(description="Seats that are sold or held.")

    @classmethod
    def of(cls, event: Event) -> "StepOutput":
        """Return the event for JSON."""
        return cls(
            slug=event.slug,
            title=event.title,
            state=event.state,
            starts_at=_moment(event.starts_at),
            ends_at=_moment(event.ends_at),
            sales_open_at=_moment(event.sales_open_at),
            sales_close_at=_moment(event.sales_close_at),
            capacity=event.capacity,
            taken=event.taken,
        )


class CapacityInput(BaseModel):
    """Another number of seats."""

    capacity: int = Field(ge=1, le=1_000_000, description="The number of seats; not fewer than are taken.")


class MoveInput(BaseModel):
    """A move by days."""

    days: int = Field(
        ge=-catalogue.MAX_DAYS, le=catalogue.MAX_DAYS, description="Days later, or earlier if negative."
    )
    starts_at: datetime = Field(
        description="The start that the event has before the move. A call that is repeated after it has moved changes "
        "nothing."
    )
    confirm: bool = Field(
        default=False,
        description="Move an event with seats taken also into the past, or by more than half a year.",
    )


class DuplicateInput(BaseModel):
    """A copy of an event."""

    slug: str = Field(
        max_length=60, description="The slug of the copy; a repeated call is refused, as it exists."
    )
    title: str = Field(max_length=200, description="The title of the copy.")
    days: int = Field(
        default=0, ge=-catalogue.MAX_DAYS, le=catalogue.MAX_DAYS, description="Days that the copy is later."
    )


class CancelInput(BaseModel):
    """The people that the caller knows to hold seats."""

    people: int = Field(
        ge=0,
        description="The number of seats that are held or confirmed; refused with 409 if it is another by now.",
    )


class EventStepApi:
    """JSON routes of the office."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's API gets it."""
        self._portal = portal
        self._zone = portal.settings.zone

    def router(self) -> APIRouter:  # noqa: C901  (one function for each route)
        """Return the routes."""
        portal = self._portal
        router = module_router(portal, "backoffice", "office")
        Caller = Annotated[Visitor, Depends(Bearer(portal))]  # noqa: N806  (a type)
        Proven = Annotated[Visitor, Depends(Bearer(portal, "events.manage", sensitive=True))]  # noqa: N806
        refusals = (SignInNeeded, Forbidden, NotFound, catalogue.EventWasCancelled)

        @router.get("/dashboard", responses=problems(SignInNeeded, Forbidden))
        async def read_numbers(caller: Caller, request: Request) -> DashboardOutput:
            """Read the numbers of all events, for the team; money with the permission for it."""
            await portal.require(caller, "office", request)
            shown = await portal.database.report(
                read_dashboard, caller, Filters(), portal.settings, (), portal.pages.writing
            )
            return DashboardOutput(
                seats=SeatsOutput.of(shown.numbers),
                money=MoneyOutput.of(shown.money.sums) if shown.money else None,
                attention=[notice.text for notice in shown.notices],
                events=[
                    DashboardEvent(
                        slug=line.slug,
                        title=line.title,
                        state=line.state,
                        starts_at=_moment(line.starts_at),
                        seats=SeatsOutput.of(line.numbers),
                        money=MoneyOutput.of(line.money) if shown.money else None,
                    )
                    for line in shown.lines
                ],
            )

        async def do(
            caller: Visitor, request: Request, step: event_steps.StepName, operation: Callable[..., Event]
        ) -> StepOutput:
            await portal.require(caller, event_steps.permission_of(step), request)
            actor = actor_of(caller, request)
            return StepOutput.of(await portal.database.write(partial(operation, actor=actor)))

        @router.post("/events/{slug}/publish", responses=problems(*refusals))
        async def publish(caller: Caller, request: Request, slug: Name) -> StepOutput:
            """Publish an event. Repeating it changes nothing."""
            return await do(caller, request, "publish", _on(event_steps.publish, slug, None))

        @router.post("/events/{slug}/unpublish", responses=problems(*refusals, catalogue.WasRegisteredFor))
        async def unpublish(caller: Caller, request: Request, slug: Name) -> StepOutput:
            """Make an event a draft again, while nobody has registered for it. Repeating it changes nothing."""
            return await do(caller, request, "unpublish", _on(event_steps.unpublish, slug, None))

        sales = problems(*refusals, catalogue.NotPublished, catalogue.EventOver)

        @router.post("/events/{slug}/sales/open", responses=sales)
        async def open_sales(caller: Caller, request: Request, slug: Name) -> StepOutput:
            """Open the sales of an event now. Repeating it changes nothing."""
            return await do(caller, request, "open-sales", _on(event_steps.open_sales, slug, None))

        @router.post("/events/{slug}/sales/close", responses=sales)
        async def close_sales(caller: Caller, request: Request, slug: Name) -> StepOutput:
            """Close the sales of an event now. Repeating it changes nothing."""
            return await do(caller, request, "close-sales", _on(event_steps.close_sales, slug, None))

        @router.post("/events/{slug}/capacity", responses=problems(*refusals, catalogue.CapacityTaken))
        async def resize(caller: Caller, request: Request, slug: Name, body: CapacityInput) -> StepOutput:
            """Change the number of seats. Repeating it changes nothing."""
            return await do(caller, request, "capacity", _on(event_steps.resize, slug, body.capacity, None))

        @router.post(
            "/events/{slug}/move",
            responses=problems(*refusals, catalogue.MoveUnconfirmed, catalogue.EventEdited),
        )
        async def move(caller: Caller, request: Request, slug: Name, body: MoveInput) -> StepOutput:
            """Move an event, its sales and its deadlines by days, at the same time of day."""

            def operation(connection: Connection, *, actor: Actor) -> Event:
                event = catalogue.lock_event(connection, slug)
                known = round(body.starts_at.timestamp() * 1000)
                if event.starts_at != known:
                    then = catalogue.shifted_time(known, body.days, self._zone)
                    if event.starts_at == then and body.days:
                        return event
                    raise catalogue.EventEdited
                return event_steps.move(
                    connection, slug, body.days, self._zone, None, actor, may_move=body.confirm
                )

            return await do(caller, request, "move", operation)

        @router.post("/events/{slug}/duplicate", status_code=201, responses=problems(*refusals))
        async def duplicate(caller: Caller, request: Request, slug: Name, body: DuplicateInput) -> StepOutput:
            """Make a draft with the details, ticket types, questions and rules of an event."""

            def operation(connection: Connection, *, actor: Actor) -> Event:
                return event_steps.duplicate(
                    connection, slug, body.title, self._zone, actor, days=body.days, new_slug=body.slug
                )

            return await do(caller, request, "duplicate", operation)

        @router.post("/events/{slug}/cancel", responses=problems(*refusals, ProofNeeded, CancellationChanged))
        async def cancel(caller: Proven, request: Request, slug: Name, body: CancelInput) -> StepOutput:
            """Cancel an event for good, with its registrations and refunds; a draft is deleted."""

            def operation(connection: Connection, *, actor: Actor) -> Event:
                event = catalogue.lock_event(connection, slug)
                concerned = find_concerned(connection, slug)
                seen = concerned.shown if concerned.people == body.people else facts()
                if event.state == "cancelled":
                    return event
                return cancel_as_shown(connection, slug, seen, actor)

            return await do(caller, request, "cancel", operation)

        return router


def _on(operation: Callable[..., Event], *arguments: object) -> Callable[..., Event]:
    """Return the operation with its arguments after the connection."""

    def on(connection: Connection, *, actor: Actor) -> Event:
        return operation(connection, *arguments, actor)

    return on


def _moment(at: int) -> datetime | None:
    return moment(at) if at else None
