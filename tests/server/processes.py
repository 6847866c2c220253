"""A supervisor with test workers, and its processes and log lines."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from festgate.ports import free_port
from tests.rules.project import ROOT

TIMEOUT = 30.0


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started, oldest first."""
    try:
        children = psutil.Process(pid).children()
    except psutil.NoSuchProcess:
        return []
    return [child.pid for child in sorted(children, key=lambda child: (child.create_time(), child.pid))]


def has_ended(pid: int) -> bool:
    """Return whether the process has ended; a zombie counts."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def is_free(url: str) -> bool:
    """Return whether the server's port is free."""
    try:
        with socket.create_server(("127.0.0.1", int(url.rpartition(":")[2]))):
            return True
    except OSError:
        return False


def logged(log: str, event: str) -> list[dict[str, Any]]:
    """Return the log's lines of one event."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


@dataclass
class SupervisorProcess:
    """A supervisor that was started for a test."""

    process: "subprocess.Popen[bytes]"
    port: int
    log_file: Path

    @property
    def url(self) -> str:
        """The address of its workers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def workers(self) -> list[int]:
        """The process ids of its workers, oldest first."""
        return children_of(self.process.pid)

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return its log lines of one event."""
        return logged(self.log_file.read_text(encoding="utf-8"), event)


@contextmanager
def supervisor_process(
    folder: Path, behaviour: str, workers: int = 1, extra: Mapping[str, str] | None = None
) -> Iterator[SupervisorProcess]:
    """Run a supervisor and its workers until the end of the block; its log is in `folder`."""
    port, log_file = free_port(), folder / "supervisor.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.server.workers", str(port), str(workers), behaviour],
            cwd=ROOT,
            env={**os.environ, **(extra or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield SupervisorProcess(process, port, log_file)
    finally:
        with suppress(
            ProcessLookupError, PermissionError
        ):  # macOS raises the second for processes that have ended
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(TIMEOUT)
