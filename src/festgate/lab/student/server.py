"""The student's app, served as in class: uvicorn with reload, in a process of its own."""

import hashlib
import http.client
import os
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from festgate.lab.student.folder import APP, NoLab
from festgate.rehearsal.runner.servers import end

HOST: Final = "127.0.0.1"
PORT: Final = 8000
HEADER: Final = "x-lab-folder"
"""In every answer, so that it can be told from outside whose code answers."""
PATIENCE: Final = 5.0
"""Seconds for one answer."""
ANSWERS: Final = 0.2
"""Seconds for somebody who listens on this machine to be heard of."""


def require_free_port(port: int) -> None:
    """Whether something can listen there. Raises NoLab."""
    try:
        with socket.create_server((HOST, port)):
            pass
    except OSError as error:
        raise _taken(port, (error.strerror or str(error)).lower()) from None
    # macOS lends the port of one address where another program listens on all; and `localhost` may be either.
    for address in (HOST, "::1"):
        with suppress(OSError), socket.create_connection((address, port), ANSWERS):
            raise _taken(port, f"another program answers on {address}")


def _taken(port: int, why: str) -> NoLab:
    return NoLab(f"Port {port} cannot be used: {why}. End what runs there, or choose another with --port.")


def serve(folder: Path, port: int, python: str) -> int:
    """Serve the app of `folder` until it ends or Ctrl-C; its exit code, 0 for Ctrl-C. Raises NoLab."""
    try:
        process = subprocess.Popen(
            [
                python,
                "-m",
                "uvicorn",
                f"{Path(APP).stem}:app",
                "--reload",
                "--host",
                HOST,
                "--port",
                str(port),
                "--header",
                f"{HEADER}:{_mark(folder)}",
            ],
            cwd=folder,
            env=_environment(),
        )
    except OSError as error:
        msg = f"{python} cannot be started: {error.strerror}."
        raise NoLab(msg) from None
    try:
        return process.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        end(process)


def is_served(folder: Path, host: str) -> bool:
    """Whether what answers at `host` was started by `serve` in `folder`, so that it runs the code that lies there."""
    try:
        parts = urlsplit(host if "://" in host else f"http://{host}")
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    except (ValueError, http.client.HTTPException):
        return False
    try:
        connection.request("GET", "/")
        return connection.getresponse().headers.get(HEADER) == _mark(folder)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _mark(folder: Path) -> str:
    # Not the path: some systems take it in capitals as well.
    which = folder.stat()
    return hashlib.sha256(f"{which.st_dev} {which.st_ino}".encode()).hexdigest()[:12]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FESTGATE_")}
    # A compiled file counts as fresh by its time in seconds and its size: two quick edits of one length would be one.
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1"}
