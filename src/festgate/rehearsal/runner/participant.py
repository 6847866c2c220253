"""Taking part in a rehearsal that another program leads, on this machine or another: the other end of `--join-at`."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

LOOK_AGAIN: Final = 0.25
"""Seconds between two looks whether somebody waits for workers."""


class CannotJoin(Exception):
    """Nothing was sent from here; the sentence says why."""


def join(journey: str, host: str, port: int, patience: float, *, say: Callable[[str], None]) -> int:
    """Send a share of the load of the rehearsal that waits at `host` and `port`, and send it what was recorded.

    Waits `patience` seconds for it to listen. The exit code: 0 for a share that was played to its end, 130 for one that
    was cut off, here or there. Raises CannotJoin; KeyboardInterrupt before it began.
    """
    _wait_for(host, port, patience)
    given = json.dumps({"host": host, "port": port, "journey": journey})
    # Ctrl-C reaches it too, and it is the one that can say goodbye to the others.
    with subprocess.Popen(  # noqa: S603  (our own)
        [sys.executable, "-m", "festgate.rehearsal.load", "worker", given],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as worker:
        error = ""
        while True:
            try:
                for line in worker.stdout or ():
                    fields = json.loads(line)
                    if "says" in fields:
                        say(fields["says"])
                    error = fields.get("error", error)
                code = worker.wait()
                break
            except KeyboardInterrupt:
                worker.send_signal(signal.SIGTERM)
    if error:
        raise CannotJoin(error)
    return code


def _wait_for(host: str, port: int, patience: float) -> None:
    until = time.monotonic() + patience
    while True:
        try:
            with socket.create_connection((host, port), timeout=patience):
                return
        except OSError as error:
            if time.monotonic() > until:
                why = error.strerror or str(error)
                msg = f"No rehearsal waits for workers at {host}:{port}: {why}. Start that one first, with --join-at."
                raise CannotJoin(msg) from None
            time.sleep(LOOK_AGAIN)
