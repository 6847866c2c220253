"""A fest's database for one test: migrated, open, with a clock that the test moves."""

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from festgate.kit import schema
from festgate.kit.clock import Milliseconds, system_clock
from festgate.kit.database import Database
from festgate.kit.statements import Connection
from festgate.settings import Settings
from tests.rig.postgres import Cluster

P = ParamSpec("P")
T = TypeVar("T")


class MovableClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        """Starts now."""
        self.now: Milliseconds = system_clock()

    def __call__(self) -> Milliseconds:
        """The time."""
        return self.now

    def move(self, span: Milliseconds) -> None:
        """Go on by that much."""
        self.now += span


class OpenDatabase:
    """The portal's own Database, driven from plain test functions."""

    def __init__(self, url: str, runner: asyncio.Runner) -> None:
        """Opened and closed by `open_database`."""
        self.url = url
        self.clock = MovableClock()
        self.real = Database(url, clock=self.clock)
        self._runner = runner

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.url.partition(":")[0]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run on the database's own event loop."""
        return self._runner.run(work)

    def write(
        self, deed: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """One deed, committed; or what it raises, undone."""
        return self.run(self.real.write(deed, *arguments, **named))

    def read(
        self, query: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """One query."""
        return self.run(self.real.read(query, *arguments, **named))

    def report(
        self, query: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """One long query."""
        return self.run(self.real.report(query, *arguments, **named))

    def write_together(self, *deeds: Callable[[Connection], Any]) -> list[Any]:
        """All at once, as requests that arrive together; each one's answer, or what it raised."""

        async def gather() -> list[Any]:
            return await asyncio.gather(*(self.real.write(deed) for deed in deeds), return_exceptions=True)

        return self.run(gather())


@contextmanager
def open_database(url: str) -> Iterator[OpenDatabase]:
    """Open for the length of the block; the schema is there already."""
    with asyncio.Runner() as runner:
        database = OpenDatabase(url, runner)
        runner.run(database.real.open())
        try:
            yield database
        finally:
            runner.run(database.real.close())


def migrated_file(folder: Path) -> Path:
    """An SQLite file with the newest schema and nothing in it."""
    settings = Settings(data_dir=folder)
    schema.upgrade(settings)
    return settings.sqlite_path


def copy_of(file: Path, folder: Path) -> str:
    """The address of a copy that is one test's alone."""
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{shutil.copy(file, folder / 'festgate.sqlite3')}"


def migrated_template(cluster: Cluster) -> str:
    """The name of a PostgreSQL database with the newest schema, to make others from."""
    name = cluster.create()
    schema.upgrade(Settings(database_url=cluster.url(name)))
    return name
