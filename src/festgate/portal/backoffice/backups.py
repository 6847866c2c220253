"""Backups that are made in the office: a copy of the SQLite file in the data folder."""

import asyncio

import structlog

from festgate.kit.clock import MINUTE, Milliseconds
from festgate.kit.db import schema
from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Conflict, NotFound, StartupError
from festgate.kit.translation import N_
from festgate.kit.visitors import Actor
from festgate.portal.audit import facade as audit
from festgate.portal.backoffice.attention import last_backup
from festgate.settings import Settings

log = structlog.get_logger()


class BackupFailed(Conflict):
    """A backup that could not be made."""

    status = 503
    code = "backup-failed"
    title = N_("The backup failed")
    message = N_("The backup could not be made. The log of the portal has the reason.")


class Backups:
    """The backups of a fest, for its pages and the API together."""

    def __init__(self, database: Database, settings: Settings) -> None:
        """Take the database, and the settings with its place."""
        self._database = database
        self._settings = settings
        self._copying: asyncio.Task[bool] | None = None

    @property
    def are_possible(self) -> bool:
        """Return whether backups are made here: those of PostgreSQL are made with its own tools."""
        return not self._settings.database_url

    async def last(self) -> Milliseconds | None:
        """Return when the newest backup was made; None without one."""
        return await asyncio.to_thread(last_backup, self._settings.data_dir) if self.are_possible else None

    async def make(self, actor: Actor) -> None:
        """Make a backup; a second one within a minute is the same. Raises NotFound where none are made here.

        Raises BackupFailed. A copy that takes longer than its request is completed, and recorded, all the same.
        """
        if not self.are_possible:
            raise NotFound
        made = await self.last()
        if made is not None and self._database.clock() - made <= MINUTE:
            return
        if self._copying is None or self._copying.done():
            self._copying = asyncio.create_task(self._copy(actor))
        if not await asyncio.shield(self._copying):
            raise BackupFailed

    async def _copy(self, actor: Actor) -> bool:
        try:
            await asyncio.to_thread(schema.backup, self._settings)
        except StartupError as error:
            log.error("a backup could not be made", reason=str(error))  # noqa: TRY400  (the reason is the whole story)
            return False
        await self._database.write(_note_backup, actor)
        return True


def _note_backup(connection: Connection, actor: Actor) -> None:
    audit.record(connection, actor, "backup.made", "festgate.sqlite3")
