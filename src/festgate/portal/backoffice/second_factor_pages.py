"""The owner's page of second factors: which accounts of the team have one, and whether all need one."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.roles import ROLE_NAMES
from festgate.kit.translation import gettext
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_query
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.accounts import facade as accounts

PAGE = "/organise/second-factor"


class TeamFactorPages:
    """Pages for owners about the second factors of the team."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal

    def routes(self) -> list[Route]:
        """Return the routes."""
        guard = self._portal.guard
        return [
            guard("settings", PAGE, self.show, sensitive=True),
            guard("settings", PAGE, self.save, methods=["POST"], sensitive=True),
        ]

    async def show(self, request: Request) -> Response:
        """Show the accounts of the team, and the button that requires a second factor of all."""
        visitor = await self._portal.signed_in(request)
        is_required, team = await self._portal.database.report(
            lambda connection: (accounts.is_required(connection), accounts.team_factors(connection))
        )
        saved = read_query(request, "saved", 1)
        return await self._portal.page(
            request,
            "backoffice/second_factors.html",
            section="organise",
            is_required=is_required,
            team=team,
            role_titles={role: gettext(name.title) for role, name in ROLE_NAMES.items()},
            missing=sum(since is None for _, since in team),
            own=any(person.id == visitor.person and since is not None for person, since in team),
            notice=gettext("Saved.") if saved else "",
        )

    async def save(self, request: Request) -> Response:
        """Require a second factor of the team, or no longer."""
        required = (await read_fields(request)).get("required") == "yes"
        actor = self._portal.actor(request)

        def operation(connection: Connection) -> None:
            accounts.set_requirement(connection, actor, required=required)

        await self._portal.database.write(operation)
        return see_other(f"{PAGE}?saved=1")
