"""The single writer of a process, with group commit.

On SQLite the operations run on the event loop, where each takes tens of microseconds. Only BEGIN (if another process
holds the lock) and COMMIT (the fsync) run on the writer's thread. Whole operations there would have to wait for the
GIL after every statement, up to the switch interval of 5 ms each time. On PostgreSQL every statement waits for a
socket, so the whole transaction runs on the writer's thread.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import structlog

from festgate.kit.clock import Clock
from festgate.kit.db.postgres import PostgresWriter
from festgate.kit.db.sqlite import SqliteWriter
from festgate.kit.db.statements import Connection, TryAgain
from festgate.kit.errors import Unavailable

log = structlog.get_logger()

T = TypeVar("T")

MAX_OPERATIONS = 256
"""Operations in one transaction; it bounds how many a failed COMMIT undoes."""
MAX_TURN = 0.010
"""Seconds of operations before COMMIT; it bounds how long the event loop is blocked and later callers wait."""
MAX_TRIES = 5


Driver: TypeAlias = SqliteWriter | PostgresWriter


@dataclass(slots=True, eq=False)
class _Job:
    operation: Callable[[Connection], Any]
    future: asyncio.Future[Any]
    tries: int = 0
    answer: Any = None
    error: BaseException | None = None


class Writer:
    """Runs the operations of the event loop in transactions, and returns each result after COMMIT."""

    def __init__(self, driver: Driver, clock: Clock, announce: Callable[[set[str]], None]) -> None:
        """Call `announce` on the event loop, after COMMIT, with the topics that the operations announced."""
        self._driver = driver
        self._clock = clock
        self._announce = announce
        self._waiting: deque[_Job] = deque()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writer")
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.turns = 0
        """Number of transactions so far."""

    def start(self) -> None:
        """Start to accept operations, on the running event loop."""
        self._stopping = False
        self._task = asyncio.get_running_loop().create_task(self._work(), name="writer")

    async def stop(self) -> None:
        """Finish all accepted operations, then stop."""
        self._stopping = True
        self._arrived.set()
        if self._task is not None:
            await self._task
            self._task = None
        self._thread.shutdown(wait=True)

    async def write(self, operation: Callable[[Connection], T]) -> T:
        """Return the operation's result after COMMIT, or raise its exception. A cancelled caller does not undo it."""
        if self._stopping or self._task is None:
            raise Unavailable
        job = _Job(operation, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._arrived.set()
        answer: T = await job.future
        return answer

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                jobs: list[_Job] = []
                topics: set[str] = set()
                try:
                    if self._driver.inline:
                        topics = await self._turn_on_loop(loop, jobs)
                    else:
                        topics = await loop.run_in_executor(self._thread, self._turn, jobs)
                except Exception as error:
                    # Without this handler the writer would end, and every later caller would wait forever.
                    self._driver.rollback()
                    _lose(jobs, _unavailable(error))
                    log.exception("a transaction failed", lost=len(jobs))
                self.turns += 1
                self._answer(jobs, topics)
            if self._stopping:
                return

    async def _turn_on_loop(self, loop: asyncio.AbstractEventLoop, jobs: list[_Job]) -> set[str]:
        """Run one transaction: its operations on the event loop, its fsync on the writer's thread."""
        try:
            if not self._driver.begin_now():
                await loop.run_in_executor(self._thread, self._driver.begin)
        except Exception as error:  # noqa: BLE001  (the callers get it)
            self._fail_all(error, jobs)
            return set()
        topics = self._run_operations(jobs)
        if any(job.error is None for job in jobs):
            await loop.run_in_executor(self._thread, self._finish, jobs)
        else:
            self._driver.rollback()
        return topics

    def _turn(self, jobs: list[_Job]) -> set[str]:
        """Run one whole transaction on the writer's thread."""
        try:
            self._driver.begin()
        except Exception as error:  # noqa: BLE001
            self._fail_all(error, jobs)
            return set()
        topics = self._run_operations(jobs)
        self._finish(jobs)
        return topics

    def _run_operations(self, jobs: list[_Job]) -> set[str]:
        """Run waiting operations until the turn is long enough, and append each to `jobs` before it runs."""
        topics: set[str] = set()
        until = time.monotonic() + MAX_TURN
        while self._waiting and len(jobs) < MAX_OPERATIONS:
            job = self._waiting.popleft()
            jobs.append(job)
            if not self._run(job, topics):
                _lose(jobs, Unavailable())
                break
            if time.monotonic() > until:
                break
        return topics

    def _run(self, job: _Job, topics: set[str]) -> bool:
        """Run one operation in its savepoint; return False if the database has ended the transaction."""
        connection = Connection(self._driver, self._clock())
        job.tries += 1
        job.error = None
        try:
            self._driver.savepoint()
            job.answer = job.operation(connection)
            self._driver.release()
        except Exception as error:  # noqa: BLE001  (its caller gets it; the others go on)
            job.error = error
            return self._driver.undo()
        topics |= connection.announced
        return True

    def _finish(self, jobs: list[_Job]) -> None:
        try:
            self._driver.commit()
        except Exception as error:
            self._driver.rollback()
            _lose(jobs, _unavailable(error))
            log.exception("a commit failed", lost=len(jobs))

    def _fail_all(self, error: Exception, jobs: list[_Job]) -> None:
        """Fail all waiting operations, since no transaction could begin."""
        jobs.extend(self._waiting)
        self._waiting.clear()
        _lose(jobs, _unavailable(error))
        log.error("the database cannot be written", waiting=len(jobs), reason=repr(error))

    def _answer(self, jobs: list[_Job], topics: set[str]) -> None:
        for job in jobs:
            if isinstance(job.error, TryAgain) and job.tries < MAX_TRIES:
                self._waiting.append(job)
            elif job.future.cancelled():
                continue
            elif job.error is None:
                job.future.set_result(job.answer)
            else:
                job.future.set_exception(job.error)
        if topics and any(job.error is None for job in jobs):
            with contextlib.suppress(RuntimeError):  # the loop may be closing
                self._announce(topics)


def _unavailable(cause: Exception) -> Unavailable:
    error = Unavailable()
    error.__cause__ = cause
    return error


def _lose(jobs: list[_Job], error: Exception) -> None:
    for job in jobs:
        if job.error is None:
            job.error = error
