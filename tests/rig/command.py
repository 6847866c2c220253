"""Programs of Festgate as processes, forked from one that has imported everything (tests.rig.zygote)."""

import atexit
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol, Self

from tests.rules.project import ROOT

PORTAL = (
    "festgate.cli",
    "festgate.cli.portal",
    "festgate.rehearsal.cli.commands",
    "festgate.server.cli",
    "festgate.server.worker",
    "festgate.portal.*",
    "alembic.command",
    "jinja2.ext",
    "pydantic.v1",
    "anyio._backends._asyncio",
    "uvloop",
    "httptools",
)
"""Modules that a portal and its commands import at the start, or when the portal is built."""
REHEARSAL = (
    *PORTAL,
    *(
        f"festgate.rehearsal.{name}"
        for name in (
            "runner.builds",
            "runner.capacity",
            "runner.inspection",
            "verdict.comparison",
            "cli.locust_files",
            "cli.display",
            "runs.export",
            "runner.pairs",
            "runner.run",
            "report",
            "report.run_charts",
            "report.comparison_charts",
            "report.capacity_charts",
            "stats.summary",
        )
    ),
    "festgate.lab.cli.commands",
    "festgate.lab.hints.pictures",
    "festgate.lab.report.document",
    "festgate.lab.verify.display",
    "festgate.drills.report",
    "httpx",
    "httpcore",
)
"""The same and the modules of the rehearsal, with its libraries for numbers and charts."""
LOAD = ("festgate.rehearsal.load.generator", "festgate.rehearsal.load.worker")
"""The modules of a load generator, with Locust, which no other process imports."""
SERVER = (
    "uvicorn.main",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
    "fastapi.templating",
    "jinja2.ext",
    "pydantic.v1",
    "anyio._backends._asyncio",
)
"""The modules of a server, and what the apps of the lab import."""
USED_PROGRAMS = {"festgate": PORTAL, "festgate.rehearsal.load": LOAD, "uvicorn": SERVER}
"""The programs that commands start, as `python -m` names them, and the modules that they import at the start."""
PROGRAMS = {**USED_PROGRAMS, "locust": ("locust.main",)}
"""These programs, and Locust as it is without Festgate."""
TIMEOUT = 300.0
"""Seconds for the imports: a hundred times as long as they take, for a busy machine."""
_STARTING = threading.Lock()
"""Held while a zygote may be started, so that threads start only one."""
ZYGOTES: dict[tuple[str, ...], socket.socket] = {}
"""The sockets for requests to the zygotes, by their modules."""


class Process(Protocol):
    """The common interface of `subprocess.Popen` and a forked command."""

    @property
    def pid(self) -> int:
        """The process id."""

    def poll(self) -> int | None:
        """Return the exit code, a negative signal number, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; return the exit code. Raise subprocess.TimeoutExpired."""

    def send_signal(self, sig: int) -> None:
        """Send a signal if the process still runs."""


@dataclass(frozen=True)
class Start:
    """A start of a program by `subprocess`, from the arguments of its internal method."""

    command: object
    folder: str | None
    environment: Mapping[str, str]
    pipes: tuple[int, int, int, int, int, int]
    """For standard input, output and error: the end to read and the end to write, or -1."""
    new_session: bool

    @classmethod
    def of(cls, arguments: Sequence[Any]) -> Self:
        """Take the arguments of `subprocess.Popen._execute_child`."""
        folder, variables = arguments[5], arguments[6]
        return cls(
            arguments[0],
            None if folder is None else os.fspath(folder),
            os.environ if variables is None else variables,
            (*arguments[10:16],),
            bool(arguments[21]),
        )

    @property
    def program(self) -> str:
        """Return NAME of `python -m NAME WORDS...`; an empty string for another command."""
        command = self.command
        is_module = isinstance(command, list) and len(command) > 2 and command[:2] == [sys.executable, "-m"]
        return str(command[2]) if is_module and isinstance(command, list) else ""

    @property
    def words(self) -> list[str]:
        """Return the words after the program's name."""
        assert isinstance(self.command, list)
        return [str(word) for word in self.command[3:]]

    @property
    def can_be_forked(self) -> bool:
        """Return whether a forked process would run the same code, and so would a process that it starts anew."""
        return can_fork(self.environment) and "--reload" not in self.words

    @property
    def files(self) -> tuple[int, int, int]:
        """Return the standard files of the program, -1 for one that it inherits."""
        return self.pipes[0], self.pipes[3], self.pipes[5]


class Forked:
    """A forked command."""

    def __init__(self, words: list[str], status: int) -> None:
        """Take the file descriptor from which its process id and later its exit code are read."""
        self.args = words
        self._status = status
        self._output = b""
        self._read_lines(TIMEOUT, lines=1)
        if not self._output:
            raise RuntimeError(f"{' '.join(words)} did not start within {TIMEOUT:g} seconds")
        self.pid = int(self._output.split()[0])

    def poll(self) -> int | None:
        """Return the exit code if it has ended."""
        self._read_lines(0, lines=2)
        fields = self._output.split()
        return int(fields[1]) if len(fields) > 1 else None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; return the exit code."""
        self._read_lines(timeout, lines=2)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return code

    def send_signal(self, sig: int) -> None:
        """Send a signal if the process still runs."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def _read_lines(self, seconds: float | None, lines: int) -> None:
        until = None if seconds is None else time.monotonic() + seconds
        while self._output.count(b"\n") < lines:
            left = None if until is None else max(0.0, until - time.monotonic())
            if not select.select([self._status], [], [], left)[0]:
                return
            data = os.read(self._status, 64)
            if not data:
                raise RuntimeError(
                    f"the exit code of {' '.join(self.args)} is unknown: its parent process has ended"
                )
            self._output += data

    def __del__(self) -> None:
        """Close the file descriptor."""
        os.close(self._status)


