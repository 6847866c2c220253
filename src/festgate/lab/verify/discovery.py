"""Find a starter's tables and data by using it once: a person signs up and registers for an event."""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from festgate.lab.description.starter import DESCRIPTION
from festgate.lab.verify.behaviour import Program
from festgate.lab.verify.inputs import Requests
from festgate.lab.verify.requests import send_request
from festgate.lab.verify.tables import (
    PROBE,
    Rows,
    Table,
    Tables,
    UnknownTables,
    copy_database,
    events_in,
    read_rows,
    schema_of,
    table_with,
)


def find_tables(program: Program, target: Path) -> Tables:
    """Return the starter's tables; its data is kept in the file `target` if its app does not insert it.

    Raises AppFailed, UnknownTables.
    """
    shipped = program.starter.folder / program.starter.database
    try:
        return _find(program, target)
    except UnknownTables:
        if program.fill or not shipped.is_file():
            raise
        return _find(replace(program, data=shipped), target)


def _find(program: Program, target: Path) -> Tables:
    starter, requests = program.starter, Requests(program.starter)
    with program.served() as (app, database):
        try:
            events, programme = events_in(read_rows(database), starter)
            schema = schema_of(database)
            if program.fill or program.data is not None:
                copy_database(database, target)
            for step in requests.send("register", *PROBE):
                send_request(app, step)
            people = _people(read_rows(database), program)
            number = programme[-1][0]
            for step in requests.register(number, PROBE[0]):
                send_request(app, step)
            registrations = table_with(
                [rows for rows in read_rows(database) if rows.table != people.name],
                (PROBE[0], number),
                "its registrations",
                starter,
            )
        except (sqlite3.Error, OSError) as error:
            msg = (
                f"The database {starter.database} of the starter in {starter.folder} cannot be read ({error}). Correct"
                f" `database` in {DESCRIPTION} there."
            )
            raise UnknownTables(msg) from None
    return Tables(schema, people, events, registrations, programme, target if target.is_file() else None)


def _people(content: Sequence[Rows], program: Program) -> Table:
    with suppress(UnknownTables):
        return table_with(content, PROBE, "its users", program.starter)
    # A starter may store something else than the password itself, such as a hash.
    return table_with(content, PROBE[:1], "its users", program.starter)
