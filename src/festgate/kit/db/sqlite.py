"""The engine for SQLite: WAL, synchronous=FULL, foreign keys, one write and one read connection a process."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from festgate.kit.clock import Clock
from festgate.kit.db.statements import Connection, QueryConnection, UniqueViolation
from festgate.kit.errors import StartupError, Unavailable
from festgate.kit.resilience import faults

T = TypeVar("T")

BUSY_TIMEOUT = 10.0
"""Seconds to wait for the write of another process."""
READ_TIMEOUT = 0.25
"""Seconds that a read may block the event loop, for instance while another process recovers the file."""
MAX_PAGES = 4_294_967_294
"""SQLite's own limit."""
FILE_ERRORS = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_NOMEM,
    }
)
"""Errors of the file or the machine, not of a statement."""


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Open a connection with the portal's pragmas and without automatic transactions."""
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False, cached_statements=512
    )
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: a committed payment survives a power cut. Group commit shares the fsync.
    connection.execute("PRAGMA synchronous = FULL")
    # On macOS an fsync alone may leave the data in the drive's cache. Other systems ignore this setting.
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute("PRAGMA checkpoint_fullfsync = ON")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -8000")
    if read_only:
        connection.execute("PRAGMA query_only = ON")
    return connection


class SqliteDriver:
    """A connection that raises the kit's own errors."""

    dialect = "sqlite"

    def __init__(self, path: Path, *, read_only: bool) -> None:
        """Open the file."""
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
    """The write connection, opened by `SqliteEngine.open`.

    Between transactions it also serves reads, because its pages stay in memory, while every commit invalidates the
    caches of all other connections. A query by key then takes 6 us instead of 10 to 20.
    """

    dialect = "sqlite"
    inline = True
    """Operations are quick enough to run on the event loop."""

    def __init__(self, on_begin: Callable[[], None]) -> None:
        """Call `on_begin` on the event loop for each transaction that begins without waiting. Do not connect yet."""
        self.on_begin = on_begin
        self._driver: SqliteDriver | None = None
        self._writing = False
        """Whether a transaction is in progress: from before BEGIN until after COMMIT, which runs on a thread."""
        self._filled = False
        """Whether a drill prevents the file from growing."""
        self._begun: int | None = None
        """The `data_version` at the start of this transaction, if it began without waiting."""

    def connect(self, path: Path) -> None:
        """Open the write connection, with no timeout at first because it must not block the event loop."""
        self._driver = SqliteDriver(path, read_only=False)
        self._driver.connection.execute("PRAGMA busy_timeout = 0")

    def close(self) -> None:
        """Close the connection. SQLite checkpoints the WAL when the last connection closes."""
        if self._driver is not None:
            self._driver.connection.close()
            self._driver = None

    @property
    def idle(self) -> SqliteDriver | None:
        """The connection while no transaction is in progress, so that it reads committed data; None otherwise."""
        return None if self._writing else self._driver

    @property
    def begun(self) -> int | None:
        """The `data_version` at the start of the transaction in progress; None if there is none or it had to wait.

        No other process can commit until the transaction ends.
        """
        return self._begun if self._writing else None

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._driver is None:
            msg = "the database is not open"
            raise RuntimeError(msg)
        return self._driver.connection

    def execute(self, sql: str, values: Mapping[str, Any]) -> sqlite3.Cursor:
        """Run one statement of an operation."""
        assert self._driver is not None  # noqa: S101  (an operation runs between begin and commit)
        try:
            return self._driver.execute(sql, values)
        except sqlite3.DatabaseError as error:
            _blame_file(error)
            raise

    def begin_now(self) -> bool:
        """Begin a transaction if the write lock is free."""
        self._writing = True
        try:
            if faults.armed or self._filled:
                self._apply_fault()
            self._connection.execute("BEGIN IMMEDIATE")
        except BaseException as error:
            self._begun = None
            if isinstance(error, sqlite3.OperationalError) and _is_busy(error):
                return False  # the writer calls `begin` next
            self._writing = False
            raise
        try:
            self._begun = _data_version(self._connection)
            self.on_begin()
        except sqlite3.Error:  # the operations can do without it
            self._begun = None
        return True

    def _apply_fault(self) -> None:
        """Apply a drill's fault: the file cannot grow, by SQLite's own limit, or cannot be written at all."""
        fault = faults.due("database.write", "full", "raise")
        full = fault is not None and fault.effect == "full"
        if full != self._filled:
            self._connection.execute(f"PRAGMA max_page_count = {1 if full else MAX_PAGES}")
            self._filled = full
        if fault is not None and not full:
            raise _disk_error()

    def begin(self) -> None:
        """Begin a transaction; wait for the write of another process to end."""
        connection = self._connection
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT * 1000)}")
        try:
            connection.execute("BEGIN IMMEDIATE")
        finally:
            connection.execute("PRAGMA busy_timeout = 0")
            self._writing = connection.in_transaction

    def savepoint(self) -> None:
        """Open the operation's savepoint."""
        self._connection.execute("SAVEPOINT operation")

    def release(self) -> None:
        """Keep the operation."""
        self._connection.execute("RELEASE operation")

    def undo(self) -> bool:
        """Undo the operation; return False if SQLite has ended the transaction, after a full disk or an I/O error."""
        if not self._connection.in_transaction:
            return False
        self._connection.execute("ROLLBACK TO operation")
        self._connection.execute("RELEASE operation")
        return True

    def commit(self) -> None:
        """Write the WAL and fsync it."""
        self._connection.execute("COMMIT")
        self._writing = False

    def rollback(self) -> None:
        """Roll back the transaction."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._writing = False


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _data_version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA data_version").fetchone()[0]
    return version


class SqliteEngine:
    """Reads, writes and reports on one file: a write connection, a read connection, and one for each report."""

    sees_every_commit = True
    """`version` changes at once with every commit of any process."""

    def __init__(self, path: Path) -> None:
        """Take the path; open nothing yet."""
        self._path = path
        self._reader: SqliteDriver | None = None
        self._seen_at_begin = 0
        self.writer = SqliteWriter(self._note_begin)

    def open(self) -> None:
        """Open the file that the migrations created."""
        try:
            self.writer.connect(self._path)
            self._reader = SqliteDriver(self._path, read_only=True)
            self._reader.connection.execute(f"PRAGMA busy_timeout = {int(READ_TIMEOUT * 1000)}")
        except sqlite3.Error as error:
            msg = f"The database {self._path} cannot be opened ({error}). Check that the folder is writable."
            raise StartupError(msg) from error

    def close(self) -> None:
        """Close the reader, then the writer."""
        if self._reader is not None:
            self._reader.connection.close()
            self._reader = None
        self.writer.close()

    def version(self) -> object:
        """Return SQLite's count of the commits of other connections that the reader has seen."""
        return _data_version(self._read_driver.connection)

    def version_of_others(self) -> object | None:
        """Return the count of the write connection, which excludes its own commits; None if it is unknown now."""
        idle = self.writer.idle
        if idle is not None:
            return _data_version(idle.connection)
        # The connection is busy. As long as the reader sees no commit, not even our own, there was none since BEGIN.
        begun = self.writer.begun
        unchanged = begun is not None and self.version() == self._seen_at_begin
        return begun if unchanged else None

    def _note_begin(self) -> None:
        self._seen_at_begin = _data_version(self._read_driver.connection)

    async def read(self, clock: Clock, query: Callable[[Connection], T]) -> T:
        """Run a short query on the event loop: passing it to a thread would take longer than the query."""
        try:
            if faults.armed and faults.due("database.read", "raise"):
                raise _disk_error()
            idle = self.writer.idle
            if idle is not None:
                try:
                    return query(QueryConnection(idle, clock()))
                except sqlite3.OperationalError as error:
                    # The write connection never waits. While another process recovers the file after a crash, for
                    # example, the read connection waits a moment.
                    if not _is_busy(error):
                        raise
            return query(QueryConnection(self._read_driver, clock()))
        except sqlite3.DatabaseError as error:
            _blame_file(error)
            raise

    def report(self, clock: Clock, query: Callable[[Connection], T]) -> T:
        """Run a long query over one snapshot, on a separate connection."""
        try:
            driver = SqliteDriver(self._path, read_only=True)
            with closing(driver.connection):
                driver.connection.execute("BEGIN")
                return query(QueryConnection(driver, clock()))
        except sqlite3.DatabaseError as error:
            _blame_file(error)
            raise

    def find_damage(self) -> str:
        """Return the first damage that SQLite finds in the file; empty if there is none."""
        with closing(connect(self._path, read_only=True)) as connection:
            result = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        return "" if result == "ok" else result

    @property
    def _read_driver(self) -> SqliteDriver:
        if self._reader is None:
            msg = "the database is not open"
            raise RuntimeError(msg)
        return self._reader


def _blame_file(error: sqlite3.DatabaseError) -> None:
    """Raise Unavailable if the error concerns the file, not the statement."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code & 0xFF in FILE_ERRORS:
        raise Unavailable from error


def _disk_error() -> sqlite3.OperationalError:
    """Return the error that SQLite raises for a disk failure."""
    error = sqlite3.OperationalError("disk I/O error (injected by a drill)")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    error.sqlite_errorname = "SQLITE_IOERR"
    return error
