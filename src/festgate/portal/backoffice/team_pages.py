"""The organisers' page of the teams of an event."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound, Refused
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_path
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout
from festgate.portal.registrations import facade as registrations

MAX_ID_LENGTH = 15
"""Digits of an id; every database can hold it."""


class EventTeamPages:
    """Pages for organisers about the teams of an event."""

    def __init__(self, portal: Portal, is_used: registrations.IsUsed) -> None:
        """Take a query of tickets: whether somebody was checked in with a seat."""
        self._portal = portal
        self._is_used = is_used

    def routes(self) -> list[Route]:
        """Return the routes."""
        guard = self._portal.guard
        return [
            guard("guests.view", "/organise/events/{slug}/teams", self.show),
            guard("guests.edit", "/organise/events/{slug}/teams/{team_id}", self.change, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show the teams of an event with their members."""
        return await self._page(request)

    async def change(self, request: Request) -> Response:
        """Rename or cancel a team."""
        portal = self._portal
        organiser = portal.known(request)
        text = read_path(request, "team_id")
        if not (text.isascii() and text.isdecimal() and len(text) <= MAX_ID_LENGTH):
            raise NotFound
        fields = await read_fields(request)
        write = portal.database.write
        slug = read_path(request, "slug")

        def operation(connection: Connection) -> None:
            if registrations.team_by_id(connection, int(text)).slug != slug:
                raise NotFound
            if fields.get("then") == "cancel":
                registrations.cancel_team(
                    connection, organiser.person, int(text), self._is_used, organises=True
                )
            else:
                name = fields.get("name", "")
                registrations.rename_team(connection, organiser.person, int(text), name, organises=True)

        try:
            await write(operation)
        except ValueError as error:
            return await self._page(request, {text: str(error)}, 422)
        except NotFound:
            raise
        except Refused as refusal:
            return await self._page(request, {text: refusal.message}, refusal.status)
        return see_other(f"/organise/events/{slug}/teams")

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
        )


def _read_teams(
    connection: Connection, slug: str
) -> tuple[catalogue.Event, list[registrations.Team], dict[int, str]]:
    """Return the event, its teams, and the references of their orders by team id. Raises NotFound."""
    event = catalogue.any_event_by_slug(connection, slug)
    teams = registrations.teams_at(connection, event.id)
    orders = {
        team.id: checkout.ref_of(connection, team.places[0].order_id)
        for team in teams
        if team.places and team.places[0].order_id is not None
    }
    return event, teams, orders
