"""One worker: it prepares the data, builds the portal, and serves it until its parent lets it go."""

import asyncio
import ipaddress
import signal
import socket
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
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
from festgate.kit.imports import uncollected
from festgate.kit.logging import configure
from festgate.kit.metrics import Metrics, share_counts
from festgate.kit.resilience import faults
from festgate.kit.secret import load_secret
from festgate.kit.web.clients import Trusted
from festgate.portal.app import create_app
from festgate.portal.currency import refuse_other_currency
from festgate.portal.demo import look, plant
from festgate.server.connections import Ended, Limits, Watch, protocol_class
from festgate.server.line import BEAT, END, HEARTBEAT, READY, RESTARTED, RETIRE, Line
from festgate.server.orders import Order
from festgate.server.sockets import BACKLOG, doors
from festgate.server.workers import IDLE, MAX_GOODBYE, NOT_STARTED
from festgate.settings import DEMO_SETTINGS, Settings, SettingsError, load_settings, refuse_play_money
from festgate.terminal import WRONG_USE

log = structlog.get_logger()

T = TypeVar("T")


LOOK = 0.05
"""Seconds between two looks at the connections that are left."""
MAX_ON_WINDOWS = 400
"""Connections of a worker: its loop there watches 512 files, and ends at one more. Who comes then is answered 503."""


def work(order: Order, line: Line, sockets: Sequence[socket.socket]) -> int:
    """Be a worker, to its exit code: 0 when it was let go, or why it could not start."""
    try:
        settings = settings_of(order)
        configure(settings.log_format, settings.log_level)
        if order.counts_folder:
            share_counts(order.counts_folder, order.dead)
        if order.prepare and order.demo:
            _look(settings)
        load_secret(settings.data_dir)
        passwords: Mapping[str, str] = {}
        if order.prepare:
            schema.upgrade(settings)
            schema.refuse_damaged(settings)
            passwords = asyncio.run(_prepare(settings, demo=order.demo))
        with uncollected():
            app = create_app(settings)
    except (StartupError, SettingsError) as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_USE
    if order.greet:
        # The sockets listen already: whoever comes now is answered as soon as the loop runs.
        _greet(settings, passwords)
    server = Server(
        server_config(app, settings, app.metrics.count_ended), line, Restarts(app.metrics, order.restarts)
    )
    server.run(sockets=doors(sockets))
    return 0 if server.started else NOT_STARTED


def settings_of(order: Order) -> Settings:
    """The settings of this worker. Raises SettingsError.

    The address that people use is the one that is set, else this machine's with the port in use.
    """
    overrides: dict[str, Any] = dict(order.overrides)
    settings = load_settings(
        defaults=DEMO_SETTINGS if order.demo else {}, config_text=order.config_text, **overrides
    )
    refuse_play_money(settings)
    if "base_url" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"base_url": f"http://localhost:{order.port}"})


def server_config(
    app: ASGIApp, settings: Settings, ended: Ended = lambda _reason: None, limits: Limits | None = None
) -> uvicorn.Config:
    """Return how uvicorn serves the portal; the benchmark serves its bare route the same way.

    `ended` is told why a connection was ended.
    """
    limits = limits or Limits()
    return uvicorn.Config(
        app,
        http=protocol_class(Watch(limits, Trusted(settings.trusted_proxies), ended)),
        h11_max_incomplete_event_size=limits.head,
        # More than one only tells uvicorn, on Windows, that the sockets are shared: also one worker's are its parent's.
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
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=MAX_GOODBYE,
    )


class Restarts:
    """How often workers were replaced, for `/metrics`."""

    def __init__(self, metrics: Metrics, before: Mapping[str, int]) -> None:
        """`before` are those of the time before this worker, by reason."""
        self._metrics = metrics
        self._counts = Counter(before)
        metrics.set_restarts(self._counts)

    def add(self, reason: str) -> None:
        """One more."""
        self._counts[reason] += 1
        self._metrics.set_restarts(self._counts)


