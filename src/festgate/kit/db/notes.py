"""Notes: a text under a name, for instance that the demo created the database, or what a call of the API created."""

from typing import Final

from sqlalchemy import Column, Table, Text, bindparam, delete, select, update

from festgate.kit.clock import DAY, Milliseconds
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting, metadata

CALL: Final = "call "
"""The beginning of the names of notes about calls; their text begins with the time of the call."""
CALLS_KEPT_FOR: Final = 30 * DAY
"""Far longer than any program repeats a call."""

notes = Table(
    "kit_notes",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

_insert = inserting(notes)
_replace = Statement(
    update(notes).where(notes.c.name == bindparam("of_name")).values(value=bindparam("new_value"))
)
_forget = Statement(delete(notes).where(notes.c.name.startswith(CALL), notes.c.value < bindparam("before")))
_find = Statement(select(notes.c.value).where(notes.c.name == bindparam("of_name")))


def find_note(connection: Connection, name: str) -> str | None:
    """Return the text of the note; None if there is none."""
    value: str | None = connection.value(_find, of_name=name)
    return value


def set_note(connection: Connection, name: str, value: str) -> None:
    """Store the text under that name; it replaces an earlier one."""
    if connection.run(_replace, of_name=name, new_value=value):
        return
    add_note(connection, name, value)


def add_note(connection: Connection, name: str, value: str) -> None:
    """Store the text under a name that no note has."""
    try:
        connection.run(_insert, name=name, value=value)
    except UniqueViolation:
        raise TryAgain from None  # another process has just stored it


def forget_calls(connection: Connection) -> int:
    """Delete the notes about calls that are older than 30 days; return how many. The same key creates again then."""
    return connection.run(_forget, before=written_time(connection.now - CALLS_KEPT_FOR))


def written_time(at: Milliseconds) -> str:
    """Return a time with as many digits as each other, so that they are compared as texts."""
    return f"{at:015}"
