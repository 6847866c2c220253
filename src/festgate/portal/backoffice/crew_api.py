"""The team as JSON: its people, invitations, and changes of roles and events."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from festgate.kit import security_log
from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, Invalid, NotFound, ProofNeeded, SignInNeeded, TooMany
from festgate.kit.roles import Role
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, PageNumber, actor_of, module_router, page_of, problems
from festgate.kit.web.portal import Portal
from festgate.portal.accounts import facade as accounts
from festgate.portal.backoffice import crew
from festgate.portal.catalogue import facade as catalogue

MAX_EVENTS = 200
MAX_SLUG = 60
Id = Annotated[int, Field(ge=1, le=2**53)]
Slug = Annotated[str, Field(max_length=MAX_SLUG)]


class MemberOutput(BaseModel):
    """A person of the team."""

    id: int
    username: str
    name: str = Field(description="Empty if they have not entered one.")
    email: str
    role: Role
    events: list[str] = Field(
        description="The slugs of the assigned events of a lead or of somebody at the door; empty for other roles, "
        "and for somebody at every door."
    )
    last_used_at: datetime | None = Field(description="The last use of a session; null when signed out.")


class InvitationOutput(BaseModel):
    """An invitation that was not accepted yet."""

    id: int
    email: str
    role: Role
    events: list[str] = Field(description="The slugs of the events that it is for.")
    invited_by: str = Field(description="The name of the person that sent it.")
    expires_at: datetime
    is_expired: bool


class MemberPage(BaseModel):
    """A page of the team."""

    members: list[MemberOutput] = Field(description="Up to 50 people, owners first, then by role and name.")
    total: int = Field(description="Number of people on all pages.")
    page: int
    pages: int


class InvitationPage(BaseModel):
    """A page of the invitations."""

    invitations: list[InvitationOutput] = Field(description="Up to 50 invitations, the newest first.")
    total: int = Field(description="Number of invitations on all pages.")
    page: int
    pages: int


class RoleInput(BaseModel, extra="forbid"):
    """A role in the team, with its events."""

    role: Role = Field(description="Any role up to your own, except attendee.")
    events: list[Slug] = Field(
        default=[],
        max_length=MAX_EVENTS,
        description="Slugs of events, for a lead (at least one) and for somebody at the door (none: every event).",
    )


class InvitationInput(RoleInput, extra="forbid"):
    """An invitation to send."""

    email: str = Field(max_length=accounts.MAX_EMAIL_LENGTH, description="The address that is invited.")


class CrewApi:
    """JSON routes of the team, for people with the permission `team`."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's API gets it."""
        self._portal = portal

    def router(self) -> APIRouter:
        """Return the routes, relative to the API's root."""
        router = module_router(self._portal, "backoffice", "team")
        self._add_invitations(router)
        self._add_people(router)
        return router

    def _add_people(self, router: APIRouter) -> None:
        """Add the routes of people, after `/team/invitations`."""
        database = self._portal.database
        Caller = Annotated[Visitor, Depends(Bearer(self._portal, "team"))]  # noqa: N806  (a type)
        Proven = Annotated[Visitor, Depends(Bearer(self._portal, "team", sensitive=True))]  # noqa: N806

        @router.get("/team", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def list_team(person: Caller, page: PageNumber = 1) -> MemberPage:  # noqa: ARG001  (guards)
            """List the people of the team, 50 a page."""
            members, _ = await database.report(crew.list_crew)
            shown, pages = page_of(members, page)
            return MemberPage(
                members=[_member(member) for member in shown], total=len(members), page=page, pages=pages
            )

        @router.get("/team/{person}", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def read_member(person: Id, caller: Caller) -> MemberOutput:  # noqa: ARG001  (guards)
            """Show one person of the team."""
            return _member(await database.report(crew.find_member, person))

        @router.put(
            "/team/{person}",
            responses=problems(
                SignInNeeded, ProofNeeded, Forbidden, NotFound, accounts.RoleTooHigh, accounts.LastOwner
            ),
        )
        async def change(person: Id, body: RoleInput, caller: Proven, request: Request) -> MemberOutput:
            """Give a person of the team another role or other events; another role signs them out. Idempotent."""
            security_log.concern(person)

            def operation(connection: Connection) -> None:
                events = _event_ids(connection, body)
                crew.change_member(connection, actor_of(caller, request), person, body.role, events)

            await database.write(operation)
            return _member(await database.report(crew.find_member, person))

        @router.delete(
            "/team/{person}",
            status_code=204,
            responses=problems(
                SignInNeeded, ProofNeeded, Forbidden, NotFound, accounts.RoleTooHigh, accounts.LastOwner
            ),
        )
        async def take_out(person: Id, caller: Proven, request: Request) -> None:
            """Take a person out of the team: the account stays, and is signed out everywhere."""
            security_log.concern(person)
            await database.write(crew.change_member, actor_of(caller, request), person, "attendee", ())

    def _add_invitations(self, router: APIRouter) -> None:
        portal = self._portal
        database, secret, settings = portal.database, portal.secret, portal.settings
        Caller = Annotated[Visitor, Depends(Bearer(portal, "team"))]  # noqa: N806  (a type)
        Proven = Annotated[Visitor, Depends(Bearer(portal, "team", sensitive=True))]  # noqa: N806

        @router.get("/team/invitations", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def list_invitations(person: Caller, page: PageNumber = 1) -> InvitationPage:  # noqa: ARG001
            """List the invitations that were not accepted yet, 50 a page."""
            _, invited = await database.report(crew.list_crew)
            shown, pages = page_of(invited, page)
            return InvitationPage(
                invitations=[_invitation(row) for row in shown], total=len(invited), page=page, pages=pages
            )

        @router.post(
            "/team/invitations",
            status_code=201,
            responses=problems(
                SignInNeeded,
                ProofNeeded,
                Forbidden,
                accounts.RoleTooHigh,
                accounts.AlreadyInTeam,
                accounts.AlreadyInvited,
                TooMany,
            ),
        )
        async def invite(
            body: InvitationInput, person: Proven, request: Request, response: Response
        ) -> InvitationOutput:
            """Invite somebody by email. The same invitation again sends nothing, and returns the one that waits."""
            try:
                email = accounts.read_email(body.email)
            except ValueError as error:
                raise Invalid({"email": str(error)}) from None

            def operation(connection: Connection) -> int:
                events = _event_ids(connection, body)
                actor = actor_of(person, request)
                return crew.invite(connection, actor, email, body.role, events, secret, settings).id

            number = await database.write(operation)
            response.headers["location"] = "/api/v1/team/invitations"
            return await self._invitation(number)

        @router.post(
            "/team/invitations/{invitation}/again",
            responses=problems(
                SignInNeeded,
                ProofNeeded,
                Forbidden,
                NotFound,
                accounts.RoleTooHigh,
                accounts.AlreadyInTeam,
                TooMany,
            ),
        )
        async def send_again(invitation: Id, person: Proven, request: Request) -> InvitationOutput:
            """Send an invitation again, with a new link for seven days; the old link ends."""
            actor = actor_of(person, request)
            await database.write(crew.send_again, actor, invitation, secret, settings)
            return await self._invitation(invitation)

        @router.delete(
            "/team/invitations/{invitation}",
            status_code=204,
            responses=problems(SignInNeeded, ProofNeeded, Forbidden, accounts.RoleTooHigh),
        )
        async def withdraw(invitation: Id, person: Proven, request: Request) -> None:
            """Withdraw an invitation. Idempotent."""
            await database.write(accounts.withdraw, actor_of(person, request), invitation)

    async def _invitation(self, number: int) -> InvitationOutput:
        _, invited = await self._portal.database.report(crew.list_crew)
        for row in invited:
            if row.invitation.id == number:
                return _invitation(row)
        raise NotFound


def _event_ids(connection: Connection, body: RoleInput) -> set[int]:
    """Return the ids of the events. Raises Invalid for the role of an attendee and for an unknown slug."""
    if body.role == "attendee":
        raise Invalid({"role": "Not a role of the team."})
    ids = {event.slug: event.id for event in catalogue.all_events(connection)}
    unknown = sorted(set(body.events) - ids.keys())
    if unknown:
        raise Invalid({"events": f"There is no event {unknown[0]}."})
    return {ids[slug] for slug in body.events}


def _member(member: crew.Member) -> MemberOutput:
    return MemberOutput(
        id=member.person.id,
        username=member.person.username,
        name=member.person.name,
        email=member.person.email,
        role=member.person.role,
        events=[event.slug for event in member.events],
        last_used_at=None if member.seen_at is None else moment(member.seen_at),
    )


def _invitation(row: crew.Invited) -> InvitationOutput:
    return InvitationOutput(
        id=row.invitation.id,
        email=row.invitation.email,
        role=row.invitation.role,
        events=[event.slug for event in row.events],
        invited_by=row.invited_by,
        expires_at=moment(row.invitation.expires_at),
        is_expired=row.is_expired,
    )
