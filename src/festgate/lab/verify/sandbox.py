"""Run a submitted app in a separate process with limits, on loopback, and kill it with everything it started."""

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import psutil

from festgate.lab.verify.protections import NoInterpreter, confined, passed_environment, protections
from festgate.rehearsal.runner.servers import NEW_GROUP

RUNNER: Final = Path(__file__).parent / "runner.py"
RUN_VARIABLE: Final = "FESTGATE_LAB_RUN"
"""The environment variable by which the processes that an app started are found."""
COUNTS: Final = ("instructions", "calls", "statements", "rows", "steps")
"""The counts, as `runner` defines them."""
NAMESPACE_PROCESSES: Final = 2
"""Processes below the one that we start, for an app in namespaces: the first process there, and the app's."""
POLL: Final = 0.2
"""Seconds between two checks of what the app uses."""
KILL_TIMEOUT: Final = 5.0
"""Seconds that a killed process may take to disappear."""
MAX_LINE_LENGTH: Final = 1_000_000
MAX_OUTPUT_LENGTH: Final = 240
MAX_READ: Final = 65_536
"""Bytes at the end of the output in which an error is searched."""
_EXCEPTION: Final = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception)\b")
_PACKAGE: Final = re.compile(r"[/\\]site-packages[/\\]([A-Za-z]\w*)")
MEBIBYTE: Final = 1024 * 1024


class AppFailed(Exception):
    """The app did not start, or has exited; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of an app. The starter needs 1 s to start, 90 MB and twenty open files."""

    start: float = 30.0
    """Seconds to start."""
    response: float = 10.0
    """Seconds for one response."""
    scenario: float = 120.0
    """Seconds for all responses of a scenario; the starter takes five."""
    processor: int = 300
    """Seconds of processor time of each process."""
    memory: int = 1024 * MEBIBYTE
    """Resident bytes of all processes."""
    address_space: int = 4096 * MEBIBYTE
    """Virtual bytes of one process; threads reserve much more than they use."""
    files: int = 256
    """Files that are open at once."""
    written: int = 64 * MEBIBYTE
    """Bytes of one file, including the log of its output."""
    processes: int = 8
    """Child processes at one time."""
    instructions: int = 400_000
    """Instructions of one request after which counting stops."""

    @property
    def resources(self) -> dict[str, int]:
        """Return the limits of one process that the system keeps, by their names."""
        return {
            "AS": self.address_space,
            "CPU": self.processor,
            "NOFILE": self.files,
            "FSIZE": self.written,
            "CORE": 0,
        }


@dataclass(frozen=True)
class SandboxedApp:
    """A submitted app that serves requests."""

    port: int
    pid: int
    python: str
    """The version of its interpreter."""
    missing: tuple[str, ...]
    """Limits that this system does not have."""
    limits: Limits
    _process: "subprocess.Popen[bytes]" = field(repr=False)
    _control: socket.socket = field(repr=False)
    _log: Path = field(repr=False)
    _watch: "Watch" = field(repr=False)

    @property
    def url(self) -> str:
        """Return the app's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def runs(self) -> bool:
        """Return whether the process is alive."""
        return self._process.poll() is None

    def has_ended(self) -> bool:
        """Return whether the process exits within a moment: it closes its connections first."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(POLL)
        return not self.runs

    def why_gone(self) -> str:
        """Explain how the process ended, as far as that is known."""
        return _why_gone(self._process, self._log, self._watch.violation, self.limits)

    def begin(self) -> None:
        """Reset the counts. Raises AppFailed."""
        self._request("begin")

    def counted(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return the counts, and how often the app's code raised each exception, by name. Raises AppFailed."""
        reply = self._request("counts")
        try:
            counts = {name: int(reply["counts"][name]) for name in COUNTS}
            raised = {str(name): int(count) for name, count in reply["raised"].items()}
        except (KeyError, TypeError, ValueError, AttributeError):
            msg = "The counts of the app's process cannot be read."
            raise AppFailed(msg) from None
        return counts, raised

    def processor_time(self) -> float:
        """Return the seconds of processor time that the process has used. Raises AppFailed."""
        try:
            return float(self._request("processor"))
        except (TypeError, ValueError):
            msg = "The processor time of the app's process cannot be read."
            raise AppFailed(msg) from None

    def last_error(log: Path) -> str:
    """Return the last exception in the output, and the package that the app's code called; empty without one."""
    error = package = ""
    with suppress(OSError):
        for line in _lines_from_the_end(log):
            if not error:
                error = line if _EXCEPTION.match(line) else ""
            elif place := _PACKAGE.search(line):
                package = place[1]
            elif line.startswith("Traceback") or (package and line.startswith('File "')):
                break
    return f"{error} (raised in the package {package})" if package else error


def _lines_from_the_end(log: Path) -> Iterator[str]:
    """Yield the last lines of the output that are not empty, without unprintable characters. Raises OSError."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - MAX_READ))
        lines = file.read().decode("utf-8", errors="replace").split("\n")
    for line in reversed(lines):
        shown = " ".join("".join(letter if letter.isprintable() else " " for letter in line).split())
        if shown:
            yield shown[:MAX_OUTPUT_LENGTH]


def _kill(process: "subprocess.Popen[bytes]", others: Collection[psutil.Process]) -> None:
    for other in others:
        # psutil checks that the process id was not reused.
        with suppress(psutil.Error):
            other.kill()
    if others and protections().namespaces:
        # The process that we started waits for the app's. Without it the system's first process would, which on some
        # systems takes more than a second.
        with suppress(subprocess.TimeoutExpired):
            process.wait(KILL_TIMEOUT)
    if sys.platform != "win32":
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    with suppress(OSError):
        process.kill()


def _kill_by_token(token: str) -> None:
    """Kill processes that left the group and lost their parent, if they kept their environment; wait for their end."""
    killed = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(RUN_VARIABLE) == token:
                process.kill()
                killed.append(process)
    _wait_for(killed)


def _wait_for(killed: Iterable[psutil.Process]) -> None:
    """Wait until the processes have ended; a zombie has."""
    until = time.monotonic() + KILL_TIMEOUT
    for process in killed:
        with suppress(psutil.Error):
            while (
                process.is_running() and process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < until
            ):
                time.sleep(POLL / 20)
