"""People: a name and a password."""

import sqlite3

from database import connect


def add_user(username: str, password: str) -> bool:
    """Keep a new person; False where the name is taken."""
    try:
        with connect() as connection:
            connection.execute("INSERT INTO users VALUES (?, ?)", (username, password))
    except sqlite3.IntegrityError:
        return False
    return True


def is_user(username: str, password: str) -> bool:
    """Whether there is a person of that name with that password."""
    with connect() as connection:
        found = connection.execute(
            "SELECT 1 FROM users WHERE username = ? AND password = ?", (username, password)
        ).fetchone()
    return found is not None
