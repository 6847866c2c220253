"""Three verbs over one database: read, write, report.

`write` is a group commit: the operations of all requests that wait go into one transaction, each in its own savepoint.
Their callers are answered only after COMMIT. One fsync (about half a millisecond) then serves a whole crowd.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Hashable
from contextlib import suppress
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast
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
"""Milliseconds."""
MAX_RECALLED = 10_000
LOOK_OVER = 15 * 60
"""Seconds between two looks over all of the data: a gigabyte takes about a second of one core, on a thread."""

log = structlog.get_logger()


class Engine(Protocol):
    """What SQLite and PostgreSQL each do in their own way."""

    writer: Any
    sees_every_commit: bool
    """Whether `version` changes with a commit of any process, at once."""

    def open(self) -> None:
        """Connect; raises StartupError with a sentence when that cannot be."""

    def close(self) -> None:
        """Let go of every connection and thread."""

    def version(self) -> object:
        """A value that differs once anything has been committed since it was last asked for."""

    def version_of_others(self) -> object | None:
        """As `version`, but the same after commits of this process; None where that cannot be told now."""

    async def read(self, clock: Clock, query: Callable[[Connection], T]) -> T:
        """Run a short query."""

    def report(self, clock: Clock, query: Callable[[Connection], T]) -> T:
        """Run a long query on a connection of its own, over one snapshot; called on a thread."""

    def look_over(self) -> str:
        """Return what is damaged in the data, as far as this kind of database can tell; called on a thread."""


class Database:
    """The fest's data. Takes plain functions of `(connection, *arguments)`; nothing below it commits."""

    def __init__(self, url: str, *, clock: Clock = system_clock) -> None:
        """`url` is `sqlite:///PATH` or `postgresql://...`; nothing is opened until `open`."""
        self.url = url
        self.clock = clock
        self._engine: Engine = engine_for(url)
        self._listeners: dict[str, list[Callable[[], None]]] = defaultdict(list)
        self._writer = Writer(self._engine.writer, clock, self._announce)
        self._awaited: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()
        """By topic, for as long as somebody waits."""
        self._recalled: dict[tuple[object, ...], object] = {}
        self._recalled_from: dict[str, set[tuple[object, ...]]] = defaultdict(set)
        """Keys of `_recalled` by the tables that the answers came from."""
        self._recalled_at: object = None
        self.damage = ""
        """What the database has said of damaged data since this process began; empty while it has found none."""
        self._seen: object = None
        """What `version` last saw of the file, in this turn of the loop; None when it has to look."""
        self._seen_of_others: object = None
        """The part of it that other processes did; None where that cannot be told."""

    @property
    def sees_every_commit(self) -> bool:
        """Whether `version` tells of every other process's commit at once: SQLite does, PostgreSQL does not."""
        return self._engine.sees_every_commit

    async def open(self) -> None:
        """Connect and take the first write. Raises StartupError when the database cannot be reached."""
        await asyncio.to_thread(self._engine.open)
        self._writer.start()

    async def close(self) -> None:
        """Finish the writes that were taken, then let go."""
        await self._writer.stop()
        await asyncio.to_thread(self._engine.close)

    async def read(
        self, query: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """What a short query gives: at once on SQLite, on a bounded pool on PostgreSQL."""
        try:
            return await self._engine.read(
                self.clock, lambda connection: query(connection, *arguments, **named)
            )
        except Exception as error:
            self._note(error)
            raise

    async def recall(self, query: Callable[[Connection, A], T], argument: A) -> T:
        """As `read`, but asked only once a second, as long as nobody has changed the tables that the answer comes from.

        For small questions that every page asks (who is this?), whose answer the clock changes slowly. A commit of
        another process ends all answers; one of this process those from the tables that it changed, so that a rush of
        orders looks nobody up anew: a tenth of the time of its pages.
        """
        if not self._engine.sees_every_commit:
            return await self.read(query, argument)
        self.version()
        if self._seen_of_others is None:
            # A commit of ours has landed just now, and perhaps another process's after it.
            return await self.read(query, argument)
        at = (self._seen_of_others, self.clock() // RECALL)
        if at != self._recalled_at or len(self._recalled) > MAX_RECALLED:
            self._recalled.clear()
            self._recalled_from.clear()
            self._recalled_at = at
        key = (query, argument)
        if key not in self._recalled:
            asked: list[Statement] = []
            self._recalled[key] = await self.read(_note_asked, asked, query, argument)
            for statement in asked:
                for table in statement.tables:
                    self._recalled_from[table].add(key)
        return cast("T", self._recalled[key])

    async def write(
        self, operation: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """What the operation returns, once it is committed; what it raises, once it is undone."""
        try:
            return await self._writer.write(lambda connection: operation(connection, *arguments, **named))
        except Exception as error:
            self._note(error)
            raise

    async def report(
        self, query: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """What a long read gives, off the loop, over one snapshot of the data."""
        try:
            return await asyncio.to_thread(
                self._engine.report, self.clock, lambda connection: query(connection, *arguments, **named)
            )
        except Exception as error:
            self._note(error)
            raise

    def _note(self, error: Exception) -> None:
        """Remember that the data are damaged: only a restore and a new start make that untrue."""
        self.damage = self.damage or damage_of(error)

    async def watch(self) -> None:
        """Look over the data for damage now and then, until cancelled: a page that nobody reads fails nobody."""
        while True:
            await asyncio.sleep(LOOK_OVER)
            try:
                self.damage = self.damage or await asyncio.to_thread(self._engine.look_over)
            except Exception as error:
                self._note(error)
                log.exception("the data could not be looked over; trying again later")

    def version(self) -> object:
        """Equal to an earlier answer only if nothing was committed in between.

        By anyone, on SQLite; on PostgreSQL another process's commit shows within a quarter of a second. Called on the
        loop, in each turn of which it looks once (7 us, a tenth of a page): whatever a request of this turn may have
        to know was committed before the turn began, as the request came before it.
        """
        if self._seen is None:
            self._seen_of_others = others = self._engine.version_of_others()
            self._seen = ("all", self._engine.version()) if others is None else ("others", others)
            asyncio.get_running_loop().call_soon(self._forget)
        return self._writer.turns, self._seen

    def _forget(self) -> None:
        self._seen = None

    def on_commit(self, topic: str, listener: Callable[[], None]) -> None:
        """Call `listener`, on the loop, after each commit in which an operation announced `topic`."""
        self._listeners[topic].append(listener)

    async def wait_for(self, topic: str, seconds: float) -> None:
        """Come back after the next commit of this process that announces `topic`, or after `seconds`."""
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


def _note_asked(
    connection: Connection, asked: list[Statement], query: Callable[[Connection, A], T], argument: A
) -> T:
    """What the query gives; the statements that it asked are added to `asked`."""
    connection.asked = asked
    return query(connection, argument)


def engine_for(url: str) -> Engine:
    """SQLite's engine or PostgreSQL's, by the URL's scheme."""
    if url.startswith("sqlite:///"):
        return SqliteEngine(Path(url.removeprefix("sqlite:///")))
    return PostgresEngine(url)
