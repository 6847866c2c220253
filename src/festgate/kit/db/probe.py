"""A probe for `/readyz` that the database can be written: one small committed write, at most once a second."""

import asyncio
import time
from typing import Final

from festgate.kit.db.database import Database
from festgate.kit.db.notes import set_note
from festgate.kit.db.statements import Connection

NOTE: Final = "last written"
FRESH: Final = 1.0
"""Seconds for which a result is shared, so that frequent requests cause no more writes."""


class WriteProbe:
    """Tries a write and caches the result for a moment."""

    def __init__(self, database: Database) -> None:
        """Take the database; write nothing yet."""
        self._database = database
        self._trial: asyncio.Task[bool] | None = None
        self._began = 0.0

    async def works(self) -> bool:
        """Return whether a write has just been committed. Concurrent callers share one write."""
        stale = self._trial is None or (self._trial.done() and time.monotonic() - self._began > FRESH)
        if self._trial is None or stale:
            self._began = time.monotonic()
            self._trial = asyncio.create_task(self._try())
        return await asyncio.shield(self._trial)

    async def _try(self) -> bool:
        try:
            await self._database.write(note_written)
        except Exception:  # noqa: BLE001  (any failure means that nothing can be written)
            return False
        return True


def note_written(connection: Connection) -> None:
    """Store the time of this write."""
    set_note(connection, NOTE, str(connection.now))
