"""Commands of the program as processes, forked from one that has imported everything (tests.rig.zygote)."""

import atexit
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO, Protocol

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
)
"""The same and the modules of the rehearsal, with its libraries for numbers and charts."""
TIMEOUT = 300.0
"""Seconds for the imports: a hundred times as long as they take, for a busy machine."""


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


class Forked:
    """A forked command."""

    def __init__(self, words: list[str], status: int) -> None:
        """Take the file descriptor from which its process id and later its exit code are read."""
        self.args = words
        self._status = status
        self._output = b""
        self._read_lines(TIMEOUT, lines=1)
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


@cache
def _zygote(modules: tuple[str, ...]) -> socket.socket:
    parent_end, child_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with child_end:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.rig.zygote", *modules],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("FESTGATE_")}
            | {"PYTHONUNBUFFERED": "1"},
            stdin=child_end.fileno(),
        )

    def end() -> None:
        parent_end.close()
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
) -> Process:
    """Start `festgate WORDS...` in `folder` as a process with its own session.

    With another PYTHONPATH, and on other systems than Linux, the process is not forked: macOS ends forked processes
    whose parent has used its libraries.
    """
    folder = folder or Path.cwd()
    if sys.platform != "linux" or environment.get("PYTHONPATH") != os.environ.get("PYTHONPATH"):
        return subprocess.Popen(
            [sys.executable, "-m", "festgate", *words],
            cwd=folder,
            env=dict(environment),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    read_end, write_end = os.pipe()
    try:
        request = {"words": words, "environment": dict(environment), "folder": str(folder)}
        files = [stdin.fileno(), stdout.fileno(), stderr.fileno(), write_end]
        socket.send_fds(_zygote(modules), [json.dumps(request).encode()], files)
    finally:
        os.close(write_end)
    return Forked(words, read_end)


def run(
    words: list[str],
    environment: Mapping[str, str],
    *,
    typed: str = "",
    folder: Path | None = None,
    modules: tuple[str, ...] = PORTAL,
    seconds: float = 60.0,
) -> subprocess.CompletedProcess[str]:
    """Run `festgate WORDS...` to its end; return exit code and output. Raise subprocess.TimeoutExpired."""
    with (
        tempfile.TemporaryFile() as stdin,
        tempfile.TemporaryFile() as stdout,
        tempfile.TemporaryFile() as stderr,
    ):
        stdin.write(typed.encode())
        stdin.seek(0)
        process = start(words, environment, stdin, stdout, stderr, folder=folder, modules=modules)
        try:
            code = process.wait(seconds)
        finally:
            process.send_signal(9)
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(words, code, stdout.read().decode(), stderr.read().decode())
