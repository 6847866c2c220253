"""The list of events, again and again without a pause, by people who are signed in: a journey of the benchmark.

BENCH_TOKENS names a file with a session token a line; each user takes the next one, and the first again after the last.

They ask over bare sockets. One of Locust's own clients takes 0.3 ms of a processor for a request, which is more than
the portal takes to answer it; this one takes a third of that, so that the portal has work in every turn of its loop,
as it has in a rush, and more requests stand behind each figure.
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
"""Requests of one task: Locust has work of its own between two of them."""
PIECE: Final = 1 << 18
PATIENCE: Final = 30.0
"""Seconds for an answer."""
_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_tokens = itertools.cycle(Path(os.environ["BENCH_TOKENS"]).read_text(encoding="ascii").split())


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, under the names that whoever listens to Locust looks for."""

    status_code: int
    content: bytes


class Guest(User):
    """One connection, one person, the page as it is."""

    wait_time = constant(0)

    def on_start(self) -> None:
        """Signed in from the first request on."""
        parts = urlsplit(self.host or "")
        self.address = (parts.hostname or "", parts.port or 80)
        self.asked = (
            f"GET /events HTTP/1.1\r\nHost: {parts.netloc}\r\nCookie: festgate_session={next(_tokens)}\r\n\r\n"
        ).encode()
        self.line: socket.socket | None = None

    @task
    def look_at_events(self) -> None:
        """GET /events, some times; anything but the list is a failure."""
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
                self._hang_up()
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
        """Hang up."""
        self._hang_up()

    def _ask(self) -> Answer:
        """Send it, and read the answer to its end. Raises OSError, or ValueError for what is no answer."""
        if self.line is None:
            self.line = socket.create_connection(self.address, PATIENCE)
            self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.line.sendall(self.asked)
        came = self._more()
        while (end := came.find(b"\r\n\r\n")) < 0:
            came += self._more()
        length = _LENGTH.search(came, 0, end + 2)
        if length is None:
            msg = "an answer without a length"
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

    def _hang_up(self) -> None:
        if self.line is not None:
            self.line.close()
            self.line = None
