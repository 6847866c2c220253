"""Fork the runner of an app, or of locustfiles, from a process with its packages: a tenth of the time of a start.

Each forked process is confined before it runs submitted code, as a started one is. Only Linux with namespaces has it:
elsewhere the processes of an app are recognised by a variable, which a forked process cannot show.
"""

import atexit
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol

from festgate.lab.verify.protections import passed_environment

FORK_SERVER: Final = Path(__file__).parent / "fork_server.py"
INTERPRETER_VARIABLES: Final = {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
"""Variables of every interpreter. A fixed hash seed: sets iterate in the same order, so that counts repeat."""
MODULE_SUFFIXES: Final = frozenset({".py", ".pyc", ".so"})
MAX_NAMES_LENGTH: Final = 200_000
KILLED: Final = 9
"""The number of SIGKILL."""
TIMEOUT: Final = 60.0
"""Seconds for the imports, and for a fork."""


class Process(Protocol):
    """The common interface of `subprocess.Popen` and a forked process."""

    @property
    def pid(self) -> int:
        """The process id."""

    def poll(self) -> int | None:
        """Return the exit code, a negative signal number, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; return the exit code. Raises subprocess.TimeoutExpired."""

    def kill(self) -> None:
        """Kill the process if it still runs."""


class NoFork(Exception):
    """A process that could not be forked."""


class ForkedProcess:
    """A forked process."""

    def __init__(self, status: int) -> None:
        """Take the file descriptor from which the process id and the exit code are read."""
        self._status = status
        self._lines = b""
        self._ended = False

    def __del__(self) -> None:
        """Close the file descriptor."""
        os.close(self._status)

    @property
    def pid(self) -> int:
        """The process id. Raises NoFork."""
        self._read(1, TIMEOUT)
        numbers = self._numbers()
        if not numbers:
            raise NoFork
        return numbers[0]

    def poll(self) -> int | None:
        """Return the exit code, a negative signal number, or None while it runs."""
        self._read(2, 0.0)
        numbers = self._numbers()
        if len(numbers) > 1:
            return numbers[1]
        # Its parent process was killed; the exit code is lost.
        return -KILLED if self._ended else None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; return the exit code. Raises subprocess.TimeoutExpired."""
        self._read(2, timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired([str(FORK_SERVER)], timeout or 0.0)
        return code

    def kill(self) -> None:
        """Kill the process if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, KILLED)

    def _numbers(self) -> list[int]:
        return [int(line) for line in self._lines.split(b"\n")[:-1]]

    def _read(self, lines: int, seconds: float | None) -> None:
        until = None if seconds is None else time.monotonic() + seconds
        while self._lines.count(b"\n") < lines and not self._ended:
            left = None if until is None else max(0.0, until - time.monotonic())
            if not select.select([self._status], [], [], left)[0]:
                return
            read = os.read(self._status, 64)
            self._lines += read
            self._ended = not read


class ForkServer:
    """A process of an interpreter that has imported the packages of a program and forks it."""

    modules: frozenset[str]
    """The first names of the modules of its processes that an app must not have."""
    _process: "subprocess.Popen[bytes]"
    _requests: socket.socket

    def __init__(self, python: str, program: str) -> None:
        """Start it for `runner` or `load_recorder`. Raises NoFork."""
        if sys.platform == "win32":
            raise NoFork
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [python, "-s", "-B", str(FORK_SERVER), str(theirs.fileno()), program],
                    cwd=FORK_SERVER.parent,
                    env=passed_environment() | INTERPRETER_VARIABLES,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                    pass_fds=(theirs.fileno(),),
                )
            except OSError:
                self._requests.close()
                raise NoFork from None
        atexit.register(self.close)
        self._requests.settimeout(TIMEOUT)
        try:
            self.modules = frozenset(json.loads(self._requests.recv(MAX_NAMES_LENGTH)))
        except (OSError, ValueError):
            self.close()
            raise NoFork from None

    def close(self) -> None:
        """End it. The processes that it has forked go on."""
        atexit.unregister(self.close)
        self._requests.close()
        self._process.kill()
        self._process.wait()

    def fork(self, request: Mapping[str, Any], output: int) -> ForkedProcess:
        """Fork the program with this file for its output. Raises NoFork."""
        if sys.platform == "win32":
            raise NoFork
        read_end, write_end = os.pipe()
        process = ForkedProcess(read_end)
        try:
            socket.send_fds(self._requests, [json.dumps(request).encode()], [output, write_end])
        except OSError:
            raise NoFork from None
        finally:
            os.close(write_end)
        try:
            process.pid  # noqa: B018  (waits for it)
        except BaseException:
            with suppress(NoFork):
                process.kill()
            raise
        return process


@lru_cache
def fork_server(python: str, program: str) -> ForkServer | None:
    """Return the fork server of an interpreter's program, which ends with this process; None if it has none."""
    try:
        return ForkServer(python, program)
    except NoFork:
        return None


def forked(
    command: Sequence[str],
    folder: Path,
    log: Path,
    environment: Mapping[str, str],
    config: Mapping[str, object],
) -> ForkedProcess | None:
    """Fork the program, confined as the command of `confined` would start it; None where it has to be started."""
    if sys.platform != "linux":
        return None
    confinement = json.loads(command[-1])
    if not confinement["namespaces"]:
        return None
    python, *_, program = confinement["command"]
    server = fork_server(python, Path(program).stem)
    # A module of the app with the name of a package comes first where the runner is started.
    if server is None or not server.modules.isdisjoint(_module_names(folder)):
        return None
    request = {
        "folder": str(folder),
        "environment": dict(environment),
        "confinement": confinement,
        "program": config,
    }
    with suppress(NoFork), log.open("wb") as output:
        return server.fork(request, output.fileno())
    return None


def _module_names(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.suffix in MODULE_SUFFIXES or path.is_dir():
            yield path.name.partition(".")[0]
