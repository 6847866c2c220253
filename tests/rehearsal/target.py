"""Small web servers to rehearse against, and journeys for them."""

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Reply:
    """An answer with headers."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    closes: bool = False
    """Whether the connection is closed afterwards."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.asked = 0

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Target)
        self.asked += 1
        reply = server.reply(self.path, self.asked)
        self.send_response(reply.status)
        self.send_header("content-length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.closes:
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_: object) -> None:
        return


class Target(ThreadingHTTPServer):
    """A server that answers each GET with the result of `answer` for its path."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, answer: Callable[[str], Answer], address: str = "127.0.0.1", port: int = 0) -> None:
        """Listen at once."""
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), _Handler)
        self.answer = answer

    def reply(self, path: str, _asked: int) -> Reply:
        """Answer a request; `_asked` is 1 for the first on its connection."""
        return Reply(*self.answer(path))

    def handle_error(self, *_: object) -> None:
        """Ignore clients that hang up before the answer."""

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def answering(answer: Callable[[str], Answer]) -> Iterator[Target]:
    """Serve `answer` until the block ends."""
    with serving(Target(answer)) as target:
        yield target


@contextmanager
def serving(target: Target) -> Iterator[Target]:
    """Run a server until the block ends."""
    with target:
        thread = threading.Thread(target=target.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield target
        finally:
            target.shutdown()
            thread.join()


def welcome(_path: str) -> Answer:
    """Return the page that JOURNEY requests."""
    return 200, b"welcome" + b"." * 500


class Freezing:
    """A target that answers at once, but for a pause of `length` seconds, `after` seconds after its first visitor."""

    def __init__(self, after: float, length: float) -> None:
        """Set the times, in seconds."""
        self._after = after
        self._length = length
        self._first: float | None = None
        self._lock = threading.Lock()

    def __call__(self, path: str) -> Answer:
        """Return the page; a request for / is the preflight check and not a visitor."""
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
    """Write a locustfile into a folder; return its path."""
    path = folder / "journey.py"
    path.write_text(text.replace("{wait}", str(wait)), encoding="utf-8")
    return str(path)


@dataclass(frozen=True)
class Behaviour:
    """The behaviour of a Site. Times in seconds; for "each n-th", 0 means none."""

    build: str = ""
    """The version in its headers; no header where empty."""
    wait: float = 0.03
    """Before each answer: long compared with the delays of a busy machine."""
    slower: tuple[float, float] = (0.0, 0.0)
    """Begin and end, after the first visitor, of a period in which each answer takes four times as long."""
    frozen: tuple[float, float] = (0.0, 0.0)
    """Begin and end, after the first visitor, of a period without any answer."""
    opening: float = 0.0
    """Additional time before the first answer on a connection."""
    closes_after: int = 0
    """Answers after which a connection is closed."""
    fails: int = 0
    """Each n-th page is an error."""
    accepts: int = 0
    """Each n-th page is an empty 202."""
    onward: int = 2
    """Each n-th page leads on to the visitor's own page."""
    page: bytes = b"welcome"
    """The content of the page, the same for every visitor."""
    own_size: int = 3_000
    """Bytes of the visitor's own page."""


class Site(Target):
    """A server with a page at /page, which may lead on to the visitor's own page at /mine."""

    def __init__(self, behaviour: Behaviour) -> None:
        """Listen at once."""
        super().__init__(welcome)
        self._behaviour = behaviour
        self._numbers = itertools.count(1)
        self._pages = itertools.count(1)
        self._first: float | None = None
        self._lock = threading.Lock()

    def reply(self, path: str, asked: int) -> Reply:
        """Return the page, after a while; other paths are the preflight check and not a visitor."""
        behaviour = self._behaviour
        headers = {"x-version": behaviour.build} if behaviour.build else {}
        if path not in ("/page", "/mine"):
            return Reply(200, b"", headers)
        with self._lock:
            self._first = self._first or time.monotonic()
            age = time.monotonic() - self._first
            number = next(self._numbers)
            page = next(self._pages) if path == "/page" else 0
        threading.Event().wait(self._wait(age, asked))
        closes = behaviour.closes_after > 0 and asked >= behaviour.closes_after
        if path == "/mine":
            return Reply(
                200,
                f"of visitor {number:09} at {self.port:05}".encode().ljust(behaviour.own_size),
                headers,
                closes,
            )
        if _each(page, behaviour.fails):
            return Reply(500, b"", headers, closes)
        if _each(page, behaviour.accepts):
            return Reply(202, b"", headers, closes)
        end = b" onward" if _each(page, behaviour.onward) else b" goodbye"
        return Reply(200, behaviour.page.ljust(600) + end.ljust(8), headers, closes)

    def _wait(self, age: float, asked: int) -> float:
        behaviour = self._behaviour
        begin, end = behaviour.slower
        wait = behaviour.wait * (4 if begin <= age < end else 1)
        begin, end = behaviour.frozen
        frozen = end - age if begin <= age < end else 0.0
        return max(wait, frozen) + (behaviour.opening if asked == 1 else 0.0)


def _each(number: int, every: int) -> bool:
    return every > 0 and number % every == 0
