"""A database for one test: migrated, open, with a clock that the test moves."""

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from festgate.kit.clock import Milliseconds, system_clock
from festgate.kit.db import schema
from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection
from festgate.settings import Settings
from tests.rig.postgres import Cluster

P = ParamSpec("P")
T = TypeVar("T")
Run: TypeAlias = Callable[[Coroutine[Any, Any, Any]], Any]


class MovableClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        """Start at the current time."""
        self.now: Milliseconds = system_clock()

    def __call__(self) -> Milliseconds:
        """Return the time."""
        return self.now

    def move(self, span: Milliseconds) -> None:
        """Move the time forward."""
        self.now += span


class OpenDatabase:
    """The portal's Database, for synchronous tests."""

    def __init__(self, url: str, run: Run) -> None:
        """Take the address, and a function that runs coroutines on one event loop. `open_database` makes one."""
        self.url = url
        self.clock = MovableClock()
        self.real = Database(url, clock=self.clock)
        self._run = run

    @property
    def dialect(self) -> str:
        """The kind of database: `sqlite` or `postgresql`."""
        return self.url.partition(":")[0]

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the database's event loop."""
        result: T = self._run(coroutine)
        return result

    def write(
        self, operation: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Run an operation; return its result after COMMIT, or raise its exception after the rollback."""
        return self.run(self.real.write(operation, *arguments, **named))

    def read(
        self, query: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Run a short query."""
        return self.run(self.real.read(query, *arguments, **named))

    def report(
        self, query: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Run a long query."""
        return self.run(self.real.report(query, *arguments, **named))

    def violations(self, checks: Iterable[Callable[[Connection], Iterable[T]]]) -> list[T]:
        """Return what the checks find, in one read: on PostgreSQL a transaction takes longer than its queries."""
        return self.read(lambda connection: [finding for check in checks for finding in check(connection)])

    def write_together(self, *operations: Callable[[Connection], Any]) -> list[Any]:
        """Run operations concurrently, like simultaneous requests; return each result or exception."""

        async def gather() -> list[Any]:
            return await asyncio.gather(
                *(self.real.write(operation) for operation in operations), return_exceptions=True
            )

        return self.run(gather())


@contextmanager
def open_database(url: str) -> Iterator[OpenDatabase]:
    """Open a migrated database until the end of the block."""
    with ExitStack() as stack:
        runner = asyncio.Runner()
        # Not `runner.run`, which replaces the handler of SIGINT for each of the many short calls of a test.
        run: Run = runner.get_loop().run_until_complete
        if not _loop_is_running():
            stack.enter_context(runner)
        else:  # that of Playwright in this thread (tests/rig/browser.py)
            thread = stack.enter_context(ThreadPoolExecutor(1))
            stack.callback(lambda: thread.submit(runner.close).result())
            run = partial(_run_in_thread, thread, run)
        database = OpenDatabase(url, run)
        run(database.real.open())
        try:
            yield database
        finally:
            run(database.real.close())


def _loop_is_running() -> bool:
    with suppress(RuntimeError):
        return asyncio.get_running_loop() is not None
    return False


def _run_in_thread(thread: Executor, run: Run, coroutine: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401  (the result of the coroutine)
    return thread.submit(run, coroutine).result()


def migrated_file(folder: Path) -> Path:
    """Create an SQLite file with the newest schema and no data."""
    settings = Settings(data_dir=folder)
    schema.upgrade(settings)
    return settings.sqlite_path


def copy_of(file: Path, folder: Path) -> str:
    """Copy the file for one test; return its address."""
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{shutil.copy(file, folder / 'festgate.sqlite3')}"


def migrated_template(cluster: Cluster) -> str:
    """Create a PostgreSQL database with the newest schema as a template; return its name."""
    name = cluster.create()
    schema.upgrade(Settings(database_url=cluster.url(name)))
    return name
