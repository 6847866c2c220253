"""The organisers' page of the teams of an event."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Conflict, Invalid, NotFound, Refused
from festgate.kit.shown import FIELD
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import MAX_NAME, read_id, read_path, read_query
from festgate.kit.web.portal import Portal, see_other
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
from festgate.portal.backoffice.people import read_email
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import facade as registrations

PLACE = "/organise/events/{slug}/teams/{team_id}/places/{seat_id}"
MAX_ID_LENGTH = 15
"""Digits of an id; every database can hold it."""


class EventTeamPages:
    """Pages for organisers about the teams of an event."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal

    def routes(self) -> list[Route]:
        """Return the routes."""
        guard = self._portal.guard
        return [
            guard("guests.view", "/organise/events/{slug}/teams", self.show),
            guard("guests.edit", "/organise/events/{slug}/teams/{team_id}", self.change, methods=["POST"]),
            guard("guests.edit", PLACE, self.show_place),
            guard("guests.edit", PLACE, self.replace, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show the teams of an event with their members."""
        return await self._page(request)

    async def change(self, request: Request) -> Response:
        """Rename or cancel a team."""
        actor = self._portal.actor(request)
        text = read_path(request, "team_id")
        if not (text.isascii() and text.isdecimal() and len(text) <= MAX_ID_LENGTH):
            raise NotFound
        fields = await read_fields(request)
        write = self._portal.database.write
        slug = read_path(request, "slug")
        try:
            if fields.get("then") == "cancel":
                await write(cancel_team, actor, slug, int(text))
            else:
                await write(rename_team, actor, slug, int(text), fields.get("name", ""))
        except ValueError as error:
            return await self._page(request, {text: str(error)}, 422)
        except NotFound:
            raise
        except Refused as refusal:
            return await self._page(request, {text: refusal.message}, refusal.status)
        return see_other(f"/organise/events/{slug}/teams")

    async def show_place(self, request: Request) -> Response:
        """Answer with the form for another person on a place of a team."""
        return await self._place(request)

    async def replace(self, request: Request) -> Response:
        """Free the place as the form showed it, and invite the new person."""
        place = _read_place(request)
        fields = await read_fields(request)
        settings, actor = self._portal.settings, self._portal.actor(request)

        try:
            recipient, seen = read_email(fields.get("email", "")), fields.get(FIELD, "")
            await self._portal.database.write(replace_member, actor, place, recipient, seen, settings)
        except (Invalid, Conflict) as refusal:
            return await self._place(request, fields.get("email", ""), refusal)
        return see_other(f"/organise/events/{place.slug}/teams?done=invited")

    async def _place(self, request: Request, email: str = "", refusal: Refused | None = None) -> Response:
        asked = _read_place(request)

        def read(connection: Connection) -> tuple[registrations.Team, registrations.TeamPlace | None, str]:
            team = team_at(connection, asked.slug, asked.team_id)
            try:
                return team, registrations.place_to_change(connection, team, asked.seat_id), ""
            except Conflict as reason:
                return team, None, reason.message

        team, place, reason = await self._portal.database.read(read)
        return await self._portal.page(
            request,
            "backoffice/team_place.html",
            status=200 if refusal is None else refusal.status,
            section="organise",
            team=team,
            place=place,
            email=email,
            refused=reason or ("" if refusal is None or isinstance(refusal, Invalid) else refusal.message),
            errors=refusal.fields if isinstance(refusal, Invalid) else {},
            max_email=accounts.MAX_EMAIL_LENGTH,
        )

    async def _page(
        self, request: Request, errors: Mapping[str, str] | None = None, status: int = 200
    ) -> Response:
        event, teams, orders = await self._portal.database.report(_read_teams, read_path(request, "slug"))
        return await self._portal.page(
            request,
            "backoffice/teams.html",
            status=status,
            section="organise",
            event=event,
            teams=teams,
            orders=orders,
            errors=errors or {},
            done=read_query(request, "done", MAX_NAME) == "invited",
        )


def _read_place(request: Request) -> PlaceOfTeam:
    """Return the place of the address."""
    return PlaceOfTeam(read_path(request, "slug"), read_id(request, "team_id"), read_id(request, "seat_id"))


def _read_teams(
    connection: Connection, slug: str
) -> tuple[catalogue.Event, list[registrations.Team], dict[int, str]]:
    """Return the event, its teams, and the references of their orders by team id. Raises NotFound."""
    event, teams = read_teams(connection, slug)
    return event, teams, {team.id: ref for team in teams if (ref := order_of(connection, team))}
