"""A journey of the benchmark: people who are signed in request the list of events without a pause.

BENCH_TOKENS names a file with one session token a line. Each user takes the next token, and the first one after the
last.

They use bare sockets. Locust's own client needs 0.3 ms of processor time for a request, more than the portal needs to
serve it; this client needs a third of that. So the portal has work in every iteration of its event loop, as in a rush,
and each figure is based on more requests.
"""

import itertools
import os
import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from locust import User, constant, task

REQUESTS_PER_TASK: Final = 50
"""Requests of one task, because Locust itself needs time between two tasks."""
CHUNK: Final = 1 << 18
TIMEOUT: Final = 30.0
"""Seconds for a response."""
_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_tokens = itertools.cycle(Path(os.environ["BENCH_TOKENS"]).read_text(encoding="ascii").split())


@dataclass(frozen=True, slots=True)
class Response:
    """A response, with the names that Locust's listeners expect."""

    status_code: int
    content: bytes


class Guest(User):
    """A person with one connection."""

    wait_time = constant(0)

    def on_start(self) -> None:
        """Prepare the request of a person who is signed in."""
        parts = urlsplit(self.host or "")
        self.address = (parts.hostname or "", parts.port or 80)
        self.request = (
            f"GET /events HTTP/1.1\r\nHost: {parts.netloc}\r\nCookie: festgate_session={next(_tokens)}\r\n\r\n"
        ).encode()
        self.connection: socket.socket | None = None

    @task
    def look_at_events(self) -> None:
        """Send GET /events several times; any response but the list is a failure."""
        for _ in range(REQUESTS_PER_TASK):
            start, began = time.time(), time.perf_counter()
            response = Response(0, b"")
            problem: Exception | None = None
            try:
                response = self._send()
                if response.status_code != 200 or b"<h1" not in response.content:
                    problem = ValueError(f"status {response.status_code}, not the list of events")
            except (OSError, ValueError) as error:
                problem = error
                self._close()
            self.environment.events.request.fire(
                request_type="GET",
                name="/events",
                response_time=(time.perf_counter() - began) * 1000,
                response_length=len(response.content),
                response=response,
                context={},
                exception=problem,
                start_time=start,
            )

    def on_stop(self) -> None:
        """Close the connection."""
        self._close()

    def _send(self) -> Response:
        """Send the request, and read the whole response. Raise OSError, or ValueError if it cannot be parsed."""
        if self.connection is None:
            self.connection = socket.create_connection(self.address, TIMEOUT)
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection.sendall(self.request)
        received = self._receive()
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._receive()
        length = _LENGTH.search(received, 0, end + 2)
        if length is None:
            msg = "a response without a length"
            raise ValueError(msg)
        whole = end + 4 + int(length[1])
        while len(received) < whole:
            received += self._receive()
        return Response(int(received[9:12]), received[end + 4 : whole])

    def _receive(self) -> bytes:
        assert self.connection is not None  # noqa: S101  (opened by _send)
        chunk = self.connection.recv(CHUNK)
        if not chunk:
            msg = "the portal closed the connection"
            raise ConnectionError(msg)
        return chunk

    def _close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None
