"""The portal under its present settings, built again as a whole whenever the settings in the data change.

Many parts derive something from the settings when they are built: payment methods, the mail server's transport, formats
of dates, kept pages. To build all of them again over the same database takes 30 ms, and no part can be forgotten.
"""

import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from starlette.types import Scope

from festgate.kit.db.database import Database
from festgate.kit.errors import StartupError
from festgate.kit.messaging.mail_links import LinkMaker
from festgate.kit.messaging.outbox import Relay
from festgate.kit.web.gate import Gate, RawHeaders
from festgate.kit.web.modules import Parts
from festgate.kit.web.portal import Portal
from festgate.kit.web.routing import Routes
from festgate.portal.fest.errors import NotSetUp
from festgate.portal.fest.facade import (
    PATH,
    Stored,
    effective,
    end_first_run,
    is_waiting,
    read_stored,
    read_version,
)
from festgate.settings import Given, Settings, SettingsError

log = structlog.get_logger()

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at the version of the settings: 30 us on SQLite. A change must be in force within two."""
GRACE: Final = 30.0
"""Seconds for requests that began under earlier settings, before the parts that they use are closed."""
TOPIC: Final = "fest"
OPEN_PATHS: Final = frozenset({PATH, "/healthz", "/readyz"})
"""Paths that answer before a fest has been set up, besides static files."""


@dataclass(frozen=True)
class Build:
    """The portal under certain settings."""

    portal: Portal
    modules: Mapping[str, Parts]
    relay: Relay
    routes: Routes
    headers: RawHeaders
    stored: Stored
    listeners: Mapping[str, Sequence[Callable[[], None]]]
    """The listeners of the database that its parts have registered."""

    @property
    def email_links(self) -> dict[str, LinkMaker]:
        """Return the functions that make the links in emails, by kind."""
        return {kind: maker for module in self.modules.values() for kind, maker in module.email_links.items()}


BuildWith = Callable[[Settings, Stored], Build]
TasksOf = Callable[[Build], list[Coroutine[Any, Any, None]]]


class Renewal:
    """Watches the version of the settings in the data, and replaces the portal when it rises."""

    def __init__(
        self, database: Database, secret: bytes, given: Given, build: BuildWith, tasks_of: TasksOf
    ) -> None:
        """`build` makes the portal for settings, and `tasks_of` its background tasks."""
        self._database = database
        self._secret = secret
        self._given = given
        self._build_with = build
        self._tasks_of = tasks_of
        self._gate: Gate | None = None
        self._current: Build | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._retiring: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()
        self._seen = -1
        """The version that was read last, also if it could not be applied."""
        self._wake = asyncio.Event()
        database.on_commit(TOPIC, self._wake.set)

    @property
    def current(self) -> Build:
        """Return the portal in force."""
        if self._current is None:
            msg = "The portal has not been built yet."
            raise RuntimeError(msg)
        return self._current

    def begin(self, gate: Gate, build: Build) -> None:
        """Take the gate, which serves the first build."""
        self._gate, self._current, self._seen = gate, build, build.stored.version

    def start(self) -> None:
        """Start the background tasks of the first build."""
        self._tasks = [asyncio.create_task(task) for task in self._tasks_of(self.current)]

    async def run(self) -> None:
        """Look at the version every second, and at once after a change by this process, until cancelled."""
        while True:
            try:
                await self.renew()
            except Exception:
                log.exception("the settings in the data could not be read; trying again")
            try:
                await asyncio.wait_for(self._wake.wait(), LOOK_EVERY)
            except TimeoutError:
                continue
            self._wake.clear()

    async def renew(self) -> None:
        """Bring the settings in the data into force, if they have changed; return once they are."""
        async with self._lock:
            if await self._database.read(read_version) == self._seen:
                return
            stored = await self._database.read(read_stored)
            self._seen = stored.version
            try:
                settings = effective(self._given, stored, self._secret).settings
                build = await asyncio.to_thread(self._build_with, settings, stored)
            except (StartupError, SettingsError) as error:
                log.warning(
                    "the settings in the data cannot be applied; the earlier ones stay", reason=str(error)
                )
                return
            self._replace(build)

    def _replace(self, build: Build) -> None:
        """Serve the new build from now on, and end the earlier one."""
        old, tasks = self.current, self._tasks
        if self._gate is None:
            msg = "The gate is missing."
            raise RuntimeError(msg)
        own = {
            topic: [
                listener
                for listener in listeners
                if listener not in build.listeners.get(topic, ()) and listener != self._wake.set
            ]
            for topic, listeners in self._database.listeners().items()
        }
        self._database.remove_listeners(own)
        self._gate.replace(build.routes, headers=build.headers, answer=build.portal.failure)
        self._current = build
        self._tasks = [asyncio.create_task(task) for task in self._tasks_of(build)]
        retiring = asyncio.create_task(_retire(old, tasks))
        self._retiring.add(retiring)
        retiring.add_done_callback(self._retiring.discard)
        log.info("the settings have changed", version=build.stored.version)

    async def end(self) -> None:
        """End the background tasks, and close the parts of every build."""
        for task in (*self._tasks, *self._retiring):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._retiring, return_exceptions=True)
        _close(self.current)


async def _retire(build: Build, tasks: list[asyncio.Task[None]]) -> None:
    """End the tasks of an earlier build, and close its parts once its requests have had time to end."""
    for task in tasks:
        task.cancel()
    try:
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(GRACE)
    finally:
        await asyncio.to_thread(_close, build)
    del build, tasks
    _forget_endpoints()
    # The first build was frozen at the start (app.py). A collection takes a tenth of a second, once for each change.
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _forget_endpoints() -> None:
    """Clear FastAPI's caches of what kind of function each endpoint is: they would keep every earlier build."""
    models = sys.modules.get("fastapi.dependencies.models")  # not imported before the first call of the API
    for value in vars(models).values() if models else ():
        if hasattr(value, "cache_clear"):
            value.cache_clear()


def _close(build: Build) -> None:
    for module in build.modules.values():
        for close in module.closes:
            close()


class FirstRun:
    """Answers that a fest has not been set up, until it has its first person, whichever process adds it."""

    def __init__(self, database: Database) -> None:
        """Take the database, which every request asks until the waiting is over."""
        self._database = database
        self.is_over = False

    async def admit(self, scope: Scope) -> None:
        """Raise NotSetUp for every page but those of the set-up itself, while the fest waits."""
        if self.is_over:
            return
        path = scope["path"]
        if path in OPEN_PATHS or path.startswith("/static/"):
            return
        if await self._database.read(is_waiting):
            raise NotSetUp
        self.is_over = True
        await self._database.write(end_first_run)
