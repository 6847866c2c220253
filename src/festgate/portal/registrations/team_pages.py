"""HTML routes of teams: register one, join by its link, see its members, and change it."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, NotFound, Refused
from festgate.kit.translation import gettext
from festgate.kit.web.clients import address_of
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_id, read_path
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import queries, team_queries, team_rows, teams
from festgate.portal.registrations.answers import questions_address
from festgate.portal.registrations.choices import read_team
from festgate.portal.registrations.errors import AlreadyInTeam, AlreadyRegistered, ChooseTicket, TeamNameTaken
from festgate.portal.registrations.holds import hold_seats
from festgate.portal.registrations.limits import terms_of
from festgate.portal.registrations.queries import IsUsed
from festgate.portal.registrations.team_queries import Team

MAX_ID = 2**53
BAD_NAME = "team-name"
"""The problem of a form without a valid name."""


class TeamPages:
    """HTML routes of teams."""

    def __init__(
        self,
        portal: Portal,
        is_used: IsUsed,
        replace_code: teams.ReplaceCode,
        addresses: accounts.SeatLimits,
    ) -> None:
        """Take functions of a module above, and the limits of client addresses, which single seats use too."""
        self._portal = portal
        self._is_used = is_used
        self._replace_code = replace_code
        self._addresses = addresses

    def routes(self) -> list[Route]:
        """Return the routes of this module."""
        return [
            Route("/events/{slug}/teams", self.register, methods=["POST"]),
            Route("/teams/join/{token}", self.ask_to_join, methods=["GET"]),
            Route("/teams/join/{token}", self.join, methods=["POST"]),
            Route("/teams/{id}", self.show, methods=["GET"]),
            Route("/teams/{id}/cancel", self.ask_to_cancel, methods=["GET"]),
            Route("/teams/{id}/{step}", self.change, methods=["POST"]),
        ]

    async def register(self, request: Request) -> Response:
        """Take the seats of a team: held if they have a fee, else confirmed."""
        portal = self._portal
        visitor = await portal.signed_in(request)
        slug = read_path(request, "slug")
        fields = await read_fields(request)
        try:
            choice = read_team(fields)
            choice = replace(choice, team=team_rows.read_name(choice.team or ""))
            address = self._addresses.of(address_of(request.scope))
            terms = terms_of(visitor, address, portal.settings, is_first=False)
            seat_ids = await portal.database.write(
                hold_seats, visitor.person, slug, portal.settings.hold_minutes, terms, choice
            )
        except ValueError:
            return _back_to_event(slug, BAD_NAME, fields)
        except (ChooseTicket, TeamNameTaken, AlreadyInTeam) as refusal:
            return _back_to_event(slug, refusal.code, fields)
        except AlreadyRegistered:
            return _back_to_event(slug, AlreadyInTeam.code, fields)
        seat = await portal.database.read(queries.seat, seat_ids[0])
        if seat.asks:
            return see_other(questions_address(slug))
        return see_other("/my-events" if seat.state == "held" else f"/teams/{seat.team_id}")

    async def ask_to_join(self, request: Request) -> Response:
        """Show the team of a link, with the button to join it."""
        visitor = await self._portal.signed_in(request)
        team = await self._portal.database.read(team_queries.team_by_token, read_path(request, "token"))
        if team.place_of(visitor.person) is not None:
            return see_other(f"/teams/{team.id}")
        return await self._portal.page(
            request,
            "registrations/join_team.html",
            section="my-events",
            headers={"referrer-policy": "no-referrer"},
            team=team,
            state=team.state_at(self._portal.database.clock()),
            captain=await self._portal.database.read(_name_of, team.captain_id),
            token=read_path(request, "token"),
        )

    async def join(self, request: Request) -> Response:
        """Give the visitor a place of the team."""
        visitor = await self._portal.signed_in(request)
        token = read_path(request, "token")
        team_id = await self._portal.database.write(
            teams.join_team, visitor.person, token, self._replace_code
        )
        team = await self._portal.database.read(team_queries.team_by_id, team_id)
        event = await self._portal.database.read(catalogue.event_by_slug, team.slug)
        return see_other(questions_address(team.slug) if event.asks else f"/teams/{team_id}")

    async def show(self, request: Request) -> Response:
        """Show the team to its captain and members."""
        return await self._team(request)

    async def ask_to_cancel(self, request: Request) -> Response:
        """Show the consequences of cancelling the team, with the button that does it."""
        visitor = await self._portal.signed_in(request)
        team = await self._portal.database.read(
            _team_to_cancel, visitor.person, read_id(request, "id"), self._is_used
        )
        if not team.places:
            return see_other("/my-events")
        return await self._portal.page(
            request, "registrations/cancel_team.html", section="my-events", team=team
        )

    async def change(self, request: Request) -> Response:
        """Rename or cancel the team, renew or send its link, or free the place of a member."""
        portal = self._portal
        write, settings = portal.database.write, portal.settings
        visitor = await portal.signed_in(request)
        person, team_id = visitor.person, read_id(request, "id")
        fields = await read_fields(request)
        step = read_path(request, "step")
        try:
            if step == "rename":
                await write(_rename, person, team_id, fields.get("name", ""))
            elif step == "link":
                await write(teams.renew_link, person, team_id)
            elif step == "invite":
                recipient = _read_address(fields.get("email", ""))
                await write(teams.invite_member, person, team_id, recipient, settings)
            elif step == "remove":
                seat_id = _read_id(fields.get("seat", ""))
                await write(teams.remove_member, person, team_id, seat_id, self._replace_code)
            elif step == "leave":
                await write(teams.leave_team, person, team_id, self._replace_code)
                return see_other("/my-events")
            elif step == "cancel":
                await write(teams.cancel_team, person, team_id, self._is_used)
                return see_other("/my-events")
            else:
                raise NotFound
        except (Invalid, TeamNameTaken) as refusal:
            errors = refusal.fields if isinstance(refusal, Invalid) else {"name": refusal.message}
            return await self._team(request, fields, errors, refusal)
        return see_other(f"/teams/{team_id}")

    async def _team(
        self,
        request: Request,
        entered: Mapping[str, str] | None = None,
        errors: Mapping[str, str] | None = None,
        refusal: Refused | None = None,
    ) -> Response:
        portal = self._portal
        visitor = await portal.signed_in(request)
        team = await portal.database.read(teams.team_of_attendee, visitor.person, read_id(request, "id"))
        return await portal.page(
            request,
            "registrations/team.html",
            section="my-events",
            status=200 if refusal is None else refusal.status,
            headers={"referrer-policy": "no-referrer"},
            team=team,
            state=team.state_at(portal.database.clock()),
            is_captain=team.captain_id == visitor.person,
            person=visitor.person,
            link=teams.link_of(portal.settings, team.token),
            invitations=team.size * teams.INVITATIONS_PER_PLACE - team.invited,
            entered=entered or {},
            errors=errors or {},
            max_name=team_rows.MAX_TEAM_NAME,
        )


def _team_to_cancel(connection: Connection, person_id: int, team_id: int, is_used: IsUsed) -> Team:
    """Return the team that `cancel_team` would end. Raises the same errors."""
    team = teams.team_of_captain(connection, person_id, team_id)
    teams.check_cancel(
        connection, [queries.seat(connection, place.seat_id) for place in team.places], is_used
    )
    return team


def _rename(connection: Connection, person_id: int, team_id: int, name: str) -> None:
    try:
        teams.rename_team(connection, person_id, team_id, name)
    except ValueError as error:
        raise Invalid({"name": str(error)}) from None


def _name_of(connection: Connection, person_id: int) -> str:
    return accounts.person_by_id(connection, person_id).shown_name


def _read_address(text: str) -> str:
    try:
        return accounts.read_email(text)
    except ValueError as error:
        raise Invalid({"email": str(error)}) from None


def _read_id(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < len(str(MAX_ID))):
        raise Invalid({"seat": gettext("Choose a member.")})
    return int(text)


def _back_to_event(slug: str, problem: str, fields: Mapping[str, str]) -> Response:
    access_key = fields.get("access", "")
    key = f"&access={quote(access_key)}" if access_key else ""
    return see_other(f"/events/{quote(slug)}?{catalogue.PROBLEM}={problem}{key}")
