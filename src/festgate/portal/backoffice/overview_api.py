"""The numbers of one event as JSON, for the team."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from festgate.kit.errors import Forbidden, NotFound, SignInNeeded
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, Name, module_router, problems
from festgate.kit.web.portal import Portal
from festgate.portal.backoffice.event_api import MoneyOutput, SeatsOutput
from festgate.portal.backoffice.overview import read_overview


class OverviewOutput(BaseModel):
    """The numbers of an event."""

    slug: str
    title: str
    state: str = Field(description="`draft`, `published` or `cancelled`.")
    seats: SeatsOutput
    waiting: int = Field(description="Tickets for which somebody is on the waiting list.")
    money: MoneyOutput | None = Field(
        description="Null for callers that may not see money, and for free events without an order."
    )
    attention: list[str] = Field(description="What needs attention, in sentences.")


class OverviewApi:
    """The JSON route of the overview of an event."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's API gets it."""
        self._portal = portal

    def router(self) -> APIRouter:
        """Return the routes, relative to the API's root."""
        portal = self._portal
        router = module_router(portal, "backoffice", "office")
        Caller = Annotated[Visitor, Depends(Bearer(portal, "office"))]  # noqa: N806  (a type)

        @router.get("/events/{slug}/overview", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def read_numbers(slug: Name, caller: Caller) -> OverviewOutput:
            """Read the numbers of an event, also of a draft; money with the permission for it."""
            shown = await portal.database.report(
                read_overview, slug, caller, portal.settings, portal.pages.writing
            )
            return OverviewOutput(
                slug=shown.event.slug,
                title=shown.event.title,
                state=shown.event.state,
                seats=SeatsOutput.of(shown.numbers),
                waiting=shown.waiting,
                money=None if shown.money is None else MoneyOutput.of(shown.money),
                attention=[notice.text for notice in shown.notices],
            )

        return router
