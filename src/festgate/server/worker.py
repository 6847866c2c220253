"""A worker process: it prepares the data, builds the portal, and serves it until the supervisor ends it."""

import asyncio
import ipaddress
import signal
import socket
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, TypeVar
from urllib.parse import urlsplit

import structlog
import uvicorn
from rich.console import Console
from starlette.types import ASGIApp

from festgate.kit.db import schema
from festgate.kit.db.damage import damage_of, damaged
from festgate.kit.db.database import Database
from festgate.kit.errors import Refused, StartupError
from festgate.kit.logging import configure
from festgate.kit.metrics import Metrics, share_counts
from festgate.kit.process import collect_rarely, gc_paused
from festgate.kit.resilience import faults
from festgate.kit.secret import load_secret
from festgate.kit.web.clients import Trusted
from festgate.portal.app import create_app
from festgate.portal.currency import refuse_other_currency
from festgate.portal.demo import INTRODUCTION, look, plant
from festgate.portal.fest.facade import (
    NOTHING_STORED,
    Stored,
    begin_first_run,
    effective,
    has_first_run,
    is_waiting,
    read_stored,
)
from festgate.portal.fest.facade import PATH as SET_UP_PATH
from festgate.server.channel import (
    END,
    HEARTBEAT,
    HEARTBEAT_INTERVAL,
    READY,
    RESTARTED,
    RETIRE,
    Channel,
    WorkerSpec,
)
from festgate.server.connections import Limits, OnClosed, Watch, protocol_class
from festgate.server.sockets import BACKLOG, duplicate
from festgate.server.workers import KEEP_ALIVE, MAX_GRACE, NOT_STARTED
from festgate.settings import (
    DEMO_SETTINGS,
    Given,
    Settings,
    SettingsError,
    read_given,
    refuse_play_money,
)
from festgate.terminal import WRONG_USE

log = structlog.get_logger()

T = TypeVar("T")

POLL = 0.05
"""Seconds between two checks of the remaining connections."""
MAX_ON_WINDOWS = 400
"""Connections of a worker on Windows, where its event loop fails at more than 512 files. Further ones get a 503."""


def work(spec: WorkerSpec, channel: Channel, sockets: Sequence[socket.socket]) -> int:
    """Run a worker. Return its exit code: 0 when it was asked to end, or why it could not start."""
    try:
        given = given_of(spec)
        settings = _checked(given.settings())
        configure(settings.log_format, settings.log_level)
        if spec.counts_folder:
            share_counts(spec.counts_folder, spec.dead)
        if spec.prepare and spec.demo:
            _check_demo(settings)
        secret = load_secret(settings.data_dir)
        if spec.prepare:
            schema.upgrade(settings)
            schema.refuse_damaged(settings)
        state = asyncio.run(_read_state(settings, given, secret, spec))
        _checked(state.settings)
        with gc_paused():
            app = create_app(state.settings, given=given, stored=state.stored, waits=state.waits)
    except (StartupError, SettingsError) as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_USE
    collect_rarely()
    settings = state.settings
    if spec.greet and state.link:
        # The sockets listen already: a visitor who connects now is served as soon as the loop runs.
        _print_link(settings, state.link)
    elif spec.greet and not state.waits:
        _print_welcome(settings, state.passwords, INTRODUCTION if spec.demo else "")
    config = server_config(app, settings, app.metrics.count_ended)
    server = Server(config, channel, app.metrics, spec.restarts)
    server.run(sockets=duplicate(sockets))
    return 0 if server.started else NOT_STARTED


def given_of(spec: WorkerSpec) -> Given:
    """Return the values of settings from outside the data. Raise SettingsError.

    If no public address is set, it is this machine's, with the port in use.
    """
    address = {"base_url": f"http://localhost:{spec.port}"}
    defaults = {**(DEMO_SETTINGS if spec.demo else {}), **address}
    overrides: dict[str, Any] = dict(spec.overrides)
    return read_given(defaults=defaults, config_text=spec.config_text, **overrides)


def _checked(settings: Settings) -> Settings:
    refuse_play_money(settings)
    return settings


def server_config(
    app: ASGIApp, settings: Settings, on_closed: OnClosed = lambda _reason: None, limits: Limits | None = None
) -> uvicorn.Config:
    """Return uvicorn's configuration for the portal; the benchmark serves its bare route with it, too.

    `on_closed` receives the reason of each connection that the worker closes before its time.
    """
    limits = limits or Limits()
    return uvicorn.Config(
        app,
        http=protocol_class(Watch(limits, Trusted(settings.trusted_proxies), on_closed)),
        h11_max_incomplete_event_size=limits.head,
        # More than one means for uvicorn, on Windows, that the sockets are shared: here always with the supervisor.
        workers=2,
        limit_concurrency=MAX_ON_WINDOWS if sys.platform == "win32" else None,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=list(settings.trusted_proxies),
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=MAX_GRACE,
    )