class Server(uvicorn.Server):
    """uvicorn's, with a heart that its parent hears, and a way to go at which no request is refused."""

    def __init__(self, config: uvicorn.Config, line: Line, restarts: Restarts) -> None:
        """Does not serve yet."""
        super().__init__(config)
        self._line = line
        self._restarts = restarts
        self._retires = False
        self._heart: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's; from then on the heart beats."""
        await super().startup(sockets)
        self._line.tell(READY)
        self._heart = asyncio.create_task(self._beat())
        with suppress(NotImplementedError):  # a loop of Windows, where the heart hears it
            asyncio.get_running_loop().add_reader(self._line.socket, self._hear)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's; a worker that retires first waits until nobody needs its connections.

        uvicorn closes a connection that is idle, or has just been made, at once: a request that is on its way into it
        is lost. While new workers answer there is time: every answer says that it is the connection's last, and idle
        ones are closed when their time is over, as ever.
        """
        if self._retires:
            for each in self.servers:
                each.close()
            self.server_state.default_headers = [
                *self.server_state.default_headers,
                (b"connection", b"close"),
            ]
            for _ in range(round(IDLE / LOOK)):
                await asyncio.sleep(LOOK)
                if not (self.server_state.connections and self._still_retires()):
                    break
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM, which the parent sends; what else a terminal may send is for the parent alone."""
        signal.signal(signal.SIGTERM, self.handle_exit)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  (as uvicorn has it)
        """End; not to be raised again afterwards, as uvicorn would."""
        self.should_exit, self._retires = True, False

    def _still_retires(self) -> bool:
        """Until it is asked to end now."""
        return self._retires

    async def _beat(self) -> None:
        while True:
            self._line.tell(BEAT)
            try:
                faults.inject("loop")
            except faults.InjectedFault:
                log.exception("the heart goes on")
            self._hear()
            await asyncio.sleep(HEARTBEAT)

    def _hear(self) -> None:
        for said in self._line.hear():
            word, _, reason = said.partition(" ")
            if word == RESTARTED:
                self._restarts.add(reason)
            elif word in (END, RETIRE):
                self.should_exit, self._retires = True, word == RETIRE
            if word == END:  # nothing more comes, and a line that is dead can be read for ever
                with suppress(NotImplementedError):
                    asyncio.get_running_loop().remove_reader(self._line.socket)


def _look(settings: Settings) -> None:
    revision = schema.revision(settings)
    if revision is not None and revision <= schema.HEAD:
        asyncio.run(_with_database(settings, lambda database: look(database, revision)))


async def _with_database(settings: Settings, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    database = Database(settings.url)
    await database.open()
    try:
        return await work(database)
    except Refused as error:
        raise StartupError(
            damaged(settings.shown_database, what) if (what := damage_of(error)) else str(error)
        ) from error
    finally:
        await database.close()


async def _prepare(settings: Settings, *, demo: bool) -> Mapping[str, str]:
    """Refuse data that these settings do not fit; with `demo`, fill it. Return the passwords that were made."""

    async def prepare(database: Database) -> Mapping[str, str]:
        await database.read(refuse_other_currency, settings.currency)
        return await plant(database, settings) if demo else {}

    return await _with_database(settings, prepare)


def _greet(settings: Settings, passwords: Mapping[str, str]) -> None:
    console = Console(stderr=True, highlight=False)
    console.print(f"[bold]{settings.fest_name}[/bold] is open at {settings.base_url}")
    for name, password in passwords.items():
        console.print(f"Sign in as [bold]{name}[/bold] with the password [bold]{password}[/bold]")
    if passwords:
        console.print("They are shown this once; `festgate user password NAME` makes another.")
    warning = _unconfirmed_warning(settings)
    if warning:
        console.print(warning)
    console.print("Ctrl-C closes it.")


def _unconfirmed_warning(settings: Settings) -> str:
    """Return what an organiser should know where seats are kept for the desk under addresses that nobody confirms."""
    if settings.confirms_email or "desk" not in settings.payment_methods or _is_local(settings.base_url):
        return ""
    cause, cure = (
        ("no mail server is set", "FESTGATE_SMTP_HOST")
        if settings.confirm_email == "auto"
        else ("confirm_email is off", "FESTGATE_CONFIRM_EMAIL")
    )
    return (
        f"Email addresses are not confirmed, since {cause}: anyone can keep desk seats under invented addresses."
        f" Set {cure}."
    )


def _is_local(base_url: str) -> bool:
    """Whether only this machine opens that address."""
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
