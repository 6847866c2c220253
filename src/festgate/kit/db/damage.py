"""Corruption of the database: how SQLite and PostgreSQL report it, and what an operator can do."""

import sqlite3
from typing import Final

from festgate.addresses import hide_password

_SQLITE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_POSTGRESQL: Final = frozenset({"XX001", "XX002"})
"""The SQLSTATEs data_corrupted and index_corrupted."""
RESTORE: Final = (
    "Stop the portal, keep the damaged file, and restore the newest intact backup "
    "(docs/how-to/back-up-and-restore.md)"
)


def damage_of(error: BaseException | None) -> str:
    """Return the database's message if the error or one of its causes reports corruption; otherwise an empty text."""
    for _ in range(5):
        if error is None:
            break
        if isinstance(error, sqlite3.DatabaseError):
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
            if code & 0xFF in _SQLITE:
                return str(error)
        if getattr(error, "sqlstate", None) in _POSTGRESQL:
            return str(error).partition("\n")[0]
        error = error.__cause__
    return ""


def damaged(where: str, what: str) -> str:
    """Return the sentences for an operator: which database is damaged, and what to do."""
    return f"The database {hide_password(where)} is damaged ({what}). {RESTORE}."
