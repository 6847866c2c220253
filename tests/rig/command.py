"""The program's commands as processes of their own, forked from one that has imported it all (tests.rig.zygote)."""

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
    "festgate.portal.accounts.cli",
    "festgate.portal.catalogue.cli",
    "festgate.rehearsal.cli.commands",
    "festgate.server.cli",
    "festgate.server.worker",
    "festgate.portal.composition",
    "festgate.portal.demo",
    "alembic.command",
    "uvloop",
    "httptools",
)
"""What a portal and its commands import before they do anything, and while they start."""
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
"""And what the rehearsal's commands do, with its libraries of numbers and charts."""
PATIENCE = 60.0
"""Seconds for the modules to be imported."""


class Process(Protocol):
    """What `subprocess.Popen` has in common with a forked command."""

    @property
    def pid(self) -> int:
        """Its number."""

    def poll(self) -> int | None:
        """The exit code, the signal's number below 0, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended. Raises subprocess.TimeoutExpired."""

    def send_signal(self, sig: int) -> None:
        """Send it a signal, if it still runs."""


class Forked:
    """A command that was forked."""

    def __init__(self, words: list[str], status: int) -> None:
        """`status` is where its number is told, and later its exit code."""
        self.args = words
        self._status = status
        self._told = b""
        self._hear(PATIENCE, lines=1)
        self.pid = int(self._told.split()[0])

    def poll(self) -> int | None:
        """The exit code, if it has ended."""
        self._hear(0, lines=2)
        told = self._told.split()
        return int(told[1]) if len(told) > 1 else None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended."""
        self._hear(timeout, lines=2)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return code

    def send_signal(self, sig: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def _hear(self, seconds: float | None, lines: int) -> None:
        until = None if seconds is None else time.monotonic() + seconds
        while self._told.count(b"\n") < lines:
            left = None if until is None else max(0.0, until - time.monotonic())
            if not select.select([self._status], [], [], left)[0]:
                return
            said = os.read(self._status, 64)
            if not said:
                raise RuntimeError(f"nobody tells how {' '.join(self.args)} ended")
            self._told += said

    def __del__(self) -> None:
        """Nothing is heard of it any more."""
        os.close(self._status)


@cache
def _zygote(modules: tuple[str, ...]) -> socket.socket:
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.rig.zygote", *modules],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("FESTGATE_")}
            | {"PYTHONUNBUFFERED": "1"},
            stdin=its.fileno(),
        )

    def end() -> None:
        ours.close()
        process.wait(PATIENCE)

    atexit.register(end)
    return ours


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
    """`festgate WORDS...` in a process and a session of its own, in `folder`.

    One that is to run code of another place (PYTHONPATH) is not forked, and elsewhere than on Linux none is: macOS ends
    what was forked of a process that has used its libraries.
    """
    folder = folder or Path.cwd()
    if sys.platform != "linux" or "PYTHONPATH" in environment:
        return subprocess.Popen(
            [sys.executable, "-m", "festgate", *words],
            cwd=folder,
            env=dict(environment),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    heard, told = os.pipe()
    try:
        request = {"words": words, "environment": dict(environment), "folder": str(folder)}
        files = [stdin.fileno(), stdout.fileno(), stderr.fileno(), told]
        socket.send_fds(_zygote(modules), [json.dumps(request).encode()], files)
    finally:
        os.close(told)
    return Forked(words, heard)


def run(
    words: list[str],
    environment: Mapping[str, str],
    *,
    typed: str = "",
    folder: Path | None = None,
    modules: tuple[str, ...] = PORTAL,
    seconds: float = 60.0,
) -> subprocess.CompletedProcess[str]:
    """`festgate WORDS...` to its end; its exit code and what it wrote. Raises subprocess.TimeoutExpired."""
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
