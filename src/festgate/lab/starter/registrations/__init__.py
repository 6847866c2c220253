"""The registrations of users for events."""

import sqlite3

from database import connect


def add_registration(username: str, event_id: int) -> None:
    """Register a user for an event."""
    with connect() as connection:
        connection.execute("INSERT INTO registrations VALUES (?, ?)", (username, event_id))


def events_of(username: str) -> list[sqlite3.Row]:
    """Return the events that a user has registered for."""
    with connect() as connection:
        return connection.execute(
            "SELECT events.id, events.name, events.fee FROM registrations"
            " JOIN events ON events.id = registrations.event_id WHERE registrations.username = ?",
            (username,),
        ).fetchall()
