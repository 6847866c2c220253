"""Notes: a text under a name, for instance that the demo created the database, or what a call of the API created."""

from sqlalchemy import Column, Table, Text, bindparam, select, update

from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting, metadata

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
