"""The portal in a terminal with a low limit on open files, as on macOS."""

import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx

from festgate.ports import free_port
from tests.rig.server import environment
from tests.rig.waiting import until

MACOS_FILE_LIMIT = 256
"""Files that a program may have open by default when it is started in a terminal of macOS."""
CLIENTS = 400


def test_more_clients_can_connect_than_the_terminal_allows_open_files(
    tmp_path: Path,
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    words = ("-m", "festgate", "serve", "--demo", "--host", "127.0.0.1", "--port", str(port))
    command = ["/bin/sh", "-c", f'ulimit -S -n {MACOS_FILE_LIMIT} && exec "$@"', "sh", sys.executable, *words]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(command, env=environment(tmp_path / "fest"), stdout=log, stderr=log) as server,
        httpx.Client(base_url=url, trust_env=False, verify=False) as visitor,
        ExitStack() as connections,
    ):
        try:
            until(lambda: is_ready(visitor), "/readyz", 60)
            for _ in range(CLIENTS):
                connections.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            with httpx.Client(base_url=url, trust_env=False, verify=False, timeout=10) as newcomer:
                assert newcomer.get("/events").status_code == 200
        finally:
            server.terminate()
            server.wait(30)


def is_ready(visitor: httpx.Client) -> bool:
    try:
        return visitor.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False
