"""A parent with workers of the tests' own, and what the system and the log say of them."""

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

PATIENCE = 30.0


def children_of(pid: int) -> list[int]:
    """The processes that a process has started, oldest first."""
    try:
        children = psutil.Process(pid).children()
    except psutil.NoSuchProcess:
        return []
    return [child.pid for child in sorted(children, key=lambda child: (child.create_time(), child.pid))]


def gone(pid: int) -> bool:
    """Whether there is no such process any more; one that has ended and that nobody has asked about is gone, too."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def is_free(url: str) -> bool:
    """Whether nobody listens at the server's port."""
    try:
        with socket.create_server(("127.0.0.1", int(url.rpartition(":")[2]))):
            return True
    except OSError:
        return False


def told(log: str, event: str) -> list[dict[str, Any]]:
    """The log's lines of one kind."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


@dataclass
class Own:
    """A parent that was started."""

    process: "subprocess.Popen[bytes]"
    port: int
    log_file: Path

    @property
    def url(self) -> str:
        """Where its workers answer."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def workers(self) -> list[int]:
        """Oldest first."""
        return children_of(self.process.pid)

    def told(self, event: str) -> list[dict[str, Any]]:
        """What it has logged of one kind."""
        return told(self.log_file.read_text(encoding="utf-8"), event)


@contextmanager
def own(folder: Path, manner: str, workers: int = 1, extra: Mapping[str, str] | None = None) -> Iterator[Own]:
    """A parent and its workers, ended with the block; its log is in `folder`."""
    port, log_file = free_port(), folder / "own.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.server.own", str(port), str(workers), manner],
            cwd=ROOT,
            env={**os.environ, **(extra or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield Own(process, port, log_file)
    finally:
        with suppress(ProcessLookupError, PermissionError):  # macOS says the second of those that have ended
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
