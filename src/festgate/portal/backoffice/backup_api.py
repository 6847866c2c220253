"""JSON routes of backups."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.errors import Forbidden, NotFound, SignInNeeded
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, actor_of, module_router, problems
from festgate.kit.web.portal import Portal
from festgate.portal.backoffice.backups import BackupFailed, Backups


class BackupOutput(BaseModel):
    """The state of the backups."""

    is_possible: bool = Field(
        description="Whether backups are made here; false with PostgreSQL, which has its own tools for them."
    )
    last_made_at: datetime | None = Field(description="When the newest one was made; null without one.")


class BackupApi:
    """JSON routes of backups, for people with the permission `settings`."""

    def __init__(self, portal: Portal, backups: Backups) -> None:
        """`backups` are shared with the pages."""
        self._portal = portal
        self._backups = backups

    def router(self) -> APIRouter:
        """Return the routes, relative to the API's root."""
        router = module_router(self._portal, "backoffice", "office")
        Caller = Annotated[Visitor, Depends(Bearer(self._portal, "settings"))]  # noqa: N806  (a type)

        @router.get("/backup", responses=problems(SignInNeeded, Forbidden))
        async def read_state(_caller: Caller) -> BackupOutput:
            """Read when the last backup was made."""
            return await self._state()

        @router.post("/backup", responses=problems(SignInNeeded, Forbidden, NotFound, BackupFailed))
        async def make(caller: Caller, request: Request) -> BackupOutput:
            """Copy the data to a new file in the data folder. A second call within a minute makes no other copy."""
            await self._backups.make(actor_of(caller, request))
            return await self._state()

        return router

    async def _state(self) -> BackupOutput:
        made = await self._backups.last()
        return BackupOutput(
            is_possible=self._backups.are_possible,
            last_made_at=None if made is None else moment(made, UTC),
        )
