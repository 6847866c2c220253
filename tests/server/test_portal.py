"""The portal below its supervisor: hung, killed, restarted in the middle of requests, orphaned."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.rig.server import Serve, Server
from tests.rig.waiting import until
from tests.rig.wire import ClientConnection
from tests.server.processes import children_of, has_ended, is_free, logged

TOKEN = "a token for the drills of this test"
TIMEOUT = 60.0


@pytest.fixture
def systemd_socket() -> Iterator[socket.socket]:
    """Listen in place of systemd."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("")  # Linux chooses the name
        listener.settimeout(TIMEOUT)
        yield listener


def get(server: Server, path: str) -> httpx.Response:
    return httpx.get(server.url + path, trust_env=False, verify=False, timeout=TIMEOUT)


def test_a_single_worker_is_replaced_after_a_hang_or_a_crash_and_ends_with_its_supervisor(
    serve: Serve,
) -> None:
    server = serve(extra={"FESTGATE_DRILLS_TOKEN": TOKEN})
    (first,) = children_of(server.pid)
    armed = httpx.post(
        f"{server.url}/drills/faults",
        json={"point": "loop", "effect": "block", "times": 1},
        headers={"authorization": f"Bearer {TOKEN}"},
        trust_env=False,
        verify=False,
    )
    assert armed.status_code == 201
    until(lambda: children_of(server.pid) not in ([first], []), "the worker is replaced", TIMEOUT)
    assert get(server, "/events").status_code == 200
    (line,) = logged(server.log(), "worker hangs and is replaced")
    assert line["worker"] == first
    assert "faults.py" in line["stack"]
    (second,) = children_of(server.pid)
    os.kill(second, signal.SIGKILL)
    assert get(server, "/readyz").status_code == 200  # a request meanwhile waits a moment
    (line,) = logged(server.log(), "worker died and is replaced")
    assert (line["worker"], line["ended_by"]) == (second, "SIGKILL")
    counts = get(server, "/metrics").text
    assert 'festgate_worker_restarts{reason="hung"} 1.0' in counts
    assert 'festgate_worker_restarts{reason="died"} 1.0' in counts
    (third,) = children_of(server.pid)
    os.kill(server.pid, signal.SIGKILL)
    until(partial(has_ended, third), "the worker ends with its supervisor")
    until(partial(is_free, server.url), "the port is free")


def responding_workers(server: Server, count: int) -> set[int] | None:
    """Return the workers that respond, once there are `count` of them."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    address = f"{server.url}/drills/faults"
    pids = {
        httpx.get(address, headers=headers, trust_env=False, verify=False).json()["worker"] for _ in range(10)
    }
    return pids if len(pids) == count else None


class Visitors:
    """Clients that never stop sending requests. A response may be a connection's last, but none may be missing."""

    def __init__(self, url: str) -> None:
        """Prepare the clients without a request."""
        self._url = url
        self._stop = False
        self.answered = 0

    async def send_during(self, restart: asyncio.Future[None]) -> None:
        visits = [asyncio.create_task(self._visit(keeps_connection=number % 2 == 0)) for number in range(4)]
        try:
            await restart
        finally:
            self._stop = True
            await asyncio.gather(*visits)

    async def _visit(self, *, keeps_connection: bool) -> None:
        line: ClientConnection | None = None
        while not self._stop:
            line = line or await ClientConnection.open(self._url)
            answer = await line.get("/events")
            assert answer.status == 200
            self.answered += 1
            if not keeps_connection or answer.headers.get("connection") == "close":
                line.close()
                line = None
            await asyncio.sleep(0.01)  # leaves processor time to the new workers
        if line is not None:
            line.close()


def test_a_rolling_restart_loses_no_request_and_a_failed_one_changes_nothing(
    serve: Serve, tmp_path: Path, systemd_socket: socket.socket
) -> None:
    config = tmp_path / "fest.toml"
    config.write_text('fest_name = "Before"\n', encoding="utf-8")
    address = "@" + systemd_socket.getsockname().decode().removeprefix("\0")
    extra = {
        "FESTGATE_CONFIG": str(config),
        "NOTIFY_SOCKET": address,
        "FESTGATE_DRILLS_TOKEN": TOKEN,
    }
    server = serve("--workers", "2", extra=extra)
    assert systemd_socket.recv(100) == b"READY=1"
    before = until(partial(responding_workers, server, 2), "both respond", TIMEOUT)

    config.write_text('fest_nam = "Wrong"\n', encoding="utf-8")
    os.kill(server.pid, signal.SIGHUP)
    assert systemd_socket.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    until(
        lambda: logged(server.log(), "new workers cannot start; the old workers keep serving"),
        "it is logged",
        TIMEOUT,
    )
    assert systemd_socket.recv(100) == b"READY=1"
    assert "fest_nam" in server.log()
    assert until(partial(responding_workers, server, 2), "both respond", TIMEOUT) == before
    assert set(children_of(server.pid)) == before
    assert "Before" in get(server, "/events").text

    config.write_text('fest_name = "After"\n', encoding="utf-8")
    visitors = Visitors(server.url)

    def restart() -> None:
        os.kill(server.pid, signal.SIGHUP)
        until(lambda: logged(server.log(), "new workers are serving"), "the new workers are serving", TIMEOUT)
        until(lambda: not set(children_of(server.pid)) & before, "the old workers have ended", TIMEOUT)

    async def restart_under_load() -> None:
        await visitors.send_during(asyncio.ensure_future(asyncio.to_thread(restart)))

    asyncio.run(restart_under_load())
    assert visitors.answered > 0
    assert "After" in get(server, "/events").text
    assert len(children_of(server.pid)) == 2

    # A client never finishes its form: the first signal waits for it, the second does not.
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as slow:
        slow.sendall(b"POST /login HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nusername=")
        assert get(server, "/healthz").status_code == 200
        os.kill(server.pid, signal.SIGTERM)
        until(partial(is_free, server.url), "nothing new is accepted")
        assert server.running()
        assert server.stop() == 0
