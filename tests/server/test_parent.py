"""The parent of the workers: whom it replaces, whom it lets live, and how it ends."""

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
from tests.server.stage import PATIENCE, Own, own

HEAVY = {
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


def workers(parent: Own, count: int) -> set[int] | None:
    """Those that answer, once they are so many."""
    found: set[int] = set()
    with suppress(httpx.TransportError):
        for _ in range(10):
            found.add(int(httpx.get(parent.url, trust_env=False, verify=False, timeout=PATIENCE).text))
    return found if len(found) == count else None


def test_whoever_was_away_with_all_others_lives_and_who_holds_the_interpreter_in_c_is_replaced(
    tmp_path: Path,
) -> None:
    event = "a worker hangs and is replaced"
    with own(tmp_path, "serves", 2, {"OWN_SILENCE": "1"}) as parent:
        before = until(partial(workers, parent, 2), "both answer", PATIENCE)
        os.killpg(parent.process.pid, signal.SIGSTOP)
        stopped = time.monotonic()
        until(lambda: time.monotonic() - stopped > 2.5, "the lid of the laptop is closed")
        os.killpg(parent.process.pid, signal.SIGCONT)
        assert until(partial(workers, parent, 2), "both answer again", PATIENCE) == before
        assert parent.told(event) == []

        with socket.create_connection(("127.0.0.1", parent.port)) as line:
            line.sendall(b"GET /regex HTTP/1.1\r\nhost: localhost\r\n\r\n")
            (hung,) = until(lambda: before - set(parent.workers), "the one that hangs is gone", PATIENCE)
            # Its visitor is told at once, and not kept waiting.
            assert line.recv(1) == b""
        assert before - {hung} <= set(parent.workers)
        (said,) = until(partial(parent.told, event), "the log says so")
        assert said["worker"] == hung
        assert "in regex" in said["stack"]
        after = until(partial(workers, parent, 2), "both answer", PATIENCE)
        assert after & before == before - {hung}
        parent.process.send_signal(signal.SIGTERM)
        assert parent.process.wait(PATIENCE) == 0


def test_a_worker_that_dies_again_and_again_is_replaced_with_growing_pauses(tmp_path: Path) -> None:
    with own(tmp_path, "dies") as parent:
        event = "a worker died and is replaced"
        until(lambda: len(parent.told(event)) >= 4, "four have died", PATIENCE)
        deaths = [datetime.fromisoformat(line["timestamp"]) for line in parent.told(event)]
        assert {line["ended_by"] for line in parent.told(event)} == {"exit code 70"}
        for earlier, later, pause in zip(deaths, deaths[1:], PAUSES, strict=False):
            assert (later - earlier).total_seconds() > pause * 0.9
        parent.process.send_signal(signal.SIGINT)
        assert parent.process.wait(PATIENCE) == 0


@pytest.mark.parametrize(
    "manner, code, said", [("refuses", 2, "This is what is wrong."), ("fails", 3, "a bug at")]
)
def test_what_keeps_the_first_worker_from_starting_ends_the_parent(
    tmp_path: Path, manner: str, code: int, said: str
) -> None:
    with own(tmp_path, manner, 2) as parent:
        assert parent.process.wait(PATIENCE) == code
        assert said in parent.log_file.read_text(encoding="utf-8")


def test_the_parent_of_the_workers_imports_no_web_framework_and_no_database() -> None:
    code = "import sys, festgate.cli, festgate.server.cli; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert set(done.stdout.split()) & HEAVY == set()
