"""Copies of a template database that are restored after each test and used again.

A new copy makes PostgreSQL create and remove five hundred files; restoring one removes a few rows. A copy that cannot
be restored (another schema, a file that has grown) is not used again.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from tests.rig.postgres import Cluster

MAX_GROWN = 4 * 1024 * 1024
"""Bytes; a database that grew by more is slower to restore than to create."""
END_TIMEOUT = 10_000
"""Milliseconds for the connections of a finished test to end."""
_SCHEMA = """
SELECT md5(string_agg(concat_ws(' ', c.oid, c.relname, c.relkind, c.relnatts, c.relchecks, c.relhastriggers, i.columns),
                      ',' ORDER BY c.oid))
FROM pg_class AS c
LEFT JOIN (SELECT attrelid, string_agg(concat_ws(' ', attname, atttypid, attnotnull, atthasdef), ',' ORDER BY attnum)
                  AS columns
           FROM pg_attribute WHERE attnum > 0 GROUP BY attrelid) AS i ON i.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace
"""
_DISCONNECT = """
SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity WHERE datname = current_database() AND pid <> %s
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

    @contextmanager
    def lent(self) -> Iterator[str]:
        """Provide a copy of the template for the block; return its name."""
        name = self._idle.pop() if self._idle else self._create()
        yield name
        if self._restore(name):
            self._idle.append(name)
        else:
            self.cluster.drop(name)

    def _create(self) -> str:
        name = self.cluster.create(self.template)
        with psycopg.connect(self.cluster.url(name)) as connection:
            self._originals[name] = _state(connection)
        return name

    def _restore(self, name: str) -> bool:
        """Restore the copy; return whether it is in its original state."""
        original = self._originals[name]
        with psycopg.connect(self.cluster.url(name)) as connection:
            connection.execute(_DISCONNECT, (END_TIMEOUT, connection.info.backend_pid))
            now = _state(connection, original.rows)
            if now.schema != original.schema or now.size > original.size + MAX_GROWN:
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


def _state(
    connection: psycopg.Connection[tuple[object, ...]],
    original: Mapping[str, tuple[tuple[object, ...], ...]] | None = None,
) -> State:
    """Read the state; of each table, one row more than in `original`, which is enough to detect a difference.

    One query asks all tables that had no row in `original`, which are nearly all.
    """
    (schema,), (size,) = (connection.execute(query).fetchone() or ("",) for query in (_SCHEMA, _SIZE))
    tables = [str(name) for (name,) in connection.execute(_TABLES).fetchall()]
    empty = _without_rows(connection, [table for table in tables if original and original.get(table) == ()])
    return State(
        schema=str(schema),
        size=int(str(size)),
        rows={
            table: ()
            if table in empty
            else tuple(
                connection.execute(
                    sql.SQL("SELECT * FROM {} LIMIT {}").format(
                        sql.Identifier(table), None if original is None else len(original.get(table, ())) + 1
                    )
                ).fetchall()
            )
            for table in tables
        },
        sequences={
            str(name): None if last is None else int(str(last))
            for name, last in connection.execute(_SEQUENCES).fetchall()
        },
    )


def _without_rows(connection: psycopg.Connection[tuple[object, ...]], tables: list[str]) -> set[str]:
    """Return those of the tables that have no row."""
    questions = [sql.SQL("EXISTS (SELECT FROM {})").format(sql.Identifier(table)) for table in tables]
    filled = connection.execute(sql.SQL("SELECT {}").format(sql.SQL(", ").join(questions))).fetchone()
    return {table for table, has_rows in zip(tables, filled or (), strict=True) if not has_rows}


def _replace(
    connection: psycopg.Connection[tuple[object, ...]], table: str, rows: tuple[tuple[object, ...], ...]
) -> None:
    name = sql.Identifier(table)
    connection.execute(sql.SQL("DELETE FROM {}").format(name))
    for row in rows:
        places = sql.SQL(", ").join([sql.Placeholder()] * len(row))
        connection.execute(sql.SQL("INSERT INTO {} VALUES ({})").format(name, places), row)
