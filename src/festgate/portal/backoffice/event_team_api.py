"""The teams of an event as JSON, for organisers: their members, and changes of them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, Invalid, NotFound, SignInNeeded
from festgate.kit.shown import Changed
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Amount, Bearer, Name, actor_of, module_router, problems
from festgate.kit.web.portal import Portal
from festgate.portal.accounts import facade as accounts
from festgate.portal.backoffice.event_teams import (
    PlaceOfTeam,
    cancel_team,
    order_of,
    read_teams,
    rename_team,
    replace_member,
    team_at,
)
from festgate.portal.backoffice.guest_action_api import IdempotencyKey
from festgate.portal.backoffice.people import read_email
from festgate.portal.checkout import facade as checkout
from festgate.portal.registrations import facade as registrations

PAGE_SIZE = 50
MAX_PAGE = 1000
Id = Annotated[int, Field(ge=1, le=2**53)]


class TeamPlaceOutput(BaseModel):
    """A place of a team."""

    registration: int = Field(description="The id of its registration.")
    state: str = Field(description="`held` or `confirmed`.")
    person: int | None = Field(description="The number of the member; null while the place is free.")
    name: str = Field(description="Empty while the place is free.")
    email: str = Field(description="Empty while the place is free.")
    is_captain: bool


class EventTeamOutput(BaseModel):
    """A team of an event, as organisers see it."""

    id: int
    name: str
    ticket: str = Field(description="The name of the ticket type; empty for the only one of an event.")
    state: registrations.TeamState = Field(
        description="open: members can change; unpaid; fixed: it is too late; over: cancelled or expired."
    )
    order: str | None = Field(description="The reference of its order; null without one.")
    fee: Amount | None = Field(description="The fee of all places; null once the team is over.")
    places: list[TeamPlaceOutput]

    @classmethod
    def of(cls, connection: Connection, team: registrations.Team, now: Milliseconds) -> "EventTeamOutput":
        """Return the team for JSON."""
        return cls(
            id=team.id,
            name=team.name,
            ticket=team.type_name,
            state=team.state_at(now),
            order=order_of(connection, team) or None,
            fee=Amount.of(team.fee) if team.places else None,
            places=[
                TeamPlaceOutput(
                    registration=place.seat_id,
                    state=place.state,
                    person=place.member_id,
                    name=place.name,
                    email=place.email,
                    is_captain=place.member_id == team.captain_id,
                )
                for place in team.places
            ],
        )


class EventTeamPage(BaseModel):
    """A page of the teams of an event."""

    teams: list[EventTeamOutput] = Field(description="Up to 50 teams that are not over, by name.")
    total: int = Field(description="Number of teams on all pages.")
    page: int
    pages: int


class TeamNameInput(BaseModel, extra="forbid"):
    """Another name of a team."""

    name: str = Field(max_length=registrations.MAX_TEAM_NAME, description="Unique at the event.")


class MemberInput(BaseModel, extra="forbid"):
    """The person that shall have a place of a team."""

    email: str = Field(
        max_length=accounts.MAX_EMAIL_LENGTH, description="The address to which the link to join is sent."
    )
    person: Id | None = Field(
        description="The member that has the place now; null for a free one. Refused with 409 if it is another by now."
    )


class EventTeamApi:
    """JSON routes below `/events/{slug}/teams`, with the permissions of the pages."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's API gets it."""
        self._portal = portal

    def router(self) -> APIRouter:
        """Return the routes, relative to the API's root."""
        router = module_router(self._portal, "backoffice", "guests")
        self._add_list(router)
        self._add_changes(router)
        return router

    def _add_list(self, router: APIRouter) -> None:
        Viewer = Annotated[Visitor, Depends(Bearer(self._portal, "guests.view"))]  # noqa: N806  (a type)
        refusals = (SignInNeeded, Forbidden, NotFound)

        @router.get("/events/{slug}/teams", responses=problems(*refusals))
        async def list_teams(
            slug: Name,
            _caller: Viewer,
            page: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Number of the page, from 1.")] = 1,
        ) -> EventTeamPage:
            """List the teams of an event with their members, 50 a page."""

            def read(connection: Connection) -> EventTeamPage:
                _, teams = read_teams(connection, slug)
                pages = max(1, -(-len(teams) // PAGE_SIZE))
                if page > pages:
                    raise NotFound
                shown = teams[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
                listed = [EventTeamOutput.of(connection, team, connection.now) for team in shown]
                return EventTeamPage(teams=listed, total=len(teams), page=page, pages=pages)

            return await self._portal.database.report(read)

        @router.get("/events/{slug}/teams/{team_id}", responses=problems(*refusals))
        async def read_team(slug: Name, team_id: Id, _caller: Viewer) -> EventTeamOutput:
            """Read a team of an event with its members."""
            return await self._read(slug, team_id)

    def _add_changes(self, router: APIRouter) -> None:
        portal = self._portal
        write = portal.database.write
        Editor = Annotated[Visitor, Depends(Bearer(portal, "guests.edit"))]  # noqa: N806  (a type)
        refusals = (SignInNeeded, Forbidden, NotFound)

        @router.put(
            "/events/{slug}/teams/{team_id}", responses=problems(*refusals, registrations.TeamNameTaken)
        )
        async def rename(
            slug: Name, team_id: Id, body: TeamNameInput, caller: Editor, request: Request
        ) -> EventTeamOutput:
            """Rename a team. Idempotent."""
            try:
                await write(rename_team, actor_of(caller, request), slug, team_id, body.name)
            except ValueError as error:
                raise Invalid({"name": str(error)}) from None
            return await self._read(slug, team_id)

        @router.post(
            "/events/{slug}/teams/{team_id}/cancel",
            responses=problems(
                *refusals, registrations.SeatPaid, registrations.SeatInOrder, registrations.SeatUsed
            ),
        )
        async def cancel(slug: Name, team_id: Id, caller: Editor, request: Request) -> EventTeamOutput:
            """End all places of a team that is free of charge or not paid. Idempotent."""
            await write(cancel_team, actor_of(caller, request), slug, team_id)
            return await self._read(slug, team_id)

        @router.post(
            "/events/{slug}/teams/{team_id}/places/{registration}/member",
            responses=problems(
                *refusals,
                registrations.CaptainStays,
                registrations.TeamFixed,
                registrations.MemberIn,
                Changed,
                checkout.KeyReused,
                accounts.LimitReached,
            ),
        )
        async def invite(
            slug: Name,
            team_id: Id,
            registration: Id,
            body: MemberInput,
            caller: Editor,
            request: Request,
            idempotency_key: IdempotencyKey,
        ) -> EventTeamOutput:
            """Free a place of a team, and invite another person to it by email.

            The former member's ticket is void. The place is free until the new person joins.
            """
            await write(
                replace_member,
                actor_of(caller, request),
                PlaceOfTeam(slug, team_id, registration),
                read_email(body.email),
                str(body.person),
                portal.settings,
                f"api:{caller.person}:{idempotency_key}",
            )
            return await self._read(slug, team_id)

    async def _read(self, slug: str, team_id: int) -> EventTeamOutput:
        def read(connection: Connection) -> EventTeamOutput:
            return EventTeamOutput.of(connection, team_at(connection, slug, team_id), connection.now)

        return await self._portal.database.report(read)
