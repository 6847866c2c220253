"""JSON routes of teams."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, NotFound, SignInNeeded, TooMany
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Amount, Bearer, Name, problems
from festgate.kit.web.clients import address_of
from festgate.kit.web.portal import Portal
from festgate.portal.accounts.facade import AddressNotConfirmed, SeatLimits
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import NotOnSale, SoldOut
from festgate.portal.registrations import queries, team_queries, team_rows, teams
from festgate.portal.registrations.choices import Choice
from festgate.portal.registrations.errors import (
    AlreadyInTeam,
    CaptainStays,
    ChooseTicket,
    MemberIn,
    SalesClosed,
    SalesNotOpen,
    SeatInOrder,
    SeatPaid,
    SeatUsed,
    TeamFixed,
    TeamFull,
    TeamNameTaken,
)
from festgate.portal.registrations.holds import hold_seats
from festgate.portal.registrations.limits import terms_of
from festgate.portal.registrations.queries import IsUsed

TeamId = Annotated[int, Field(ge=1, le=2**53)]


class TeamInput(BaseModel):
    """A team that its captain registers."""

    ticket: TeamId = Field(description="The id of the ticket type.")
    name: str = Field(max_length=team_rows.MAX_TEAM_NAME, description="Unique at the event.")
    size: Annotated[int, Field(ge=1, le=100)] = Field(
        description="The number of members, the captain included."
    )
    access: str = Field(default="", max_length=40, description="The key of the link to a hidden ticket type.")


class PlaceOutput(BaseModel):
    """A seat of a team."""

    registration: int = Field(description="The id of its seat.")
    member: str | None = Field(description="The name of the member; null while the place is free.")
    is_captain: bool


class TeamOutput(BaseModel):
    """A team, as its captain and members see it."""

    id: int
    name: str
    event: str = Field(description="The event's slug.")
    state: team_queries.TeamState = Field(
        description="open: members can change; unpaid; fixed: it is too late; over: cancelled or expired."
    )
    link: str | None = Field(description="The address by which members join; null for members.")
    fee: Amount | None = Field(description="The fee of all seats; null once the team is over.")
    places: list[PlaceOutput]


class TeamApi:
    """JSON routes of teams."""

    def __init__(
        self, portal: Portal, is_used: IsUsed, replace_code: teams.ReplaceCode, addresses: SeatLimits
    ) -> None:
        """Take functions of a module above, and the limits of client addresses, which the pages use too."""
        self._portal = portal
        self._is_used = is_used
        self._replace_code = replace_code
        self._addresses = addresses

    def add_to(self, router: APIRouter) -> None:
        """Add the routes to those of registrations."""
        portal, is_used, replace_code = self._portal, self._is_used, self._replace_code
        write = portal.database.write
        Caller = Annotated[Visitor, Depends(Bearer(portal))]  # noqa: N806  (a type)

        @router.post(
            "/events/{slug}/teams",
            status_code=201,
            responses=problems(
                SignInNeeded,
                NotFound,
                SoldOut,
                ChooseTicket,
                TeamNameTaken,
                AlreadyInTeam,
                NotOnSale,
                SalesNotOpen,
                SalesClosed,
                AddressNotConfirmed,
                TooMany,
            ),
        )
        async def register_team(
            slug: Name, person: Caller, request: Request, wanted: TeamInput
        ) -> TeamOutput:
            """Take all seats of a team, or none: held if they have a fee, else confirmed at once."""
            try:
                name = team_rows.read_name(wanted.name)
            except ValueError as error:
                raise Invalid({"name": str(error)}) from None
            choice = Choice({wanted.ticket: wanted.size}, access_key=wanted.access, team=name)
            terms = terms_of(
                person, self._addresses.of(address_of(request.scope)), portal.settings, is_first=False
            )
            seats = await write(hold_seats, person.person, slug, portal.settings.hold_minutes, terms, choice)
            seat = await portal.database.read(queries.seat, seats[0])
            return await self._read(person, seat.team_id or 0)

        @router.get("/teams/{team_id}", responses=problems(SignInNeeded, NotFound))
        async def read_team(team_id: TeamId, person: Caller) -> TeamOutput:
            """Read a team of yours."""
            return await self._read(person, team_id)

        @router.post(
            "/teams/join/{token}",
            responses=problems(SignInNeeded, NotFound, TeamFixed, TeamFull, AlreadyInTeam),
        )
        async def join_team(token: Name, person: Caller) -> TeamOutput:
            """Take a free place of the team with that link. Idempotent."""
            return await self._read(person, await write(teams.join_team, person.person, token, replace_code))

        @router.post(
            "/teams/{team_id}/leave",
            status_code=204,
            responses=problems(SignInNeeded, NotFound, TeamFixed, CaptainStays, MemberIn),
        )
        async def leave_team(team_id: TeamId, person: Caller) -> None:
            """Free your place in a team of somebody else."""
            await write(teams.leave_team, person.person, team_id, replace_code)

        @router.post(
            "/teams/{team_id}/cancel",
            status_code=204,
            responses=problems(SignInNeeded, NotFound, SeatPaid, SeatInOrder, SeatUsed),
        )
        async def cancel_team(team_id: TeamId, person: Caller) -> None:
            """End all seats of a team that is unpaid or free; organisers may cancel anyone's. Idempotent."""

            def operation(connection: Connection) -> None:
                team = team_queries.team_by_id(connection, team_id)
                reachable = catalogue.reachable_events(connection, person.person, person.role)
                organises = person.may("guests.edit") and (reachable is None or team.event_id in reachable)
                teams.cancel_team(connection, person.person, team_id, is_used, organises=organises)

            await write(operation)

    async def _read(self, person: Visitor, team_id: int) -> TeamOutput:
        team = await self._portal.database.read(teams.team_of_attendee, person.person, team_id)
        is_captain = person.person == team.captain_id
        return TeamOutput(
            id=team.id,
            name=team.name,
            event=team.slug,
            state=team.state_at(self._portal.database.clock()),
            link=teams.link_of(self._portal.settings, team.token) if is_captain else None,
            fee=Amount.of(team.fee) if team.places else None,
            places=[
                PlaceOutput(
                    registration=place.seat_id,
                    member=None if place.is_free else place.name,
                    is_captain=place.member_id == team.captain_id,
                )
                for place in team.places
            ],
        )