def _zygote(modules: tuple[str, ...]) -> socket.socket:
    """Return the socket for requests to the zygote with these modules, which is started if needed."""
    with _STARTING:
        if modules not in ZYGOTES:
            ZYGOTES[modules] = _start_zygote(modules)
        return ZYGOTES[modules]


def _start_zygote(modules: tuple[str, ...]) -> socket.socket:
    others: dict[str, int] = {}
    if modules == REHEARSAL:
        for program, needed in USED_PROGRAMS.items():
            ZYGOTES[needed] = ZYGOTES.get(needed) or _start_zygote(needed)
            others[program] = ZYGOTES[needed].fileno()
    parent_end, child_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with child_end:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.rig.zygote", json.dumps(others), *modules],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("FESTGATE_")}
            | {"PYTHONUNBUFFERED": "1"},
            stdin=child_end.fileno(),
            pass_fds=tuple(others.values()),
        )

    def end() -> None:
        parent_end.close()
        # A process that a test left behind may still hold the socket.
        process.terminate()
        process.wait(TIMEOUT)

    atexit.register(end)
    return parent_end


def start(
    words: list[str],
    environment: Mapping[str, str],
    stdin: IO[bytes],
    stdout: IO[bytes],
    stderr: IO[bytes],
    *,
    folder: Path | None = None,
    modules: tuple[str, ...] = PORTAL,
    forks_all: bool = False,
) -> Process:
    """Start `festgate WORDS...` in `folder` as a process with its own session.

    With another PYTHONPATH, and on other systems than Linux, the process is not forked. With `forks_all` the programs
    that the command itself starts are forked too, even if they are then no children of its process.
    """
    folder = folder or Path.cwd()
    if not can_fork(environment):
        return subprocess.Popen(
            [sys.executable, "-m", "festgate", *words],
            cwd=folder,
            env=dict(environment),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    files = [stdin.fileno(), stdout.fileno(), stderr.fileno()]
    request = {"program": "festgate", "words": words, "new_session": True, "forks_all": forks_all}
    return _fork(request, environment, files, folder, modules)


def can_fork(environment: Mapping[str, str]) -> bool:
    """Return whether a forked process with these variables would run the same code.

    macOS ends forked processes whose parent has used its libraries.
    """
    return sys.platform == "linux" and environment.get("PYTHONPATH") == os.environ.get("PYTHONPATH")


def _fork(
    request: Mapping[str, Any],
    environment: Mapping[str, str],
    files: Sequence[int],
    folder: Path,
    modules: tuple[str, ...],
) -> Forked:
    """Have a program forked, with these standard files."""
    fields = {**request, "environment": dict(environment), "folder": str(folder)}
    read_end, write_end = os.pipe()
    try:
        socket.send_fds(_zygote(modules), [json.dumps(fields).encode()], [*files, write_end])
    finally:
        os.close(write_end)
    return Forked(request["words"], read_end)


class ForkedPopen(subprocess.Popen[Any]):
    """A process that is forked where it would run one of PROGRAMS in a new interpreter."""

    _forked: Forked | None = None

    def _execute_child(self, *arguments: Any) -> None:  # noqa: ANN401  (internal to subprocess)
        start = Start.of(arguments)
        program = start.program
        if program not in PROGRAMS or not start.can_be_forked:
            super()._execute_child(*arguments)  # type: ignore[misc]
            return
        files = [own if number < 0 else number for own, number in enumerate(start.files)]
        request = {
            "program": program,
            "words": start.words,
            "new_session": start.new_session,
            "forks_all": False,
        }
        folder = Path(start.folder or Path.cwd())
        self._forked = _fork(request, start.environment, files, folder, PROGRAMS[program])
        self.pid = self._forked.pid
        self._child_created = True
        self._close_pipe_fds(*start.pipes)  # type: ignore[attr-defined]

    def _internal_poll(self, *arguments: Any, **named: Any) -> int | None:  # noqa: ANN401
        if self._forked is None:
            code: int | None = super()._internal_poll(*arguments, **named)  # type: ignore[misc]
            return code
        if self.returncode is None:
            # None while it runs, as Popen has it.
            self.returncode = self._forked.poll()
        return self.returncode

    def _wait(self, timeout: float | None) -> int:
        if self._forked is None:
            code: int = super()._wait(timeout)  # type: ignore[misc]
            return code
        if self.returncode is None:
            self.returncode = self._forked.wait(timeout)
        return self.returncode


@contextmanager
def forked() -> Iterator[None]:
    """Fork the programs that the code under test starts in the block with `subprocess`."""
    original = subprocess.Popen
    subprocess.Popen = ForkedPopen  # type: ignore[misc]
    try:
        yield
    finally:
        subprocess.Popen = original  # type: ignore[misc]


def run(
    words: list[str],
    environment: Mapping[str, str],
    *,
    typed: str = "",
    folder: Path | None = None,
    modules: tuple[str, ...] = PORTAL,
    forks_all: bool = False,
    seconds: float = 60.0,
) -> subprocess.CompletedProcess[str]:
    """Run `festgate WORDS...` to its end, see `start`; return exit code and output. Raise subprocess.TimeoutExpired."""
    with (
        tempfile.TemporaryFile() as stdin,
        tempfile.TemporaryFile() as stdout,
        tempfile.TemporaryFile() as stderr,
    ):
        stdin.write(typed.encode())
        stdin.seek(0)
        process = start(
            words, environment, stdin, stdout, stderr, folder=folder, modules=modules, forks_all=forks_all
        )
        try:
            code = process.wait(seconds)
        finally:
            process.send_signal(9)
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(words, code, stdout.read().decode(), stderr.read().decode())
