"""The events and their fees."""

import sqlite3

from database import connect


def all_events() -> list[sqlite3.Row]:
    """Return all events: id, name, fee in rupees."""
    with connect() as connection:
        return connection.execute("SELECT id, name, fee FROM events ORDER BY id").fetchall()
