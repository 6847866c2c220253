"""PostgreSQL as the portal uses it: a writer's connection, a bounded pool of readers. Needs the extra `postgres`."""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from festgate.addresses import hide_in
from festgate.kit.clock import Clock
from festgate.kit.db.statements import Connection, QueryConnection, TryAgain, UniqueViolation
from festgate.kit.errors import StartupError, Unavailable

if TYPE_CHECKING:
    import psycopg
    from psycopg_pool import ConnectionPool

T = TypeVar("T")

READERS = 8
"""Connections for short reads; more wait their turn."""
CONNECT_TIMEOUT = 5
"""Seconds."""
LOCK_TIMEOUT = "5s"


class PostgresDriver:
    """One connection, whose errors come as the kit's."""

    dialect = "postgresql"

    def __init__(self, connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
        """Wraps a connection that is open."""
        from psycopg import errors  # noqa: PLC0415  (an extra: SQLite users do not have it)

        self.connection = connection
        self._unique = errors.UniqueViolation
        # A victim of a deadlock or of a lock timeout has changed nothing and may simply come again.
        self._again = (errors.DeadlockDetected, errors.SerializationFailure, errors.LockNotAvailable)
        self._gone = (errors.OperationalError, errors.InterfaceError)

    def execute(self, sql: str, values: Mapping[str, Any]) -> "psycopg.Cursor[tuple[Any, ...]]":
        """Run one statement; psycopg prepares it on the server after a few runs."""
        try:
            return self.connection.execute(sql, values)  # type: ignore[call-overload, no-any-return, unused-ignore]
        except self._unique as error:
            raise UniqueViolation(str(error)) from error
        except self._again as error:
            raise TryAgain from error
        except self._gone as error:
            raise Unavailable from error


class PostgresWriter:
    """The write connection; one that was lost is opened again for the next transaction."""

    dialect = "postgresql"
    inline = False

    def __init__(self, url: str) -> None:
        """Not connected yet."""
        self._url = url
        self._driver: PostgresDriver | None = None

    def connect(self) -> None:
        """Open the write connection."""
        import psycopg  # noqa: PLC0415

        connection = psycopg.connect(self._url, autocommit=True, connect_timeout=CONNECT_TIMEOUT)
        connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        self._driver = PostgresDriver(connection)

    def close(self) -> None:
        """Let go."""
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
        """PostgreSQL has no lock for all writers, but its statements wait on a socket: never on the loop."""
        return False

    def begin(self) -> None:
        """Begin, on a new connection if the last one was lost."""
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
        """Undo the operation, and let go of the locks it took."""
        try:
            self._open.execute("ROLLBACK TO operation", {})
            self._open.execute("RELEASE operation", {})
        except Unavailable:
            return False
        return True

    def commit(self) -> None:
        """Make it durable."""
        self._open.execute("COMMIT", {})

    def rollback(self) -> None:
        """Undo everything since `begin`; a connection that cannot even do that is dropped."""
        try:
            self._open.execute("ROLLBACK", {})
        except Unavailable:
            with suppress(Exception):
                self.close()
            self._driver = None


class PostgresEngine:
    """One database on a server."""

    sees_every_commit = False

    def __init__(self, url: str) -> None:
        """Opens nothing yet."""
        self._url = url
        self._pool: ConnectionPool[psycopg.Connection[tuple[Any, ...]]] | None = None
        self._threads = ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="reader")
        self.writer = PostgresWriter(url)

    def open(self) -> None:
        """Connect the writer and fill the pool."""
        try:
            import psycopg  # noqa: PLC0415
            from psycopg_pool import ConnectionPool, PoolTimeout  # noqa: PLC0415
        except ImportError as error:
            msg = 'PostgreSQL needs the extra: pip install "festgate[postgres]"'
            raise StartupError(msg) from error
        try:
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
        except (psycopg.Error, PoolTimeout) as error:
            # From nothing: libpq quotes an address that it cannot read, with the password.
            said = hide_in(str(error).strip(), self._url)
            msg = f"PostgreSQL cannot be reached ({said}). Check database_url and that the server runs."
            raise StartupError(msg) from None

    def close(self) -> None:
        """Let go of everything."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None
        self._threads.shutdown(wait=True)
        self.writer.close()

    def version(self) -> object:
        """PostgreSQL does not tell of others' commits, so time stands in: a new value four times a second."""
        return int(time.monotonic() * 4)

    def version_of_others(self) -> object | None:
        """Never known."""
        return None

    async def read(self, clock: Clock, query: Callable[[Connection], T]) -> T:
        """On a thread, with a connection of the pool."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._query, clock, query)

    def report(self, clock: Clock, query: Callable[[Connection], T]) -> T:
        """Over one snapshot, on a connection of its own."""
        import psycopg  # noqa: PLC0415

        try:
            with psycopg.connect(self._url, connect_timeout=CONNECT_TIMEOUT) as connection:
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                connection.read_only = True
                return query(QueryConnection(PostgresDriver(connection), clock()))
        except psycopg.OperationalError as error:
            raise Unavailable from error

    def look_over(self) -> str:
        """Return nothing: PostgreSQL has its own checks (amcheck), and says of a damaged page when it is read."""
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
