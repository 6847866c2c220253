"""The organisers' pages of the team: its people and invitations, and changes of roles and events."""

from collections.abc import Mapping
from typing import cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit import security_log
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, Refused
from festgate.kit.roles import ASSIGNABLE, MEANINGS, PERMISSIONS, ROLE_NAMES, Role, may_grant
from festgate.kit.shown import FIELD, Changed
from festgate.kit.translation import gettext
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import MAX_ID_LENGTH, read_id, read_query
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.accounts import facade as accounts
from festgate.portal.backoffice import crew
from festgate.portal.backoffice.crew import Invited, Member
from festgate.portal.catalogue.facade import Event

_EVENT_PREFIX = "event-"


class CrewPages:
    """Pages about the team, for people with the permission `team`."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal

    def routes(self) -> list[Route]:
        """Return the routes; `invitations` stands before the ids."""
        guard = self._portal.guard
        team = "/organise/team"
        invitation, member = f"{team}/invitations/{{id}}", f"{team}/{{id}}"
        return [
            guard("team", team, self.show, sensitive=True),
            guard("team", f"{team}/invitations", self.invite, methods=["POST"], sensitive=True),
            guard("team", f"{invitation}/again", self.send_again, methods=["POST"], sensitive=True),
            guard("team", f"{invitation}/withdraw", self.withdraw, methods=["POST"], sensitive=True),
            guard("team", member, self.show_member, sensitive=True),
            guard("team", member, self.ask, methods=["POST"], sensitive=True),
            guard("team", f"{member}/change", self.change, methods=["POST"], sensitive=True),
        ]

    async def show(self, request: Request) -> Response:
        """Show the people of the team, the invitations, and what each role may do."""
        return await self._page(request)

    async def invite(self, request: Request) -> Response:
        """Email an invitation with a role; or show the form again."""
        fields = await read_fields(request)
        actor, portal = self._portal.actor(request), self._portal
        try:
            try:
                email = accounts.read_email(fields.get("email", ""))
            except ValueError as error:
                raise Invalid({"email": str(error)}) from None
            role = self._read_role(request, fields)
            await portal.database.write(
                crew.invite, actor, email, role, _event_ids(fields), portal.secret, portal.settings
            )
        except (Invalid, accounts.AlreadyInTeam, accounts.AlreadyInvited) as refusal:
            return await self._page(request, fields, refusal)
        return see_other("/organise/team?invited=1#invitations")

    async def send_again(self, request: Request) -> Response:
        """Send an invitation again, with a new link."""
        actor, portal = self._portal.actor(request), self._portal
        await portal.database.write(
            crew.send_again, actor, read_id(request, "id"), portal.secret, portal.settings
        )
        return see_other("/organise/team?invited=1#invitations")

    async def withdraw(self, request: Request) -> Response:
        """End an invitation."""
        actor = self._portal.actor(request)
        await self._portal.database.write(accounts.withdraw, actor, read_id(request, "id"))
        return see_other("/organise/team?withdrawn=1#invitations")

    async def show_member(self, request: Request) -> Response:
        """Show one person of the team, with the form for another role or other events."""
        return await self._member(request)

    async def ask(self, request: Request) -> Response:
        """Show what a change would do, with the button that does it; or the form, if it is wrong."""
        fields = await read_fields(request)
        try:
            role = self._read_role(request, fields, leaves=True)
            plan = await self._portal.database.report(
                crew.plan_change,
                self._portal.actor(request),
                read_id(request, "id"),
                role,
                _event_ids(fields),
            )
        except Invalid as refusal:
            return await self._member(request, fields, refusal)
        return await self._portal.page(
            request, "backoffice/crew_change.html", section="organise", change=plan
        )

    async def change(self, request: Request) -> Response:
        """Change the role or the events as the page showed; or show the person again."""
        number = read_id(request, "id")
        security_log.concern(number)
        fields = await read_fields(request)
        visitor = self._portal.known(request)
        try:
            role = self._read_role(request, fields, leaves=True)
            await self._portal.database.write(
                crew.change_member,
                self._portal.actor(request),
                number,
                role,
                _event_ids(fields),
                fields.get(FIELD, ""),
            )
        except (Invalid, Changed, accounts.LastOwner) as refusal:
            return await self._member(request, fields, refusal)
        if number == visitor.person and "team" not in PERMISSIONS[role]:
            return see_other("/login")
        return see_other("/organise/team?changed=1")

    def _read_role(self, request: Request, fields: Mapping[str, str], *, leaves: bool = False) -> Role:
        """Return the role of the form; RoleTooHigh for one that the visitor may not give. Raises Invalid."""
        text = fields.get("role", "")
        if text not in ROLE_NAMES or (text == "attendee" and not leaves):
            raise Invalid({"role": gettext("Choose a role.")})
        role = cast("Role", text)
        if not may_grant(self._portal.known(request).role, role):
            raise accounts.RoleTooHigh
        return role

    async def _page(
        self,
        request: Request,
        entered: Mapping[str, str] | None = None,
        refusal: Refused | None = None,
    ) -> Response:
        def read(connection: Connection) -> tuple[list[Member], list[Invited], list[Event]]:
            return *crew.list_crew(connection), crew.choice_of_events(connection)

        visitor = self._portal.known(request)
        members, invited, events = await self._portal.database.report(read)
        errors = (
            refusal.fields if isinstance(refusal, Invalid) else {"email": refusal.message} if refusal else {}
        )
        return await self._portal.page(
            request,
            "backoffice/crew.html",
            status=refusal.status if refusal else 200,
            section="organise",
            members=members,
            invited=invited,
            events=events,
            may_grant=lambda role: may_grant(visitor.role, role),
            roles=_options(visitor.role),
            entered=entered or {},
            chosen=_event_ids(entered or {}),
            errors=errors,
            notice=self._notice(request),
            sends_mail=bool(self._portal.settings.smtp_host),
            max_email=accounts.MAX_EMAIL_LENGTH,
            table=[(ROLE_NAMES[role].title, PERMISSIONS[role]) for role in crew.grantable("owner")],
            meanings=list(MEANINGS.items()),
        )

    def _notice(self, request: Request) -> str:
        notices = {
            "invited": gettext("The invitation is on its way. It works for seven days."),
            "withdrawn": gettext("The invitation was withdrawn: its link does not work any more."),
            "changed": gettext("The change is saved."),
        }
        return next((text for name, text in notices.items() if read_query(request, name, 1)), "")

    async def _member(
        self,
        request: Request,
        entered: Mapping[str, str] | None = None,
        refusal: Invalid | Changed | accounts.LastOwner | None = None,
    ) -> Response:
        number = read_id(request, "id")
        visitor = self._portal.known(request)

        def read(connection: Connection) -> tuple[Member, list[Event]]:
            return crew.find_member(connection, number), crew.choice_of_events(connection)

        member, events = await self._portal.database.report(read)
        own = {event.id for event in member.events}
        return await self._portal.page(
            request,
            "backoffice/crew_member.html",
            status=refusal.status if refusal else 200,
            section="organise",
            member=member,
            events=events,
            changeable=may_grant(visitor.role, member.person.role),
            is_self=member.person.id == visitor.person,
            roles=_options(visitor.role),
            role=(entered or {}).get("role") or member.person.role,
            chosen=_event_ids(entered) if entered else own,
            errors=refusal.fields if isinstance(refusal, Invalid) else {},
            refused=refusal.message if refusal and not isinstance(refusal, Invalid) else "",
            assignable=ASSIGNABLE,
        )


def _options(own: Role) -> list[tuple[str, str]]:
    """Return the roles that the visitor may give, with their names and purposes."""
    return [
        (role, f"{crew.title_of(role)}: {gettext(ROLE_NAMES[role].purpose)}") for role in crew.grantable(own)
    ]


def _event_ids(fields: Mapping[str, str]) -> set[int]:
    """Return the ids of the ticked events."""
    names = (name.removeprefix(_EVENT_PREFIX) for name in fields if name.startswith(_EVENT_PREFIX))
    return {int(name) for name in names if name.isascii() and name.isdecimal() and len(name) <= MAX_ID_LENGTH}
