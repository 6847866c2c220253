"""Where a drill is played, a scratch portal or one that runs already; and what is done to it there."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psutil

from festgate.drills.flood import Crowd
from festgate.drills.hostile_text import HostileClient
from festgate.drills.mail_server import MailServer, mail_server
from festgate.drills.plan import (
    Action,
    Arm,
    Cleanse,
    Disarm,
    Flood,
    HostileText,
    Poison,
    Probe,
    Restart,
    Setup,
    SlowConnections,
    Strike,
)
from festgate.drills.portal import Portal, Refuses
from festgate.drills.proxy import Proxy, proxied
from festgate.drills.slow_clients import SlowClients
from festgate.effects import FAULTS_FILE
from festgate.rehearsal.runner.servers import Server, own_portal

CHECK_WITHIN: Final = 60.0
"""Seconds for a command on the data."""
ROLL_BACK_WITHIN: Final = 8.0
"""Seconds for the portal to take the word that everything is disarmed."""
POSTGRES_PORT: Final = 5432
_NO_SUCH_OPERATION = "Here the drill has no process to act on"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a command on the data said, and whether that was good (exit code 0)."""

    clean: bool
    said: str


@dataclass
class Stage:
    """A portal to be drilled."""

    portal: Portal
    server: Server | None = None
    """Of the scratch portal; None for one that runs already."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """The scratch portal's environment."""
    mail: Proxy | None = None
    box: MailServer | None = None
    database: Proxy | None = None
    crowd: Crowd | None = None
    hostile: HostileClient | None = None
    slow: SlowClients | None = None
    struck: list[int] = field(default_factory=list)
    """Workers that were sent a signal."""
    replaced: frozenset[int] = frozenset()
    """Workers whose place others have to take: those that were struck, or there when a new build was deployed."""
    count: int = 0
    """How many there have to be."""

    def begin(self) -> None:
        """Before a drill: what the last one did to workers is over."""
        self.struck.clear()
        self.replaced = frozenset()
        self.count = len(self.workers())

    def do(self, action: Action, lasts: float) -> None:
        """One action; a fault is armed for `lasts` seconds and then ends by itself. Raises Refuses."""
        match action:
            case Arm():
                self.portal.arm(action, lasts)
            case Disarm():
                self.portal.disarm()
            case Restart():
                self.replaced |= self.workers()
                os.kill(self._pid(), _signal("HUP"))
            case Strike(signal=name):
                self._strike(_signal(name))
            case Flood() | HostileText() | SlowConnections():
                self._let_in(action)
            case Poison(proxy=name, toxic=toxic):
                self._proxy(name).set(toxic)
            case Cleanse():
                for proxy in (self.mail, self.database):
                    if proxy is not None:
                        proxy.set()

    def _let_in(self, action: Flood | HostileText | SlowConnections) -> None:
        if isinstance(action, Flood):
            self.crowd = Crowd(self.portal, action.path, action.people)
            self.crowd.__enter__()
        elif isinstance(action, HostileText):
            self.hostile = HostileClient(self.portal, action.requests)
            self.hostile.__enter__()
        else:
            self.slow = SlowClients(self.portal, action.count)
            self.slow.__enter__()

    def roll_back(self, seconds: float = ROLL_BACK_WITHIN) -> str:
        """Undo whatever any drill does; what could not be undone, or nothing.

        A portal that answers nobody cannot be told over HTTP. Of a scratch portal the file of armed faults is then
        removed, which its workers look at; any other disarms itself when the fault's time is over.
        """
        if self.crowd is not None:
            self.crowd.__exit__(None, None, None)
            self.crowd = None
        if self.hostile is not None:
            self.hostile.__exit__(None, None, None)
            self.hostile = None
        if self.slow is not None:
            self.slow.__exit__(None, None, None)
            self.slow = None
        self.do(Cleanse(), 0.0)
        if sys.platform != "win32":
            for pid in self.struck:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        until = time.monotonic() + seconds
        while True:
            try:
                self.portal.disarm()
            except Refuses as error:
                if time.monotonic() < until:
                    time.sleep(0.1)
                    continue
                if self.server is None or self.server.folder is None:
                    return f"{error} The faults end by themselves within a minute."
                (self.server.folder / "data" / FAULTS_FILE).unlink(missing_ok=True)
            return ""

    def holds(self, probe: Probe) -> str:
        """What is not as the probe expects it; empty where it is."""
        match probe.probe:
            case "ready":
                readiness = self.portal.readiness()
                missing = self._missing_workers()
                if readiness.ready and not readiness.ill() and not missing:
                    return ""
                return missing or f"not well: {', '.join(readiness.ill()) or 'the portal'}"
            case "answers":
                status = self.portal.ask(probe.path).status
                return "" if 0 < status < 500 else f"{probe.path} answered {status or 'nothing'}"  # noqa: PLR2004
            case "mail":
                waiting = self.portal.emails_waiting()
                return f"{waiting} emails wait" if waiting else ""
            case "payments":
                listed = self._command("payments", "stuck")
                return "" if listed is None or listed.clean else f"these hang: {listed.said}"
            case "check":
                checked = self.check()
                return "" if checked is None or checked.clean else checked.said

    def check(self) -> Checked | None:
        """`festgate check` on the scratch portal's data; None where the data is not ours to open."""
        return self._command("check")

    def _command(self, *words: str) -> Checked | None:
        if self.server is None or self.server.folder is None:
            return None
        try:
            done = subprocess.run(
                [sys.executable, "-m", "festgate", *words],
                cwd=self.server.folder,
                env=_without_settings() | dict(self.settings),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=CHECK_WITHIN,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Checked(clean=False, said=f"`festgate {words[0]}` took longer than {CHECK_WITHIN:g} s")
        return Checked(done.returncode == 0, (done.stdout + done.stderr).strip())

    def log_tail(self, lines: int = 12) -> str:
        """The last that the scratch portal wrote."""
        if self.server is None or self.server.folder is None:
            return ""
        log = self.server.folder / "server.log"
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def workers(self) -> frozenset[int]:
        """The processes that serve: children of the one that was started."""
        if self.server is None:
            return frozenset()
        try:
            children = psutil.Process(self.server.pid).children()
        except psutil.NoSuchProcess:
            return frozenset()
        return frozenset(child.pid for child in children if _serves(child))

    def _missing_workers(self) -> str:
        if not self.replaced:
            return ""
        now = self.workers()
        if old := now & self.replaced:
            return f"{len(old)} of the workers from before are still there"
        return "" if len(now) >= self.count else f"{len(now)} of {self.count} workers are there"

    def _strike(self, number: signal.Signals) -> None:
        worker = self._a_worker()
        self.struck.append(worker)
        self.replaced |= {worker}
        os.kill(worker, number)

    def _a_worker(self) -> int:
        """One that answers now."""
        told = self.portal.worker()
        if told in self.workers():
            return told
        msg = "No worker process is seen below the portal's own, so none can be struck."
        raise Refuses(msg)

    def _pid(self) -> int:
        if self.server is None:
            raise Refuses(_NO_SUCH_OPERATION)
        return self.server.pid

    def _proxy(self, name: str) -> Proxy:
        proxy = self.mail if name == "mail" else self.database
        if proxy is None:
            msg = f"There is no proxy before the {name} here."
            raise Refuses(msg)
        return proxy


def _signal(name: str) -> signal.Signals:
    """Raises Refuses where this system has none of that name: Windows knows TERM alone."""
    found: signal.Signals | None = getattr(signal, f"SIG{name}", None)
    if found is None:
        msg = f"This system has no signal SIG{name}, so this drill cannot be played here: play it on Linux or macOS."
        raise Refuses(msg)
    return found


@contextmanager
def scratch(setup: Setup, *, bulkheads: bool = True, database: str = "") -> Iterator[Stage]:
    """A portal over a scratch copy, made for `setup`; `database` is the address of an empty PostgreSQL database.

    Gone with the block, at once. Raises CannotServe.
    """
    token = secrets.token_urlsafe(16)
    settings = {"FESTGATE_DRILLS_TOKEN": token, "FESTGATE_WORKERS": str(setup.workers)}
    if not bulkheads:
        settings["FESTGATE_BULKHEADS"] = "off"
    with ExitStack() as stack:
        box = mail = far = None
        if setup.mail:
            box = stack.enter_context(mail_server())
            mail = stack.enter_context(proxied(box.address))
            settings |= {
                "FESTGATE_SMTP_HOST": mail.address[0],
                "FESTGATE_SMTP_PORT": str(mail.address[1]),
                "FESTGATE_SMTP_SECURITY": "none",
                # Nobody reads the emails of this crowd, and its emails are counted.
                "FESTGATE_CONFIRM_EMAIL": "off",
            }
        if database:
            far = stack.enter_context(proxied(_place(database)))
            settings["FESTGATE_DATABASE_URL"] = _moved(database, far.address)
        server = stack.enter_context(own_portal(extra=settings))
        # Asked twice to end: what a drill left hanging is not waited for.
        stack.callback(_ask_to_end, server.pid)
        yield Stage(Portal(server.url, token), server, {**server.settings}, mail, box, far)


def _ask_to_end(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        time.sleep(0.2)


def _serves(process: psutil.Process) -> bool:
    """Whether it is a worker, and not one of multiprocessing's own servants or on its way out."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE and not any(
            "resource_tracker" in word or "forkserver" in word for word in process.cmdline()
        )
    except psutil.Error:
        return False


def _without_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("FESTGATE_")}


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or POSTGRES_PORT


def _moved(url: str, place: tuple[str, int]) -> str:
    parts = urlsplit(url)
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return urlunsplit(parts._replace(netloc=f"{user}{place[0]}:{place[1]}"))
