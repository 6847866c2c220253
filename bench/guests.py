"""A journey of the benchmark: signed-in users request the list of events without a pause.

BENCH_TOKENS names a file with one session token per line. Each user takes the next token, and after the last one the
first again.

The users send requests over bare sockets. One of Locust's own clients takes 0.3 ms of processor time per request,
which is more than the portal takes to answer it. This client takes a third of that. So the portal has work in every
turn of its event loop, as in a rush, and each figure rests on more requests.
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

IN_A_ROW: Final = 50
"""Requests of one task; between two tasks Locust itself uses processor time."""
PIECE: Final = 1 << 18
PATIENCE: Final = 30.0
"""Seconds to wait for a response."""
_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_tokens = itertools.cycle(Path(os.environ["BENCH_TOKENS"]).read_text(encoding="ascii").split())


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, with the attributes that Locust's listeners read."""

    status_code: int
    content: bytes


class Guest(User):
    """A user with one connection, who requests the page uncompressed."""

    wait_time = constant(0)

    def on_start(self) -> None:
        """Prepare the signed-in request."""
        parts = urlsplit(self.host or "")
        self.address = (parts.hostname or "", parts.port or 80)
        self.asked = (
            f"GET /events HTTP/1.1\r\nHost: {parts.netloc}\r\nCookie: festgate_session={next(_tokens)}\r\n\r\n"
        ).encode()
        self.line: socket.socket | None = None

    @task
    def look_at_events(self) -> None:
        """Request /events several times; any answer but the list is a failure."""
        for _ in range(IN_A_ROW):
            start, began = time.time(), time.perf_counter()
            answer = Answer(0, b"")
            problem: Exception | None = None
            try:
                answer = self._ask()
                if answer.status_code != 200 or b"<h1" not in answer.content:
                    problem = ValueError(f"status {answer.status_code}, not the list of events")
            except (OSError, ValueError) as error:
                problem = error
                self._close()
            self.environment.events.request.fire(
                request_type="GET",
                name="/events",
                response_time=(time.perf_counter() - began) * 1000,
                response_length=len(answer.content),
                response=answer,
                context={},
                exception=problem,
                start_time=start,
            )

    def on_stop(self) -> None:
        """Close the connection."""
        self._close()

    def _ask(self) -> Answer:
        """Send the request, and read the whole response. Raise OSError, or ValueError if the response is invalid."""
        if self.line is None:
            self.line = socket.create_connection(self.address, PATIENCE)
            self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.line.sendall(self.asked)
        came = self._more()
        while (end := came.find(b"\r\n\r\n")) < 0:
            came += self._more()
        length = _LENGTH.search(came, 0, end + 2)
        if length is None:
            msg = "the answer has no length"
            raise ValueError(msg)
        whole = end + 4 + int(length[1])
        while len(came) < whole:
            came += self._more()
        return Answer(int(came[9:12]), came[end + 4 : whole])

    def _more(self) -> bytes:
        assert self.line is not None  # noqa: S101  (opened by _ask)
        piece = self.line.recv(PIECE)
        if not piece:
            msg = "the portal closed the connection"
            raise ConnectionError(msg)
        return piece

    def _close(self) -> None:
        if self.line is not None:
            self.line.close()
            self.line = None
