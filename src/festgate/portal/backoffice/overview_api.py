"""The numbers of one event and its check-ins as JSON, for the team."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, NotFound, SignInNeeded
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, Name, module_router, problems
from festgate.kit.web.portal import Portal
from festgate.portal.backoffice import charts
from festgate.portal.backoffice.event_api import MoneyOutput, SeatsOutput
from festgate.portal.backoffice.overview import read_overview
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.door import facade as door


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


class HourOfCheckIns(BaseModel):
    """The check-ins of one hour."""

    begins_at: datetime
    checked_in: int


class CheckInsOutput(BaseModel):
    """The check-ins of an event."""

    expected: int = Field(description="Valid tickets.")
    checked_in: int
    hours: list[HourOfCheckIns] = Field(
        description=f"From the first hour with a check-in to the last, at most {charts.MAX_HOURS}, empty ones between."
    )


class OverviewApi:
    """JSON routes of the overview of an event."""

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

        @router.get("/events/{slug}/check-ins", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def read_check_ins(slug: Name, _caller: Caller) -> CheckInsOutput:
            """Read how many guests of an event are checked in, and when they came."""

            def read(connection: Connection) -> CheckInsOutput:
                event = catalogue.any_event_by_slug(connection, slug)
                attendance = door.attendance_of(connection, event.id)
                hours = charts.by_hour(door.arrivals_over_time(connection, event.id), portal.settings.zone)
                return CheckInsOutput(
                    expected=attendance.expected,
                    checked_in=attendance.inside,
                    hours=[
                        HourOfCheckIns(begins_at=moment(begins_at), checked_in=count)
                        for begins_at, count in hours
                    ],
                )

            return await portal.database.report(read)

        return router
