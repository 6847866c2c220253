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

from festgate.lab.verify.forks import INTERPRETER_VARIABLES, Process, forked
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
"""Seconds between two checks of the app's resources."""
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


class ConfinedProcess:
    """A process, and a thread that checks its resources and its children's, and kills them beyond the limits."""

    def __init__(self, process: Process, log: Path, limits: Limits) -> None:
        """Begin to watch the process and its children; its output goes to `log`."""
        self.popen = process
        self.limits = limits
        self._log = log
        self._done = threading.Event()
        self._seen: dict[int, psutil.Process] = {}
        self.violation = ""
        """The limit that was exceeded, as a sentence."""
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)
        self._thread.start()

    @property
    def runs(self) -> bool:
        """Return whether the process is alive."""
        return self.popen.poll() is None

    def why_gone(self) -> str:
        """Return how the process ended, as far as that is known."""
        with suppress(subprocess.TimeoutExpired):
            self.popen.wait(1.0)
        code = self.popen.poll()
        last = _last_output(self._log)
        if self.violation:
            return self.violation
        if code is None:
            return f"The app stopped responding: {last}"
        if code < 0 and -code == getattr(signal, "SIGXCPU", None):
            return f"The app used more than {self.limits.processor} s of processor time."
        if "MemoryError" in last:
            return f"The app used more than {self.limits.address_space // MEBIBYTE} MB of memory: {last}"
        how = f"was killed by signal {-code}" if code < 0 else f"exited with code {code}"
        return f"The app {how}: {last}"

    def last_error(self) -> str:
        """Return the last exception in the output, and the package that the app's code called; empty without one."""
        error = package = ""
        with suppress(OSError):
            for line in _lines_from_the_end(self._log):
                if not error:
                    error = line if _EXCEPTION.match(line) else ""
                elif place := _PACKAGE.search(line):
                    package = place[1]
                elif line.startswith("Traceback") or (package and line.startswith('File "')):
                    break
        return f"{error} (raised in the package {package})" if package else error

    def end(self) -> None:
        """Kill the app and the processes it started."""
        self._done.set()
        self._thread.join()
        self._check()
        _kill(self.popen, self._seen.values())
        _wait_for(self._seen.values())

    def _run(self) -> None:
        while not self._done.wait(POLL):
            self._check()
            if self.violation:
                _kill(self.popen, self._seen.values())
                return

    def _check(self) -> None:
        memory = 0
        with suppress(psutil.Error):
            first = psutil.Process(self.popen.pid)
            # The app's process is reaped elsewhere; its children may outlive it.
            children = first.children(recursive=True)
            self._seen |= {child.pid: child for child in children}
            for process in (first, *children):
                with suppress(psutil.Error):
                    memory += process.memory_info().rss
            ours = NAMESPACE_PROCESSES if protections().namespaces else 0
            if len(children) - ours > self.limits.processes:
                self.violation = f"The app started more than {self.limits.processes} processes."
            if memory > self.limits.memory:
                self.violation = f"The app used more than {self.limits.memory // MEBIBYTE} MB of memory."


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
    process: ConfinedProcess = field(repr=False)
    _control: socket.socket = field(repr=False)

    @property
    def url(self) -> str:
        """Return the app's address."""
        return f"http://127.0.0.1:{self.port}"

    def has_ended(self) -> bool:
        """Return whether the process exits within a moment: it closes its connections first."""
        with suppress(subprocess.TimeoutExpired):
            self.process.popen.wait(POLL)
        return not self.process.runs

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

    def _request(self, command: str) -> Any:  # noqa: ANN401  (any JSON)
        try:
            self._control.sendall(json.dumps(command).encode() + b"\n")
            return json.loads(_line(self._control, time.monotonic() + self.limits.response))
        except (OSError, ValueError, RecursionError):
            raise AppFailed(self.process.why_gone()) from None


@contextmanager
def sandboxed(
    folder: Path,
    python: str,
    log: Path,
    *,
    app: str = "main:app",
    fill: str = "",
    count: bool = False,
    limits: Limits | None = None,
) -> Iterator[SandboxedApp]:
    """Serve the app of `folder` with that interpreter until the block ends. Raises AppFailed.

    `folder` is a temporary copy, which the app may write to. Its output goes to `log`. The script `fill` of the folder
    is run before the app starts. With `count` the app is instrumented, and many times slower.
    """
    limits = limits or Limits()
    token = secrets.token_hex(16)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        command = _confined(python, folder, limits, port, token)
        config = {
            "control_port": port,
            "token": token,
            "app": app,
            "fill": fill,
            "count": count,
            "max_instructions": limits.instructions,
        }
        with confined_process(command, folder, log, token, limits, config, forks=True) as process:
            control, message = _accept(listening, process, token)
            with control:
                yield _app(message, process, control)


@contextmanager
def confined_process(
    command: list[str],
    folder: Path,
    log: Path,
    token: str,
    limits: Limits,
    config: Mapping[str, object],
    *,
    forks: bool = False,
) -> Iterator[ConfinedProcess]:
    """Run a command of `confined` until the block ends, with a line of JSON on its standard input. Raises AppFailed.

    With `forks` the command is one of the programs of `fork_server`, and its process may be forked.
    """
    process: Process | None = None
    watched: ConfinedProcess | None = None
    try:
        environment = _environment(folder, token)
        if forks:
            process = forked(command, folder, log, environment, config)
        process = process or _start(command, folder, log, environment, config)
        watched = ConfinedProcess(process, log, limits)
        yield watched
    finally:
        # An interrupt may come before the process id is known. The processes are then found by the variable with the
        # token.
        if watched is not None:
            watched.end()
        _kill_by_token(token)
        if process is not None:
            process.wait()


