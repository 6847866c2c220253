"""SQLite as the portal uses it: WAL, synchronous=FULL, foreign keys, one writer and one reader a process."""

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from festgate.kit.clock import Clock
from festgate.kit.errors import StartupError
from festgate.kit.statements import Connection, UniqueViolation

T = TypeVar("T")

BUSY_TIMEOUT = 10.0
"""Seconds to wait for another process's write."""


def connect(path: Path, *, read_only: bool = False, timeout: float = BUSY_TIMEOUT) -> sqlite3.Connection:
    """A connection with the portal's pragmas; transactions are bracketed by hand."""
    connection = sqlite3.connect(
        path, timeout=timeout, isolation_level=None, check_same_thread=False, cached_statements=512
    )
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: an answer that says "paid" outlives a power cut. With group commit the fsync is shared.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -8000")
    if read_only:
        connection.execute("PRAGMA query_only = ON")
    return connection


class SqliteDriver:
    """One connection, whose errors come as the kit's."""

    dialect = "sqlite"

    def __init__(self, path: Path, *, read_only: bool) -> None:
        """Opens the file."""
        self.connection = connect(path, read_only=read_only)

    def execute(self, sql: str, values: Mapping[str, Any]) -> sqlite3.Cursor:
        """Run one statement."""
        try:
            return self.connection.execute(sql, values)
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode in (
                sqlite3.SQLITE_CONSTRAINT_UNIQUE,
                sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
            ):
                raise UniqueViolation(str(error)) from error
            raise


class SqliteWriter:
    """The write connection, opened by `SqliteEngine.open`."""

    dialect = "sqlite"
    inline = True

    def __init__(self) -> None:
        """Not connected yet."""
        self._driver: SqliteDriver | None = None

    def connect(self, path: Path) -> None:
        """Open the write connection; it never waits on the loop, so its timeout starts at nothing."""
        self._driver = SqliteDriver(path, read_only=False)
        self._driver.connection.execute("PRAGMA busy_timeout = 0")

    def close(self) -> None:
        """Let go; the last connection to close folds the WAL into the file."""
        if self._driver is not None:
            self._driver.connection.close()
            self._driver = None

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._driver is None:
            msg = "the database is not open"
            raise RuntimeError(msg)
        return self._driver.connection

    def execute(self, sql: str, values: Mapping[str, Any]) -> sqlite3.Cursor:
        """Run one statement of a deed."""
        assert self._driver is not None  # noqa: S101  (a deed runs between begin and commit)
        return self._driver.execute(sql, values)

    def begin_now(self) -> bool:
        """Take the write lock if it is free."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                return False
            raise
        return True

    def begin(self) -> None:
        """Take the write lock, waiting for another process's write to end."""
        connection = self._connection
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT * 1000)}")
        try:
            connection.execute("BEGIN IMMEDIATE")
        finally:
            connection.execute("PRAGMA busy_timeout = 0")

    def savepoint(self) -> None:
        """Open the deed's savepoint."""
        self._connection.execute("SAVEPOINT deed")

    def release(self) -> None:
        """Keep the deed."""
        self._connection.execute("RELEASE deed")

    def undo(self) -> bool:
        """Undo the deed. A full disk or an I/O error makes SQLite end the transaction by itself."""
        if not self._connection.in_transaction:
            return False
        self._connection.execute("ROLLBACK TO deed")
        self._connection.execute("RELEASE deed")
        return True

    def commit(self) -> None:
        """Write the WAL and fsync it."""
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Undo everything since `begin`."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


class SqliteEngine:
    """One file: a write connection, a read connection on the loop, and one for each report."""

    sees_every_commit = True

    def __init__(self, path: Path) -> None:
        """Opens nothing yet."""
        self._path = path
        self._reader: SqliteDriver | None = None
        self.writer = SqliteWriter()

    def open(self) -> None:
        """Open the file that the migrations made."""
        try:
            self.writer.connect(self._path)
            self._reader = SqliteDriver(self._path, read_only=True)
        except sqlite3.Error as error:
            msg = (
                f"The database {self._path} cannot be opened ({error}). Check that the folder can be written."
            )
            raise StartupError(msg) from error

    def close(self) -> None:
        """Close the reader, then the writer."""
        if self._reader is not None:
            self._reader.connection.close()
            self._reader = None
        self.writer.close()

    def version(self) -> object:
        """SQLite counts the commits that others made since this connection last looked."""
        return self._read_driver.connection.execute("PRAGMA data_version").fetchone()[0]

    async def read(self, clock: Clock, query: Callable[[Connection], T]) -> T:
        """At once, on the loop: a prepared query takes less time than handing it to a thread."""
        return query(Connection(self._read_driver, clock()))

    def report(self, clock: Clock, query: Callable[[Connection], T]) -> T:
        """On a connection of its own, over one snapshot."""
        driver = SqliteDriver(self._path, read_only=True)
        try:
            driver.connection.execute("BEGIN")
            return query(Connection(driver, clock()))
        finally:
            driver.connection.close()

    @property
    def _read_driver(self) -> SqliteDriver:
        if self._reader is None:
            msg = "the database is not open"
            raise RuntimeError(msg)
        return self._reader
