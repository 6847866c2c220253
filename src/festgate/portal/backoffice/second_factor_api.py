"""JSON routes for owners about the second factors of the team."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, ProofNeeded, SignInNeeded
from festgate.kit.roles import Role
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, actor_of, module_router, problems
from festgate.kit.web.portal import Portal
from festgate.portal.accounts import facade as accounts

PATH = "/settings/second-factor"


class MemberFactor(BaseModel):
    """A person of the team, and their second factor."""

    id: int
    username: str
    role: Role
    switched_on_at: datetime | None = Field(description="Null without a second factor.")


class TeamFactors(BaseModel):
    """The second factors of the team."""

    required: bool = Field(description="Whether every account of the team needs one.")
    members: list[MemberFactor]


class RequirementInput(BaseModel, extra="forbid"):
    """A decision about second factors."""

    required: bool = Field(description="Whether every account of the team needs one.")


class TeamFactorApi:
    """JSON routes of the requirement."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal

    def router(self) -> APIRouter:
        """Return the routes."""
        database = self._portal.database
        router = module_router(self._portal, "backoffice", "Settings")
        Proven = Annotated[  # noqa: N806  (a type)
            Visitor, Depends(Bearer(self._portal, "settings", sensitive=True))
        ]

        @router.get(PATH, responses=problems(SignInNeeded, Forbidden, ProofNeeded))
        async def show(_person: Proven) -> TeamFactors:
            """Show the accounts of the team that have a second factor. It needs a token younger than ten minutes."""
            return await database.report(_read)

        @router.put(PATH, responses=problems(SignInNeeded, Forbidden, ProofNeeded))
        async def decide(body: RequirementInput, person: Proven, request: Request) -> TeamFactors:
            """Require a second factor of every account of the team, or no longer. Idempotent.

            It needs a token that is younger than ten minutes.
            """

            def operation(connection: Connection) -> None:
                accounts.set_requirement(connection, actor_of(person, request), required=body.required)

            await database.write(operation)
            return await database.report(_read)

        return router


def _read(connection: Connection) -> TeamFactors:
    return TeamFactors(
        required=accounts.is_required(connection),
        members=[
            MemberFactor(
                id=person.id,
                username=person.username,
                role=person.role,
                switched_on_at=None if since is None else moment(since),
            )
            for person, since in accounts.team_factors(connection)
        ],
    )