def _app(message: Mapping[str, Any], process: ConfinedProcess, control: socket.socket) -> SandboxedApp:
    if "error" in message:
        msg = f"The app cannot be served: {str(message['error'])[:MAX_OUTPUT_LENGTH]}."
        raise AppFailed(msg)
    try:
        port, pid, python = int(message["port"]), int(message["pid"]), str(message["python"])
    except (KeyError, TypeError, ValueError):
        msg = "The first message of the app's process cannot be read."
        raise AppFailed(msg) from None
    return SandboxedApp(port, pid, python, protections().missing_limits, process.limits, process, control)


def _confined(python: str, folder: Path, limits: Limits, port: int, token: str) -> list[str]:
    try:
        return confined(
            [python, "-s", "-B", str(RUNNER)],
            protections(),
            limits.resources,
            readable=[RUNNER],
            writable=[folder],
            control_port=port,
            token=token,
        )
    except NoInterpreter as error:
        raise AppFailed(str(error)) from None


def _environment(folder: Path, token: str) -> dict[str, str]:
    folders = dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"), str(folder))
    return {**passed_environment(), **folders, **INTERPRETER_VARIABLES, RUN_VARIABLE: token}


def _start(
    command: list[str],
    folder: Path,
    log: Path,
    environment: Mapping[str, str],
    config: Mapping[str, object],
) -> "subprocess.Popen[bytes]":
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                creationflags=NEW_GROUP,
            )
        except OSError as error:
            msg = f"{command[0]} cannot be started: {error.strerror}."
            raise AppFailed(msg) from None
    assert process.stdin is not None  # noqa: S101  (a pipe, as it was started)
    with suppress(OSError), process.stdin as pipe:
        pipe.write(json.dumps(config).encode() + b"\n")
    return process


def _accept(
    listening: socket.socket, process: ConfinedProcess, token: str
) -> tuple[socket.socket, Mapping[str, Any]]:
    """Return the app's connection to the control port, and its first messages. Raises AppFailed."""
    until = time.monotonic() + process.limits.start
    listening.settimeout(POLL)
    ended = False
    while not ended and time.monotonic() < until:
        # A message sent before the exit still waits.
        ended = not process.runs
        with suppress(TimeoutError):
            control, _ = listening.accept()
            if message := _first_messages(control, process, token, until):
                return control, message
            # A connection without the token is not from the runner.
            control.close()
    if ended:
        raise AppFailed(process.why_gone())
    msg = f"The app did not start within {process.limits.start:g} s: its code does not end, or waits."
    raise AppFailed(msg)


def _first_messages(
    control: socket.socket, process: ConfinedProcess, token: str, until: float
) -> dict[str, Any]:
    """Return the process id from `confinement` and the port, or the error, from the runner; empty without them."""
    message: dict[str, Any] = {"pid": process.popen.pid} if sys.platform == "win32" else {}
    while "error" not in message and not {"pid", "port"} <= message.keys():
        part = _first_message(control, process, until)
        if not isinstance(part, dict) or part.get("token") != token:
            return {}
        message |= part
    return message


def _first_message(control: socket.socket, process: ConfinedProcess, until: float) -> object:
    """Return the JSON of the first line; None without one."""
    while time.monotonic() < until:
        ended = not process.runs
        try:
            return json.loads(_line(control, time.monotonic() + POLL))
        except TimeoutError:
            if ended:
                return None
        except (OSError, ValueError, RecursionError):
            return None
    return None


def _line(control: socket.socket, until: float) -> bytes:
    """Read one line. Raises TimeoutError, OSError; ValueError when the connection closes before its end."""
    line = bytearray()
    while not line.endswith(b"\n"):
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        control.settimeout(left)
        # An incomplete line stays in the buffer for the next attempt.
        waiting = control.recv(65_536, socket.MSG_PEEK)
        if b"\n" not in waiting and len(waiting) < MAX_LINE_LENGTH:
            if not waiting:
                raise ValueError
            time.sleep(POLL / 20)
            continue
        line += control.recv(waiting.index(b"\n") + 1)
    return bytes(line)


def _last_output(log: Path) -> str:
    """Return the last error in the last lines of the output, or the last line: it may be anything."""
    try:
        lines = list(islice(_lines_from_the_end(log), 6))
    except OSError:
        return "its output cannot be read."
    return next((line for line in lines if _EXCEPTION.match(line)), "") or next(
        iter(lines), "it printed nothing."
    )


def _lines_from_the_end(log: Path) -> Iterator[str]:
    """Yield the last lines of the output that are not empty, without unprintable characters. Raises OSError."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - MAX_READ))
        lines = file.read().decode("utf-8", errors="replace").split("\n")
    for line in reversed(lines):
        shown = " ".join("".join(letter if letter.isprintable() else " " for letter in line).split())
        if shown:
            yield shown[:MAX_OUTPUT_LENGTH]


def _kill(process: Process, others: Collection[psutil.Process]) -> None:
    for other in others:
        # psutil checks that the process id was not reused.
        with suppress(psutil.Error):
            other.kill()
    if others and protections().namespaces:
        # The process that we started reaps the app's process. Without it the system's first process would, which on
        # some systems takes more than a second.
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