class Server(uvicorn.Server):
    """uvicorn's server, which sends heartbeats to its supervisor, and which can retire without refusing a request."""

    def __init__(
        self, config: uvicorn.Config, channel: Channel, metrics: Metrics, restarts: Mapping[str, int]
    ) -> None:
        """Prepare the server; `run` starts it. `restarts` are the workers that were replaced before, by reason."""
        super().__init__(config)
        self._channel = channel
        self._metrics = metrics
        self._restarts = Counter(restarts)
        metrics.set_restarts(self._restarts)
        self._retiring = False
        self._heartbeats: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, then report ready and begin to send heartbeats."""
        await super().startup(sockets)
        self._channel.send(READY)
        self._heartbeats = asyncio.create_task(self._send_heartbeats())
        with suppress(NotImplementedError):  # on Windows, where commands are read with each heartbeat
            asyncio.get_running_loop().add_reader(self._channel.socket, self._handle_commands)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop as uvicorn does; a worker that retires first waits until its connections have ended.

        uvicorn closes idle and new connections at once, which loses a request that is on its way. While new workers
        serve, there is time: every response announces that it is the last on its connection, and idle connections are
        closed after their usual time.
        """
        if self._retiring:
            for listener in self.servers:
                listener.close()
            self.server_state.default_headers = [
                *self.server_state.default_headers,
                (b"connection", b"close"),
            ]
            for _ in range(round(KEEP_ALIVE / POLL)):
                await asyncio.sleep(POLL)
                if not (self.server_state.connections and self._is_retiring()):
                    break
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle SIGTERM, which the supervisor sends; other signals of a terminal are for the supervisor alone."""
        signal.signal(signal.SIGTERM, self.handle_exit)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  (uvicorn's signature)
        """End, without raising the signal again afterwards as uvicorn does."""
        self.should_exit, self._retiring = True, False

    def _is_retiring(self) -> bool:
        return self._retiring

    async def _send_heartbeats(self) -> None:
        while True:
            self._channel.send(HEARTBEAT)
            try:
                faults.inject("loop")
            except faults.InjectedFault:
                log.exception("fault injected into the heartbeat")
            self._handle_commands()
            await asyncio.sleep(HEARTBEAT_INTERVAL)

    def _handle_commands(self) -> None:
        for line in self._channel.receive():
            command, _, reason = line.partition(" ")
            if command == RESTARTED:
                self._restarts[reason] += 1
                self._metrics.set_restarts(self._restarts)
            elif command in (END, RETIRE):
                self.should_exit, self._retiring = True, command == RETIRE
            if command == END:  # the last command; a stream that has ended would stay readable forever
                with suppress(NotImplementedError):
                    asyncio.get_running_loop().remove_reader(self._channel.socket)


def _check_demo(settings: Settings) -> None:
    revision = schema.revision(settings)
    if revision is not None and revision <= schema.HEAD:
        asyncio.run(_with_database(settings, lambda database: look(database, revision)))


async def _with_database(settings: Settings, use: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    try:
        async with Database(settings.url) as database:
            return await use(database)
    except Refused as error:
        raise StartupError(
            damaged(settings.shown_database, what) if (what := damage_of(error)) else str(error)
        ) from error


@dataclass(frozen=True)
class _State:
    """The state of the data when a worker starts."""

    settings: Settings
    stored: Stored
    waits: bool
    """Whether the fest waits for its first owner."""
    link: str = ""
    """The address of the first run, if this worker made one."""
    passwords: Mapping[str, str] = field(default_factory=dict)
    """New passwords of the demo's accounts."""


async def _read_state(outside: Settings, given: Given, secret: bytes, spec: WorkerSpec) -> _State:
    """Return the settings with those of the data; the worker that prepares also fills a demo, and refuses other data.

    The one that greets makes the link of the first run, if the fest waits for its owner.
    """
    # A migration has failed; the other modules are served with the settings from outside the data.
    is_missing = "fest" in schema.unapplied(outside)

    async def read(database: Database) -> _State:
        stored = NOTHING_STORED if is_missing else await database.read(read_stored)
        settings = effective(given, stored, secret).settings
        passwords: Mapping[str, str] = {}
        if spec.prepare:
            await database.read(refuse_other_currency, settings.currency)
            passwords = await plant(database, settings) if spec.demo else {}
        if is_missing:
            return _State(settings, stored, waits=False, passwords=passwords)
        token = ""
        if spec.greet and await database.read(has_first_run):
            token = await database.write(begin_first_run, secret)
        link = f"{settings.base_url}{SET_UP_PATH}?token={token}" if token else ""
        return _State(settings, stored, await database.read(is_waiting), link, passwords)

    return await _with_database(outside, read)


def _print_link(settings: Settings, link: str) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print("This fest has no people yet. Set it up here, within one hour:")
    console.print(f"[bold]{link}[/bold]")
    console.print("The link works once, and makes the owner. Until then no other page answers.")
    console.print("Without a browser: `festgate user add NAME --email EMAIL --role owner`.")
    if _is_local(settings.base_url):
        console.print("On another machine, set FESTGATE_BASE_URL to the address that visitors use.")
    console.print("Press Ctrl-C to stop.")


def _print_welcome(settings: Settings, passwords: Mapping[str, str], introduction: str) -> None:
    console = Console(stderr=True, highlight=False)
    console.print(f"[bold]{settings.fest_name}[/bold] is open at {settings.base_url}")
    for name, password in passwords.items():
        console.print(f"Sign in as [bold]{name}[/bold] with the password [bold]{password}[/bold]")
    if passwords:
        console.print("The passwords are shown only now; `festgate user password NAME` sets a new one.")
    if introduction:
        console.print(introduction)
    warning = _unconfirmed_warning(settings)
    if warning:
        console.print(warning)
    console.print("Press Ctrl-C to stop.")


def _unconfirmed_warning(settings: Settings) -> str:
    """Return a warning if seats can be held for payment at the desk or by transfer under unconfirmed addresses."""
    if (
        settings.confirms_email
        or not {"desk", "transfer"} & {*settings.payment_methods}
        or _is_local(settings.base_url)
    ):
        return ""
    cause, remedy = (
        ("no mail server is set", "FESTGATE_SMTP_HOST")
        if settings.confirm_email == "auto"
        else ("confirm_email is off", "FESTGATE_CONFIRM_EMAIL")
    )
    return (
        f"Email addresses are not confirmed because {cause}: anyone can hold desk seats under invented addresses."
        f" Set {remedy}."
    )


def _is_local(base_url: str) -> bool:
    """Return whether the address belongs to the loopback interface."""
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
