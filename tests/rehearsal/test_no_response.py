"""A request without a response is reported with the reason, for both HTTP clients of Locust."""

import csv
import json
import socket
import struct
import threading
from pathlib import Path

import pytest

from festgate.ports import free_port
from festgate.rehearsal.load.no_response import reason_of
from festgate.rehearsal.runs.store import list_runs
from tests.rehearsal.target import Answer, Reply, Target, serving
from tests.rehearsal.test_commands import festgate

JOURNEY = """
from locust import FastHttpUser, HttpUser, constant, task

class Requests(HttpUser):
    wait_time = constant(0.1)
    fixed_count = 1
    client_name = "requests"

    @task
    def ask(self):
        def get(kind, address, **more):
            with self.client.get(address, name=f"{self.client_name}: {kind}", catch_response=True, **more) as answer:
                if kind == "marked":
                    answer.failure("our own sentence\\x1b[2J")

        get("refused", "http://127.0.0.1:{free}/")
        get("marked", "http://127.0.0.1:{free}/")
        get("reset", "/reset")
        get("timeout", "/silent", **self.timeout)
        get("tls", "https://127.0.0.1:{plain}/")
        get("dns", "http://[::1%25nowhere]:{free}/" if self.client_name == "requests" else "http://[::1%nowhere]:{free}/")
        get("an answer", "/nowhere")

    timeout = {"timeout": 0.5}

class Fast(FastHttpUser):
    wait_time = constant(0.1)
    fixed_count = 1
    network_timeout = 1.0
    client_name = "fast"
    timeout = {}
    ask = Requests.ask
    tasks = [ask]
"""


TLS_HANDSHAKE = b"\x16"


class Unreliable(Target):
    """A server that resets the connections to /reset, and does not answer /silent until it ends."""

    def __init__(self) -> None:
        """Listen at once."""
        super().__init__(lambda _path: (200, b""))
        self.ended = threading.Event()

    def reply(self, path: str, _asked: int) -> Reply:
        """Answer, or do not."""
        if path == "/silent":
            self.ended.wait(5)
        answer: Answer = (404, b"") if path == "/nowhere" else (200, b"")
        return Reply(*answer)

    def process_request(
        self, request: "socket.socket | tuple[bytes, socket.socket]", address: object
    ) -> None:
        """Reset a connection for /reset, and answer the beginning of TLS in plain HTTP."""
        assert isinstance(request, socket.socket)
        first = request.recv(20, socket.MSG_PEEK)
        if first.startswith(b"GET /reset"):
            request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.close()
        elif first.startswith(TLS_HANDSHAKE):
            request.recv(10_000)
            request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            request.close()
        else:
            super().process_request(request, address)


def test_the_reason_is_kept_for_each_request_and_shown_in_every_format(tmp_path: Path) -> None:
    file = tmp_path / "visitor.py"
    target, plain = Unreliable(), Unreliable()
    ports = {"{free}": free_port(), "{plain}": plain.port}
    text = JOURNEY
    for place, port in ports.items():
        text = text.replace(place, str(port))
    file.write_text(text, encoding="utf-8")
    with serving(target), serving(plain):
        words = ["rehearse", "visitor.py", "--host", target.url, "--users", "2", "--warm-up", "0s"]
        done = festgate(tmp_path, *words, "--duration", "4s", "--format", "json")
        target.ended.set()
    assert done.returncode == 1, done.stderr
    failures = {failure["step"]: failure for failure in json.loads(done.stdout)["failures"]}
    reasons = {step: (failure["status"], failure["no_response"]) for step, failure in failures.items()}
    expected: dict[str, tuple[int, str | None]] = {
        kind: (0, kind) for kind in ("refused", "reset", "timeout", "tls", "dns")
    }
    expected |= {"marked": (0, "refused"), "an answer": (404, None)}
    assert reasons == {
        f"{client}: {kind}": reason for client in ("requests", "fast") for kind, reason in expected.items()
    }
    (run,) = list_runs(tmp_path / "festgate-runs")
    assert all(note.isprintable() for note in run.notes)
    shown = festgate(tmp_path, "runs", "show", run.name).stdout
    for text in ("connection refused", "connection closed", "timeout", "TLS error", "host name not resolved"):
        assert text in shown
    festgate(tmp_path, "runs", "export", run.name, "all.csv")
    with (tmp_path / "all.csv").open(encoding="utf-8", newline="") as exported:
        rows = {row["step"]: row["no_response"] for row in csv.DictReader(exported)}
    assert rows["fast: timeout"] == "timeout"
    assert rows["fast: an answer"] == ""


def test_an_assertion_about_the_content_is_no_reason() -> None:
    error = AssertionError("no price")
    error.__cause__ = KeyError("price")
    assert reason_of(error) == ""


def test_a_reason_may_be_hidden_in_a_loop_of_causes() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert reason_of(one) == ""
    other.args = (OSError("x"), ConnectionRefusedError(111, "Connection refused"))
    assert reason_of(one) == "refused"
    with pytest.raises(OSError, match=r".") as raised:
        socket.getaddrinfo("::1%nowhere", 80)
    assert reason_of(raised.value) == "dns"
