"""The supervisor: the workers that it replaces and those that it keeps, and its end."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

import httpx
import pytest

from festgate.server.supervisor import PAUSES
from tests.rig.waiting import until
from tests.server.processes import TIMEOUT, SupervisorProcess, supervisor_process

UNWANTED_MODULES = {
    "structlog",
    "rich",
    "asyncio",
    "sqlalchemy",
    "alembic",
    "starlette",
    "fastapi",
    "uvicorn",
    "jinja2",
    "prometheus_client",
}


def responding_workers(parent: SupervisorProcess, count: int) -> set[int] | None:
    """Return the workers that respond, once there are `count` of them."""
    pids: set[int] = set()
    with suppress(httpx.TransportError):
        for _ in range(10):
            pids.add(int(httpx.get(parent.url, trust_env=False, verify=False, timeout=TIMEOUT).text))
    return pids if len(pids) == count else None


def test_suspended_workers_are_kept_and_a_worker_that_blocks_the_interpreter_is_replaced(
    tmp_path: Path,
) -> None:
    event = "worker hangs and is replaced"
    with supervisor_process(tmp_path, "serves", 2, {"TEST_MAX_SILENCE": "1"}) as parent:
        before = until(partial(responding_workers, parent, 2), "both respond", TIMEOUT)
        os.killpg(parent.process.pid, signal.SIGSTOP)
        stopped = time.monotonic()
        until(lambda: time.monotonic() - stopped > 2.5, "the processes were suspended for 2.5 seconds")
        os.killpg(parent.process.pid, signal.SIGCONT)
        assert until(partial(responding_workers, parent, 2), "both respond again", TIMEOUT) == before
        assert parent.logged(event) == []

        with socket.create_connection(("127.0.0.1", parent.port)) as connection:
            connection.sendall(b"GET /regex HTTP/1.1\r\nhost: localhost\r\n\r\n")
            (hung,) = until(
                lambda: before - set(parent.workers), "the worker that hangs is replaced", TIMEOUT
            )
            # Its visitor is disconnected at once.
            assert connection.recv(1) == b""
        assert before - {hung} <= set(parent.workers)
        (line,) = until(partial(parent.logged, event), "it is logged")
        assert line["worker"] == hung
        assert "in regex" in line["stack"]
        after = until(partial(responding_workers, parent, 2), "both respond", TIMEOUT)
        assert after & before == before - {hung}
        parent.process.send_signal(signal.SIGTERM)
        assert parent.process.wait(TIMEOUT) == 0


def test_a_worker_that_dies_again_and_again_is_replaced_with_growing_pauses(tmp_path: Path) -> None:
    with supervisor_process(tmp_path, "dies") as parent:
        event = "worker died and is replaced"
        until(lambda: len(parent.logged(event)) >= 4, "four have died", TIMEOUT)
        deaths = [datetime.fromisoformat(line["timestamp"]) for line in parent.logged(event)]
        assert {line["ended_by"] for line in parent.logged(event)} == {"exit code 70"}
        for earlier, later, pause in zip(deaths, deaths[1:], PAUSES, strict=False):
            assert (later - earlier).total_seconds() > pause * 0.9
        parent.process.send_signal(signal.SIGINT)
        assert parent.process.wait(TIMEOUT) == 0


@pytest.mark.parametrize(
    "behaviour, code, text", [("refuses", 2, "The setting is wrong."), ("fails", 3, "a bug at")]
)
def test_an_error_that_keeps_the_first_worker_from_starting_ends_the_supervisor(
    tmp_path: Path, behaviour: str, code: int, text: str
) -> None:
    with supervisor_process(tmp_path, behaviour, 2) as parent:
        assert parent.process.wait(TIMEOUT) == code
        assert text in parent.log_file.read_text(encoding="utf-8")


def test_the_supervisor_imports_no_web_framework_and_no_database() -> None:
    code = "import sys, festgate.cli, festgate.server.cli; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert set(result.stdout.split()) & UNWANTED_MODULES == set()
