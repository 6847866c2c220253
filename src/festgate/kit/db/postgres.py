"""The engine for PostgreSQL: a write connection and a bounded pool of readers. It needs the extra `postgres`."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from festgate.addresses import hide_in
from festgate.kit.clock import Clock
from festgate.kit.db.statements import Connection, QueryConnection, TryAgain, UniqueViolation
from festgate.kit.errors import Malformed, StartupError, Unavailable
from festgate.kit.translation import gettext

if TYPE_CHECKING:
    import psycopg
    from psycopg_pool import ConnectionPool

T = TypeVar("T")

READERS = 8
"""Connections for short reads; further reads wait."""
CONNECT_TIMEOUT = 5
"""Seconds."""
LOCK_TIMEOUT = "5s"


@contextmanager
def reached(url: str) -> Iterator[None]:
    """Raise StartupError if the server cannot be reached in the block, or if the extra is missing."""
    try:
        import psycopg  # noqa: PLC0415
        from psycopg_pool import PoolTimeout  # noqa: PLC0415
    except ImportError as error:
        msg = 'PostgreSQL needs the extra: pip install "festgate[postgres]"'
        raise StartupError(msg) from error
    try:
        yield
    except (psycopg.Error, PoolTimeout) as error:
        # `from None`, because libpq quotes an address that it cannot parse, with the password.
        reason = hide_in(" ".join(str(error).split()), url)  # the message has several lines
        msg = f"PostgreSQL cannot be reached ({reason}). Check FESTGATE_DATABASE_URL and the server."
        raise StartupError(msg) from None


class PostgresDriver:
    """A connection that raises the kit's own errors."""

    dialect = "postgresql"

    def __init__(self, connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
        """Wrap an open connection."""
        from psycopg import errors  # noqa: PLC0415  (an extra: SQLite users do not have it)

        self.connection = connection
        self._unique = errors.UniqueViolation
        # A deadlock or a lock timeout has changed nothing, so the operation can be run again.
        self._again = (errors.DeadlockDetected, errors.SerializationFailure, errors.LockNotAvailable)
        self._gone = (errors.OperationalError, errors.InterfaceError)
        self._unusable = errors.DataError

    def execute(self, sql: str, values: Mapping[str, Any]) -> "psycopg.Cursor[tuple[Any, ...]]":
        """Run one statement; psycopg prepares it on the server after a few calls."""
        try:
            return self.connection.execute(sql, values)  # type: ignore[call-overload, no-any-return, unused-ignore]
        except self._unique as error:
            raise UniqueViolation(str(error)) from error
        except self._again as error:
            raise TryAgain from error
        except self._gone as error:
            raise Unavailable from error
        except self._unusable as error:
            if "NUL" not in str(error):
                raise
            # Only SQLite can compare with such a text. No field has it once it is tidied, but a name to look up may.
            raise Malformed(gettext("A text contains an invalid character.")) from error


class PostgresWriter:
    """The write connection. If it is lost, the next transaction opens a new one."""

    dialect = "postgresql"
    inline = False
    """Operations wait for a socket, so they run on the writer's thread."""

    def __init__(self, url: str) -> None:
        """Take the address; do not connect yet."""
        self._url = url
        self._driver: PostgresDriver | None = None

    def connect(self) -> None:
        """Open the write connection."""
        import psycopg  # noqa: PLC0415

        connection = psycopg.connect(self._url, autocommit=True, connect_timeout=CONNECT_TIMEOUT)
        connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        self._driver = PostgresDriver(connection)

    def close(self) -> None:
        """Close the connection."""
        if self._driver is not None:
            self._driver.connection.close()
            self._driver = None

    @property
    def _open(self) -> PostgresDriver:
        if self._driver is None:
            raise Unavailable
        return self._driver

    def execute(self, sql: str, values: Mapping[str, Any]) -> "psycopg.Cursor[tuple[Any, ...]]":
        """Run one statement of an operation."""
        return self._open.execute(sql, values)

    def begin_now(self) -> bool:
        """Return False: every statement waits for a socket, so the transaction must not run on the event loop."""
        return False

    def begin(self) -> None:
        """Begin a transaction, on a new connection if the last one was lost."""
        import psycopg  # noqa: PLC0415

        try:
            if self._driver is None or self._driver.connection.closed:
                self.connect()
            self._open.execute("BEGIN", {})
        except (psycopg.Error, Unavailable) as error:
            self.close()
            try:
                self.connect()
                self._open.execute("BEGIN", {})
            except psycopg.Error:
                raise Unavailable from error

    def savepoint(self) -> None:
        """Open the operation's savepoint."""
        self._open.execute("SAVEPOINT operation", {})

    def release(self) -> None:
        """Keep the operation."""
        self._open.execute("RELEASE operation", {})

    def undo(self) -> bool:
        """Undo the operation, and release its locks; return False if the connection was lost."""
        try:
            self._open.execute("ROLLBACK TO operation", {})
            self._open.execute("RELEASE operation", {})
        except Unavailable:
            return False
        return True

    def commit(self) -> None:
        """Commit the transaction."""
        self._open.execute("COMMIT", {})

    def rollback(self) -> None:
        """Roll back the transaction; drop the connection if that fails."""
        try:
            self._open.execute("ROLLBACK", {})
        except Unavailable:
            with suppress(Exception):
                self.close()
            self._driver = None


class PostgresEngine:
    """Reads, writes and reports on one PostgreSQL database."""

    sees_every_commit = False

    def __init__(self, url: str) -> None:
        """Take the address; open nothing yet."""
        self._url = url
        self._pool: ConnectionPool[psycopg.Connection[tuple[Any, ...]]] | None = None
        self._threads = ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="reader")
        self.writer = PostgresWriter(url)

    def open(self) -> None:
        """Connect the writer and fill the pool."""
        with reached(self._url):
            from psycopg_pool import ConnectionPool  # noqa: PLC0415

            self.writer.connect()
            self._pool = ConnectionPool(
                self._url,
                min_size=1,
                max_size=READERS,
                kwargs={"autocommit": True, "connect_timeout": CONNECT_TIMEOUT},
                timeout=CONNECT_TIMEOUT,
                open=False,
            )
            self._pool.open(wait=True, timeout=CONNECT_TIMEOUT)

    def close(self) -> None:
        """Close all connections and threads."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None
        self._threads.shutdown(wait=True)
        self.writer.close()

    def version(self) -> object:
        """Return a new value four times a second, since PostgreSQL does not report the commits of other processes."""
        return int(time.monotonic() * 4)

    def version_of_others(self) -> object | None:
        """Return None: it is never known."""
        return None

    async def read(self, clock: Clock, query: Callable[[Connection], T]) -> T:
        """Run a short query on a thread, with a connection of the pool."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._query, clock, query)

    def report(self, clock: Clock, query: Callable[[Connection], T]) -> T:
        """Run a long query over one snapshot, on a separate connection."""
        import psycopg  # noqa: PLC0415

        try:
            with psycopg.connect(self._url, connect_timeout=CONNECT_TIMEOUT) as connection:
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                connection.read_only = True
                return query(QueryConnection(PostgresDriver(connection), clock()))
        except psycopg.OperationalError as error:
            raise Unavailable from error

    def find_damage(self) -> str:
        """Return nothing: PostgreSQL has its own checks (amcheck), and reports a damaged page when it is read."""
        return ""

    def _query(self, clock: Clock, query: Callable[[Connection], T]) -> T:
        import psycopg  # noqa: PLC0415
        from psycopg_pool import PoolTimeout  # noqa: PLC0415

        if self._pool is None:
            raise Unavailable
        try:
            with self._pool.connection() as connection:
                return query(QueryConnection(PostgresDriver(connection), clock()))
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise Unavailable from error
