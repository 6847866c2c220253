"""The tables of a starter's database, found by using the starter: a person signs up and registers for an event.

No name of a table or a column is assumed, and only the starter's own schema makes columns unique.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from festgate.lab.description.starter import DESCRIPTION, Starter

Statement = tuple[str, Sequence[Sequence[object]]]
"""An SQL statement, and the rows of its parameters."""
PROBE: Final = ("festgate-probe", "festgate-secret")
"""The name and the password of the person that signs up to find the tables."""
_MAX_ROWS: Final = 1_000
_LOCKED_AFTER: Final = 0.3
"""Seconds after which a database that cannot be written counts as locked."""
_NAMES: Final = ("name", "title", "event")
_FEES: Final = ("fee", "price", "cost", "amount")


class UnknownTables(Exception):
    """Tables of the starter that cannot be recognised. The message names them and the remedy."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table, and the columns that the lab writes."""

    name: str
    columns: tuple[str, ...]
    others: Mapping[str, Any]
    """The other columns with the values that the starter gave them."""

    def insert(self, rows: Sequence[Sequence[object]]) -> Statement:
        """Return the statement that inserts rows of `columns`; values beyond the number of columns are ignored."""
        columns = (*self.columns, *self.others)
        places = ", ".join("?" * len(columns))
        names = ", ".join(map(_quoted, columns))
        statement = f"INSERT INTO {_quoted(self.name)} ({names}) VALUES ({places})"  # noqa: S608  (quoted names)
        return statement, [(*row[: len(self.columns)], *self.others.values()) for row in rows]

    def clear(self) -> Statement:
        """Return the statement that deletes all rows."""
        return f"DELETE FROM {_quoted(self.name)}", [()]  # noqa: S608  (a quoted name)


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a starter."""

    schema: tuple[str, ...]
    """The statements that make them."""
    people: Table
    """With the name and the password."""
    events: Table
    """With the number, the name and the fee."""
    registrations: Table
    """With the person's name and the event's number."""
    programme: tuple[tuple[int, str, int], ...]
    """The starter's events: number, name, fee."""
    data: Path | None = None
    """The database with them; None: the app inserts them when it starts."""

    @property
    def new(self) -> tuple[Statement, ...]:
        """Return the statements that make empty tables."""
        return tuple((statement, [()]) for statement in self.schema)

    def raise_fee(self, event: int, rupees: int) -> Statement:
        """Return the statement that raises the fee of an event."""
        number, _, fee = map(_quoted, self.events.columns)
        statement = f"UPDATE {_quoted(self.events.name)} SET {fee} = {fee} + ? WHERE {number} = ?"  # noqa: S608
        return statement, [(rupees, event)]


@dataclass(frozen=True, slots=True)
class Rows:
    """The content of one table."""

    table: str
    key: str
    """The column that is its integer key; empty if there is none."""
    rows: tuple[Mapping[str, Any], ...]


def read_rows(database: Path) -> list[Rows]:
    """Read all tables. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
        connection.row_factory = sqlite3.Row
        names = [
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not row[0].startswith("sqlite_")
        ]
        content = []
        for name in names:
            columns = connection.execute(f"PRAGMA table_info({_quoted(name)})").fetchall()
            keys = [
                column["name"] for column in columns if column["pk"] and column["type"].upper() == "INTEGER"
            ]
            select = f"SELECT * FROM {_quoted(name)} LIMIT {_MAX_ROWS}"  # noqa: S608  (a quoted name)
            rows = tuple(dict(row) for row in connection.execute(select))
            content.append(Rows(name, keys[0] if len(keys) == 1 else "", rows))
        return content


def schema_of(database: Path) -> tuple[str, ...]:
    """Return the statements that made the tables and their indexes. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
        # Tables come first.
        query = (
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
            " ORDER BY type != 'table'"
        )
        return tuple(row[0] for row in connection.execute(query))


def events_in(content: Sequence[Rows], starter: Starter) -> tuple[Table, tuple[tuple[int, str, int], ...]]:
    """Return the table of events and its events. Raises UnknownTables."""
    candidates = [events for rows in content if (events := _as_events(rows)) is not None]
    if not candidates:
        where = f"script `{starter.fill}`" if starter.fill else "code"
        msg = (
            f"After the start of the starter in {starter.folder} its database {starter.database} has no table with"
            f" events, which have a number, a name and a fee. The {where} has to insert them: correct `fill` and"
            f" `database` in {DESCRIPTION} there."
        )
        raise UnknownTables(msg)
    return min(candidates, key=lambda events: ("event" not in events[0].name.lower(), -len(events[1])))


def _as_events(content: Rows) -> tuple[Table, tuple[tuple[int, str, int], ...]] | None:
    if not content.rows:
        return None
    first = content.rows[0]
    number = content.key or next((column for column in first if column.lower() == "id"), "")
    texts = [column for column, value in first.items() if isinstance(value, str) and column != number]
    figures = [
        column for column, value in first.items() if isinstance(value, int | float) and column != number
    ]
    if not number or not texts or not figures:
        return None
    name, fee = _preferred(texts, _NAMES), _preferred(figures, _FEES)
    others = {column: value for column, value in first.items() if column not in {number, name, fee}}
    programme = tuple((row[number], row[name], row[fee]) for row in content.rows)
    return Table(content.table, (number, name, fee), others), programme


def _preferred(columns: Sequence[str], words: Sequence[str]) -> str:
    return next((column for word in words for column in columns if word in column.lower()), columns[0])


def table_with(content: Sequence[Rows], values: Sequence[object], what: str, starter: Starter) -> Table:
    """Return the table with a row that holds all values, each in a column of its own. Raises UnknownTables."""
    for rows in content:
        for row in rows.rows:
            columns = tuple(_columns_of(row, rows.key, values))
            if len(columns) == len(values):
                others = {
                    column: value for column, value in row.items() if column not in {*columns, rows.key}
                }
                return Table(rows.table, columns, others)
    msg = (
        f"The lab cannot see where the starter in {starter.folder} keeps {what}: no table of {starter.database} has a"
        f" row with {' and '.join(map(repr, values))}. Correct the paths and form fields in {DESCRIPTION} there."
    )
    raise UnknownTables(msg)


def _columns_of(row: Mapping[str, Any], key: str, values: Sequence[object]) -> Iterator[str]:
    used = {key}
    for value in values:
        column = next((name for name, other in row.items() if other == value and name not in used), None)
        if column is not None:
            used.add(column)
            yield column


def is_locked(database: Path) -> bool:
    """Return whether a connection has locked the database, so that it cannot be written."""
    if not database.is_file():
        return False
    try:
        with closing(
            sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True, timeout=_LOCKED_AFTER)
        ) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            connection.rollback()
    except sqlite3.OperationalError as error:
        return "locked" in str(error)
    except sqlite3.Error:
        return False
    return False


def change(database: Path, statements: Sequence[Statement]) -> None:
    """Execute all statements, or none. Raises sqlite3.Error; OSError if the path is not a regular file."""
    if database.exists() and (database.is_symlink() or not database.is_file()):
        msg = f"{database.name} is not a regular file"
        raise OSError(msg)
    database.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(database, timeout=5)) as connection, connection:
        for statement, rows in statements:
            if any(rows):
                connection.executemany(statement, rows)
            else:
                connection.execute(statement)


def copy_database(database: Path, target: Path) -> None:
    """Copy a database that may be in use. Raises sqlite3.Error."""
    with (
        closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=5)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
