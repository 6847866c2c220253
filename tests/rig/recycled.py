"""Copies of a template database that are restored after each test and used again.

A new copy makes PostgreSQL create and remove five hundred files; restoring one removes a few rows. A copy that cannot
be restored (another schema, a file that has grown) is not used again.

One connection to each copy stays open: a new one would first read the descriptions of all tables, which takes longer
than to restore them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import LiteralString, TypeAlias

import psycopg
from psycopg import sql

from tests.rig.postgres import Cluster

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]
MAX_GROWN = 4 * 1024 * 1024
"""Bytes; a database that grew by more is slower to restore than to create."""
END_TIMEOUT = 10_000
"""Milliseconds for the connections of a finished test to end."""
_SCHEMA = """
SELECT md5(string_agg(concat_ws(' ', oid, relname, relkind, relnatts, relchecks, relhastriggers,
                                (SELECT string_agg(concat_ws(' ', attname, atttypid, attnotnull, atthasdef), ','
                                                   ORDER BY attnum)
                                 FROM pg_attribute WHERE attrelid = pg_class.oid AND attnum > 0)),
                      ',' ORDER BY oid))
FROM pg_class
WHERE relnamespace = 'public'::regnamespace
"""
_DISCONNECT = """
SELECT pg_terminate_backend(pid, %s)
FROM pg_stat_get_activity(NULL)
WHERE datid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()
"""
_TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname"
_SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"
_SIZE = "SELECT pg_database_size(current_database())"


@dataclass(frozen=True)
class State:
    """The state of a database: a hash of its schema, its size in bytes, its rows by table, its sequences."""

    schema: str
    size: int
    rows: Mapping[str, tuple[tuple[object, ...], ...]]
    sequences: Mapping[str, int | None]


@dataclass
class Recycled:
    """Copies of a template, each used by one test at a time."""

    cluster: Cluster
    template: str
    _idle: list[str] = field(default_factory=list)
    _originals: dict[str, State] = field(default_factory=dict)
    """The original state of each copy."""
    _connections: dict[str, Connection] = field(default_factory=dict)
    """The open connection to each copy."""

    @contextmanager
    def lent(self) -> Iterator[str]:
        """Provide a copy of the template for the block; return its name."""
        name = self._idle.pop() if self._idle else self._create()
        yield name
        with self._connections[name].transaction():
            is_restored = self._restore(name)
        if is_restored:
            self._idle.append(name)
        else:
            self._connections.pop(name).close()
            self.cluster.drop(name)

    def close(self) -> None:
        """Close the connections to the copies."""
        for connection in self._connections.values():
            connection.close()

    def _create(self) -> str:
        name = self.cluster.create(self.template)
        self._connections[name] = connection = psycopg.connect(self.cluster.url(name), autocommit=True)
        self._originals[name] = _state(connection)
        return name

    def _restore(self, name: str) -> bool:
        """Restore the copy; return whether it is in its original state."""
        original, connection = self._originals[name], self._connections[name]
        connection.execute(_DISCONNECT, (END_TIMEOUT,))
        if _one(connection, _SCHEMA) != original.schema:
            return False
        now = _state(connection, original)
        if now.size > original.size + MAX_GROWN:
            return False
        # Without foreign keys and triggers, so that every new row can be deleted.
        connection.execute("SET LOCAL session_replication_role = replica")
        for table, rows in now.rows.items():
            if rows != original.rows[table]:
                _replace(connection, table, original.rows[table])
        for sequence, last in now.sequences.items():
            if last != original.sequences[sequence]:
                connection.execute(
                    "SELECT setval(%s, %s, %s)",
                    (
                        f'public."{sequence}"',
                        original.sequences[sequence] or 1,
                        original.sequences[sequence] is not None,
                    ),
                )
        return True


def _one(connection: Connection, query: LiteralString) -> object:
    """Return the only value of the answer."""
    (value,) = connection.execute(query).fetchone() or ("",)
    return value


def _state(connection: Connection, original: State | None = None) -> State:
    """Read the state; of the tables of `original`, one row more than there was, which is enough to detect a difference.

    One query asks all tables that had no row, which are nearly all.
    """
    limits: dict[str, int | None]
    empty: set[str] = set()
    if original is None:
        limits = {str(name): None for (name,) in connection.execute(_TABLES).fetchall()}
    else:
        limits = {table: len(rows) + 1 for table, rows in original.rows.items()}
        empty = _without_rows(connection, [table for table, rows in original.rows.items() if not rows])
    return State(
        schema=str(_one(connection, _SCHEMA)) if original is None else original.schema,
        size=int(str(_one(connection, _SIZE))),
        rows={
            table: ()
            if table in empty
            else tuple(
                connection.execute(
                    sql.SQL("SELECT * FROM {} LIMIT {}").format(sql.Identifier(table), limit)
                ).fetchall()
            )
            for table, limit in limits.items()
        },
        sequences={
            str(name): None if last is None else int(str(last))
            for name, last in connection.execute(_SEQUENCES).fetchall()
        },
    )


def _without_rows(connection: Connection, tables: list[str]) -> set[str]:
    """Return those of the tables that have no row."""
    questions = [sql.SQL("EXISTS (SELECT FROM {})").format(sql.Identifier(table)) for table in tables]
    filled = connection.execute(sql.SQL("SELECT {}").format(sql.SQL(", ").join(questions))).fetchone()
    return {table for table, has_rows in zip(tables, filled or (), strict=True) if not has_rows}


def _replace(connection: Connection, table: str, rows: tuple[tuple[object, ...], ...]) -> None:
    name = sql.Identifier(table)
    connection.execute(sql.SQL("DELETE FROM {}").format(name))
    for row in rows:
        places = sql.SQL(", ").join([sql.Placeholder()] * len(row))
        connection.execute(sql.SQL("INSERT INTO {} VALUES ({})").format(name, places), row)
