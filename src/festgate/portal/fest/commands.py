"""The settings in the data, as commands read them: without an upgrade, and without the portal."""

import asyncio
import sqlite3
from collections.abc import Mapping

from festgate.kit.db import schema
from festgate.kit.db.database import Database
from festgate.kit.errors import Refused, StartupError
from festgate.kit.secret import NAME, load_secret
from festgate.portal.fest.stored import Stored, effective, read_stored
from festgate.settings import Given, Settings


def in_force(given: Given) -> tuple[Settings, Mapping[str, object]]:
    """Return the settings in force, and the values among them that the data has. Raise SettingsError.

    If the data cannot be read, or has another schema, the command itself reports it; its settings are those from
    outside.
    """
    settings = given.settings()
    if not settings.database_url and not settings.sqlite_path.exists():
        return settings, {}
    try:
        if schema.revision(settings) != schema.HEAD:
            return settings, {}
        stored = asyncio.run(_read(settings))
        has_secret = (settings.data_dir / NAME).exists()
        secret = load_secret(settings.data_dir) if stored.texts and has_secret else b""
    except (StartupError, Refused, sqlite3.DatabaseError):
        return settings, {}
    if not stored.texts:
        return settings, {}
    state = effective(given, stored, secret)
    return state.settings, state.values


async def _read(settings: Settings) -> Stored:
    async with Database(settings.url) as database:
        return await database.read(read_stored)
