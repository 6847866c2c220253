"""A worker for a rehearsal that another program leads, on this machine or another: the other end of `--join-at`."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

from festgate.rehearsal.runner.child_processes import child_process

POLL_INTERVAL: Final = 0.25
"""Seconds between two attempts to reach the rehearsal."""


class CannotJoin(Exception):
    """A worker that could not join, so that it sent nothing. The message gives the reason."""


def join(journey: str, host: str, port: int, timeout: float, *, on_notice: Callable[[str], None]) -> int:
    """Send a share of the load of the rehearsal that waits at `host` and `port`, and return the samples to it.

    Waits `timeout` seconds for the rehearsal to listen. Returns the exit code: 0 for a complete share, 130 for one that
    was cut short on either side. Raises CannotJoin, and KeyboardInterrupt before the run began.
    """
    _wait_for(host, port, timeout)
    arguments = json.dumps({"host": host, "port": port, "journey": journey})
    command = [sys.executable, "-m", "festgate.rehearsal.load", "worker", arguments]

    def start() -> "subprocess.Popen[str]":
        return subprocess.Popen(  # noqa: S603  (our own)
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    # Ctrl-C reaches the worker as well, which then leaves the run in an orderly way.
    with child_process(start) as worker:
        error = ""
        while True:
            try:
                for line in worker.stdout or ():
                    fields = json.loads(line)
                    if "notice" in fields:
                        on_notice(fields["notice"])
                    error = fields.get("error", error)
                code = worker.wait()
                break
            except KeyboardInterrupt:
                worker.send_signal(signal.SIGTERM)
    if error:
        raise CannotJoin(error)
    return code


def _wait_for(host: str, port: int, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            with socket.create_connection((host, port), timeout=timeout):
                return
        except OSError as error:
            if time.monotonic() > deadline:
                reason = error.strerror or str(error)
                msg = (
                    f"No rehearsal waits for workers at {host}:{port}: {reason}."
                    " Start the rehearsal first, with --join-at."
                )
                raise CannotJoin(msg) from None
            time.sleep(POLL_INTERVAL)
