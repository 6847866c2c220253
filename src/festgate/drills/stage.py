"""The portal on which drills run, a temporary one or one that is already running, and the actions on it."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psutil

from festgate.drills import plan
from festgate.drills.clients import Crowd, SlowClients
from festgate.drills.hostile_text import HostileClient
from festgate.drills.mail_server import mail_server
from festgate.drills.portal import DrillRefused, Portal, is_served
from festgate.drills.proxy import Proxy, Toxic
from festgate.effects import FAULTS_FILE
from festgate.rehearsal.runner.servers import Server, temporary_portal

CHECK_TIMEOUT: Final = 60.0
"""Seconds for a command on the data."""
ROLLBACK_TIMEOUT: Final = 8.0
"""Seconds for the portal to accept that every fault is disarmed."""
POSTGRES_PORT: Final = 5432


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a command that checks the data."""

    clean: bool
    """Whether it ended with exit code 0."""
    output: str


@dataclass
class Stage:
    """A portal with everything that a drill can act on."""

    portal: Portal
    server: Server | None = None
    """The process of the temporary portal; None for a portal that was already running."""
    mail: Proxy | None = None
    database: Proxy | None = None
    clients: list[Crowd | HostileClient | SlowClients] = field(default_factory=list)
    """The clients that actions have started."""
    signalled: list[int] = field(default_factory=list)
    """The workers that received a signal."""
    replaced: frozenset[int] = frozenset()
    """The workers that have to be replaced, after a signal or a restart."""
    count: int = 0
    """The number of workers before the drill."""

    def begin(self) -> None:
        """Forget the previous drill's effects on workers."""
        self.signalled.clear()
        self.replaced = frozenset()
        self.count = len(self.workers())

    def do(self, action: plan.Action, lasts: float) -> None:
        """Carry out one action; a fault ends by itself after `lasts` seconds. Raise DrillRefused."""
        match action:
            case plan.Arm():
                self.portal.arm(action, lasts)
            case plan.Disarm():
                self.portal.disarm()
            case plan.Restart():
                self.replaced |= self.workers()
                os.kill(self._pid(), _signal("HUP"))
            case plan.SendSignal(signal=name):
                self._send_signal(_signal(name))
            case plan.Flood(path=path, people=people):
                self._start(Crowd(self.portal, path, people))
            case plan.HostileText(requests=requests):
                self._start(HostileClient(self.portal, requests))
            case plan.SlowConnections(count=count):
                self._start(SlowClients(self.portal, count))
            case plan.Poison():
                toxic = Toxic(action.toxic, action.seconds, action.jitter, action.rate)
                self._proxy(action.proxy).set(toxic)
            case plan.Cleanse():
                self._cleanse()

    def _start(self, clients: Crowd | HostileClient | SlowClients) -> None:
        self.clients.append(clients.__enter__())

    def _cleanse(self) -> None:
        for proxy in filter(None, (self.mail, self.database)):
            proxy.set()

    def roll_back(self, seconds: float = ROLLBACK_TIMEOUT) -> str:
        """Undo everything that a drill may have done; return the problem if that fails, or an empty string.

        A portal that does not respond cannot disarm its faults. The temporary portal's file of faults is then removed,
        which its workers notice; on any other portal the faults end by themselves.
        """
        while self.clients:
            self.clients.pop().__exit__(None, None, None)
        self._cleanse()
        if sys.platform != "win32":
            for pid in self.signalled:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        until = time.monotonic() + seconds
        while True:
            try:
                self.portal.disarm()
            except DrillRefused as error:
                if time.monotonic() < until:
                    time.sleep(0.1)
                    continue
                if self.server is None or self.server.folder is None:
                    return f"{error} The faults end by themselves within a minute."
                (self.server.folder / "data" / FAULTS_FILE).unlink(missing_ok=True)
            return ""

    def deviation(self, probe: plan.Probe) -> str:
        """Return how the portal deviates from what the probe expects; an empty string if it does not."""
        match probe.probe:
            case "ready":
                unhealthy = self.portal.readiness().unhealthy()
                return self._missing_workers() or (
                    f"not healthy: {', '.join(unhealthy)}" if unhealthy else ""
                )
            case "answers":
                response = self.portal.get(probe.path)
                return (
                    "" if is_served(response) else f"{probe.path} returned {response.status or 'no response'}"
                )
            case "mail":
                waiting = self.portal.emails_waiting()
                return f"{waiting} emails are waiting" if waiting else ""
            case "payments":
                stuck = self._command("payments", "stuck")
                return "" if stuck is None or stuck.clean else f"stuck payments: {stuck.output}"
            case "check":
                checked = self.check()
                return "" if checked is None or checked.clean else checked.output

    def check(self) -> CheckResult | None:
        """Run `festgate check` on the temporary portal's data; None if the data is not ours to open."""
        return self._command("check")

    def _command(self, *words: str) -> CheckResult | None:
        if self.server is None or self.server.folder is None:
            return None
        try:
            done = subprocess.run(
                [sys.executable, "-m", "festgate", *words],
                cwd=self.server.folder,
                env=_without_settings() | dict(self.server.settings),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=CHECK_TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return CheckResult(
                clean=False, output=f"`festgate {words[0]}` took longer than {CHECK_TIMEOUT:g} s"
            )
        return CheckResult(done.returncode == 0, (done.stdout + done.stderr).strip())

    def workers(self) -> frozenset[int]:
        """Return the process ids of the workers: children of the process that was started."""
        if self.server is None:
            return frozenset()
        try:
            children = psutil.Process(self.server.pid).children()
        except psutil.NoSuchProcess:
            return frozenset()
        return frozenset(child.pid for child in children if _is_worker(child))

    def _missing_workers(self) -> str:
        if not self.replaced:
            return ""
        now = self.workers()
        if old := now & self.replaced:
            return f"{len(old)} of the old workers are still running"
        return "" if len(now) >= self.count else f"{len(now)} of {self.count} workers are running"

    def _send_signal(self, number: signal.Signals) -> None:
        worker = self.portal.worker()
        if worker not in self.workers():
            msg = "No worker process was found below the portal's own process, so none can receive a signal."
            raise DrillRefused(msg)
        self.signalled.append(worker)
        self.replaced |= {worker}
        os.kill(worker, number)

    def _pid(self) -> int:
        if self.server is None:
            msg = "A portal that was already running cannot be restarted by a drill. Use a temporary portal."
            raise DrillRefused(msg)
        return self.server.pid

    def _proxy(self, name: str) -> Proxy:
        proxy = self.mail if name == "mail" else self.database
        if proxy is None:
            msg = f"This portal has no proxy before its {name} server."
            raise DrillRefused(msg)
        return proxy


def _signal(name: str) -> signal.Signals:
    """Return the signal of that name. Raise DrillRefused if the system has none: Windows has only TERM."""
    number: signal.Signals | None = getattr(signal, f"SIG{name}", None)
    if number is None:
        msg = f"This system has no signal SIG{name}, so this drill cannot run here. Run it on Linux or macOS."
        raise DrillRefused(msg)
    return number


@contextmanager
def temporary_stage(setup: plan.Setup, *, bulkheads: bool = True, database: str = "") -> Iterator[Stage]:
    """Run a temporary portal until the end of the block. `database` is the address of an empty PostgreSQL database.

    Raise CannotServe.
    """
    token = secrets.token_urlsafe(16)
    settings = {"FESTGATE_DRILLS_TOKEN": token, "FESTGATE_WORKERS": str(setup.workers)}
    if not bulkheads:
        settings["FESTGATE_BULKHEADS"] = "off"
    with ExitStack() as stack:
        mail = database_proxy = None
        if setup.mail:
            mail = stack.enter_context(Proxy(stack.enter_context(mail_server())))
            settings |= {
                "FESTGATE_SMTP_HOST": mail.address[0],
                "FESTGATE_SMTP_PORT": str(mail.address[1]),
                "FESTGATE_SMTP_SECURITY": "none",
                # The emails of this crowd have no readers, and the drill waits until they are sent.
                "FESTGATE_CONFIRM_EMAIL": "off",
            }
        if database:
            database_proxy = stack.enter_context(Proxy(_address(database)))
            settings["FESTGATE_DATABASE_URL"] = _with_address(database, database_proxy.address)
        server = stack.enter_context(temporary_portal(extra=settings))
        # The first signal to end: the second one does not wait for requests that a drill has left hanging.
        stack.callback(_ask_to_end, server.pid)
        yield Stage(Portal(server.url, token), server, mail, database_proxy)


def _ask_to_end(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        time.sleep(0.2)


def _is_worker(process: psutil.Process) -> bool:
    """Return whether it is a worker, and not a zombie or a helper process of multiprocessing."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE and not any(
            "resource_tracker" in word or "forkserver" in word for word in process.cmdline()
        )
    except psutil.Error:
        return False


def _without_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("FESTGATE_")}


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or POSTGRES_PORT


def _with_address(url: str, address: tuple[str, int]) -> str:
    parts = urlsplit(url)
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return urlunsplit(parts._replace(netloc=f"{user}{address[0]}:{address[1]}"))
