"""Serves the student's app as in class: uvicorn with reload, in a separate process."""

import hashlib
import os
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

from festgate.lab.description.starter import Starter
from festgate.lab.student.folder import NoLab
from festgate.rehearsal import http_client
from festgate.rehearsal.runner.servers import end_process

HOST: Final = "127.0.0.1"
PORT: Final = 8000
HEADER: Final = "x-lab-folder"
"""A header of every answer, by which a client recognises the folder of the code that answers."""
RESPONSE_TIMEOUT: Final = 5.0
"""Seconds to wait for one answer."""
CONNECT_TIMEOUT: Final = 0.2
"""Seconds to wait for a connection to another program on this machine."""


def require_free_port(port: int) -> None:
    """Raise NoLab if the app cannot listen on the port."""
    try:
        with socket.create_server((HOST, port)):
            pass
    except OSError as error:
        raise _port_in_use(port, (error.strerror or str(error)).lower()) from None
    # On macOS a program can listen on one address of a port while another listens on all; `localhost` may lead to
    # either.
    for address in (HOST, "::1"):
        with suppress(OSError), socket.create_connection((address, port), CONNECT_TIMEOUT):
            raise _port_in_use(port, f"another program answers on {address}")


def _port_in_use(port: int, why: str) -> NoLab:
    return NoLab(f"Port {port} cannot be used: {why}. End that program, or choose another port with --port.")


def serve(starter: Starter, folder: Path, port: int, python: str) -> int:
    """Serve the app of `folder` until it ends or Ctrl-C; return its exit code, 0 for Ctrl-C. Raises NoLab."""
    try:
        process = subprocess.Popen(
            [
                python,
                "-m",
                "uvicorn",
                starter.app,
                "--reload",
                "--host",
                HOST,
                "--port",
                str(port),
                "--header",
                f"{HEADER}:{_folder_id(folder)}",
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
        end_process(process)


def is_served(folder: Path, host: str) -> bool:
    """Return whether `serve` started the server at `host` in `folder`, so that it runs the code of that folder."""
    address = host if "://" in host else f"http://{host}"
    try:
        return http_client.get(address, timeout=RESPONSE_TIMEOUT).headers.get(HEADER) == _folder_id(folder)
    except http_client.NoResponse:
        return False


def _folder_id(folder: Path) -> str:
    # The paths are not compared: on some systems one folder has many, in capitals and small letters.
    stat = folder.stat()
    return hashlib.sha256(f"{stat.st_dev} {stat.st_ino}".encode()).hexdigest()[:12]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FESTGATE_")}
    # Python checks a compiled file only by its size and its time in seconds: two quick edits of one length look alike.
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1"}
