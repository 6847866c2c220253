"""User accounts: a name and a password."""

import sqlite3

from database import connect


def add_user(username: str, password: str) -> bool:
    """Add a user; return False where the name is taken."""
    try:
        with connect() as connection:
            connection.execute("INSERT INTO users VALUES (?, ?)", (username, password))
    except sqlite3.IntegrityError:
        return False
    return True


def is_user(username: str, password: str) -> bool:
    """Return whether a user has that name and that password."""
    with connect() as connection:
        found = connection.execute(
            "SELECT 1 FROM users WHERE username = ? AND password = ?", (username, password)
        ).fetchone()
    return found is not None
