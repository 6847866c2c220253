"""The database with three verbs: read, write, report.

`write` is a group commit: the operations of all waiting requests go into one transaction, each in its own savepoint,
and their callers get the results after COMMIT. One fsync (about half a millisecond) then serves many requests.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar, cast
from weakref import WeakValueDictionary

import structlog

from festgate.kit.clock import Clock, system_clock
from festgate.kit.db.damage import damage_of
from festgate.kit.db.postgres import PostgresEngine
from festgate.kit.db.sqlite import SqliteEngine
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.db.writer import Writer

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A", bound=Hashable)

RECALL = 1000
"""Milliseconds for which an answer is cached."""
MAX_RECALLED = 10_000
INTEGRITY_PAUSE = 15 * 60
"""Seconds between two integrity checks; a gigabyte takes about a second of one core, on a thread."""

log = structlog.get_logger()


class Database:
    """The fest's database. It runs functions of `(connection, *arguments)`, which never commit themselves."""

    def __init__(self, url: str, *, clock: Clock = system_clock) -> None:
        """Take `sqlite:///PATH` or `postgresql://...`; open nothing yet."""
        self.url = url
        self.clock = clock
        self._engine = (
            SqliteEngine(Path(url.removeprefix("sqlite:///")))
            if url.startswith("sqlite:///")
            else PostgresEngine(url)
        )
        self.sees_every_commit = self._engine.sees_every_commit
        """Whether `version` changes at once with every commit of any process: on SQLite, but not on PostgreSQL."""
        self._listeners: dict[str, list[Callable[[], None]]] = defaultdict(list)
        self._writer = Writer(self._engine.writer, clock, self._announce)
        self._awaited: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()
        """Events by topic, while a caller waits for them."""
        self._recalled: dict[tuple[object, ...], object] = {}
        self._recalled_from: dict[str, set[tuple[object, ...]]] = defaultdict(set)
        """Keys of `_recalled` by the tables that the answers were read from."""
        self._recalled_at: object = None
        self.damage = ""
        """The first damage that the database reported since this process started; empty if none."""
        self._seen: object = None
        """The version in this turn of the event loop; None until it is read."""
        self._seen_of_others: object = None
        """The version of other processes' commits; None if it is unknown."""

    async def open(self) -> None:
        """Connect and start the writer. Raise StartupError if the database cannot be reached."""
        await asyncio.to_thread(self._engine.open)
        self._writer.start()

    async def close(self) -> None:
        """Finish all accepted writes, then close all connections."""
        await self._writer.stop()
        await asyncio.to_thread(self._engine.close)

    async def __aenter__(self) -> Self:
        """Open the database until the end of the block."""
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the database."""
        await self.close()

    async def read(
        self, query: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Return the result of a short query. On SQLite it runs on the event loop, on PostgreSQL on a pool."""
        try:
            return await self._engine.read(
                self.clock, lambda connection: query(connection, *arguments, **named)
            )
        except Exception as error:
            self._note(error)
            raise

    async def recall(self, query: Callable[[Connection, A], T], argument: A) -> T:
        """Return the result of a short query, cached for a second or until its tables are changed.

        This is for small queries of every page, such as the visitor of a session, whose results hardly depend on the
        time. A commit of another process clears the cache; one of this process removes only the results from the
        tables that it changed. During a rush of orders the lookup of visitors would take a tenth of the time of pages.
        """
        if not self.sees_every_commit:
            return await self.read(query, argument)
        self.version()
        if self._seen_of_others is None:
            # This process has just committed, and another process may have committed after it.
            return await self.read(query, argument)
        at = (self._seen_of_others, self.clock() // RECALL)
        if at != self._recalled_at or len(self._recalled) > MAX_RECALLED:
            self._recalled.clear()
            self._recalled_from.clear()
            self._recalled_at = at
        key = (query, argument)
        if key not in self._recalled:
            statements: list[Statement] = []
            self._recalled[key] = await self.read(_record_statements, statements, query, argument)
            for statement in statements:
                for table in statement.tables:
                    self._recalled_from[table].add(key)
        return cast("T", self._recalled[key])

    async def write(
        self, operation: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Return the operation's result after COMMIT, or raise its exception after the rollback."""
        try:
            return await self._writer.write(lambda connection: operation(connection, *arguments, **named))
        except Exception as error:
            self._note(error)
            raise

    async def report(
        self, query: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Return the result of a long query, which runs on a thread over one snapshot of the data."""
        try:
            return await asyncio.to_thread(
                self._engine.report, self.clock, lambda connection: query(connection, *arguments, **named)
            )
        except Exception as error:
            self._note(error)
            raise

    def _note(self, error: Exception) -> None:
        """Remember reported damage until the next start, since only a restore can repair it."""
        self.damage = self.damage or damage_of(error)

    async def watch(self) -> None:
        """Check the integrity of the data periodically, until cancelled: rarely read pages may be damaged unnoticed."""
        while True:
            await asyncio.sleep(INTEGRITY_PAUSE)
            try:
                self.damage = self.damage or await asyncio.to_thread(self._engine.find_damage)
            except Exception as error:
                self._note(error)
                log.exception("the integrity check failed; trying again later")

    def version(self) -> object:
        """Return a value that equals an earlier one only if nothing was committed in between.

        On PostgreSQL a commit of another process shows within a quarter of a second. The value is read once in each
        turn of the event loop (7 us, a tenth of a page): everything that a request of this turn must see was committed
        before the turn began.
        """
        if self._seen is None:
            self._seen_of_others = others = self._engine.version_of_others()
            self._seen = ("all", self._engine.version()) if others is None else ("others", others)
            asyncio.get_running_loop().call_soon(self._forget)
        return self._writer.turns, self._seen

    def _forget(self) -> None:
        self._seen = None

    def on_commit(self, topic: str, listener: Callable[[], None]) -> None:
        """Call `listener` on the event loop after each commit in which an operation announced `topic`."""
        self._listeners[topic].append(listener)

    def listeners(self) -> dict[str, list[Callable[[], None]]]:
        """Return the present listeners by topic."""
        return {topic: [*listeners] for topic, listeners in self._listeners.items()}

    def remove_listeners(self, removed: Mapping[str, Sequence[Callable[[], None]]]) -> None:
        """Call these listeners no more."""
        for topic, listeners in removed.items():
            self._listeners[topic] = [known for known in self._listeners[topic] if known not in listeners]

    async def wait_for(self, topic: str, seconds: float) -> None:
        """Wait for the next commit of this process that announces `topic`, at most `seconds`."""
        event = self._awaited.get(topic)
        if event is None:
            event = self._awaited[topic] = asyncio.Event()
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), seconds)

    def _announce(self, topics: set[str]) -> None:
        for topic in topics & self._recalled_from.keys():
            for key in self._recalled_from.pop(topic):
                self._recalled.pop(key, None)
        for topic in topics:
            awaited = self._awaited.pop(topic, None)
            if awaited is not None:
                awaited.set()
            for listener in self._listeners.get(topic, ()):
                listener()


def _record_statements(
    connection: Connection, statements: list[Statement], query: Callable[[Connection, A], T], argument: A
) -> T:
    """Return the result of the query, and append its statements to `statements`."""
    connection.recorded = statements
    return query(connection, argument)
