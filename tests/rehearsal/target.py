"""Small web servers to rehearse against, and journeys for them."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Answer = tuple[int, bytes]
JOURNEY = """
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant({wait})

    @task
    def look(self):
        with self.client.get("/page", name="/page", catch_response=True) as answer:
            if answer.status_code == 200 and b"welcome" not in answer.content:
                answer.failure("not the page")
"""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Target)
        status, body = server.answer(self.path)
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


class Target(ThreadingHTTPServer):
    """Answers each GET with what `answer` gives for its path."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, answer: Callable[[str], Answer], address: str = "127.0.0.1", port: int = 0) -> None:
        """Listens at once."""
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), _Handler)
        self.answer = answer

    def handle_error(self, *_: object) -> None:
        """Whoever hangs up before the answer has had enough of it."""

    @property
    def port(self) -> int:
        """The one that it listens on."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def answering(answer: Callable[[str], Answer]) -> Iterator[Target]:
    """A server until the block ends."""
    with Target(answer) as target:
        thread = threading.Thread(target=target.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield target
        finally:
            target.shutdown()
            thread.join()


def welcome(_path: str) -> Answer:
    """The page that JOURNEY asks for."""
    return 200, b"welcome" + b"." * 500


class Freezing:
    """Answers at once but for one spell, `after` seconds from its first visitor, in which everybody waits."""

    def __init__(self, after: float, length: float) -> None:
        """Seconds both."""
        self._after = after
        self._length = length
        self._first: float | None = None
        self._lock = threading.Lock()

    def __call__(self, path: str) -> Answer:
        """The page; whoever only looks whether there is a server is no visitor."""
        if path == "/":
            return welcome(path)
        with self._lock:
            self._first = self._first or time.monotonic()
            age = time.monotonic() - self._first
        left = self._after + self._length - age
        if age >= self._after and left > 0:
            threading.Event().wait(left)
        return welcome(path)


def journey(folder: Path, text: str = JOURNEY, *, wait: float = 0.05) -> str:
    """A locustfile in a folder; its path."""
    path = folder / "journey.py"
    path.write_text(text.replace("{wait}", str(wait)), encoding="utf-8")
    return str(path)
