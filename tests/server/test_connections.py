"""Limits on connections, on a real server with raw sockets: heads, silence, endless bodies, unread responses."""

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

import pytest
import uvicorn
from starlette.requests import Request
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from festgate.server import connections
from festgate.server.connections import Limits
from festgate.server.worker import server_config
from festgate.settings import Settings
from tests.rig.waiting import until

TIMEOUT = 20.0
SHORT = Limits(head_seconds=0.2, write_seconds=0.2, round=0.05)
LARGE_RESPONSE = 64 * 1024 * 1024
GET = b"GET / HTTP/1.1\r\nhost: fest\r\n"


@dataclass
class Served:
    """A server for one test."""

    port: int
    closed: Counter[str] = field(default_factory=Counter)
    """The reasons why connections were closed."""
    paths: list[str] = field(default_factory=list)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT)

    def await_closed(self, reason: str) -> None:
        until(lambda: self.closed[reason], f"a connection is ended as {reason}")


@contextmanager
def served(limits: Limits) -> Iterator[Served]:
    listener = socket.create_server(("127.0.0.1", 0))
    server_state = Served(listener.getsockname()[1])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        server_state.paths.append(scope["path"])
        body = b"x" * LARGE_RESPONSE if scope["path"] == "/large" else b"ok"
        if scope["path"] == "/reads":
            body = b"%d" % len(await Request(scope, receive).body())
        head = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})

    def count(reason: str) -> None:
        server_state.closed[reason] += 1

    server = uvicorn.Server(server_config(app, Settings(), count, limits))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        until(lambda: server.started, "the server has started")
        yield server_state
    finally:
        server.should_exit = server.force_exit = True
        thread.join()


def read_all(connection: socket.socket) -> bytes:
    """Return everything that the server sends until it closes the connection."""
    received = b""
    try:
        while more := connection.recv(65536):
            received += more
    except ConnectionResetError:
        pass
    return received


def bytes_sent_until_closed(connection: socket.socket, piece: bytes, max_bytes: int) -> int:
    """Return how many bytes could be sent in pieces before the server closed the connection."""
    sent = 0
    with suppress(ConnectionError):
        while sent < max_bytes:
            connection.sendall(piece)
            sent += len(piece)
    return sent


def read_response(connection: socket.socket) -> bytes:
    """Return one response of the app, whose bodies are short."""
    received = b""
    while not received.endswith((b"ok", b"\r\n\r\n0")):
        more = connection.recv(65536)
        assert more, received
        received += more
    return received


@pytest.fixture(params=["httptools", "h11"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Select each of uvicorn's parsers; on PyPy there is only h11."""
    if request.param == "h11":
        monkeypatch.setattr(connections, "AutoHTTPProtocol", H11Protocol)
    kind: str = request.param
    return kind


@pytest.mark.parametrize(
    "start, status",
    [(b"", b""), (b"GET / HTTP/1.1\r\nhost: fest\r\nx-slow: ", b"HTTP/1.1 408 ")],
    ids=["silent", "half a head"],
)
def test_a_connection_without_a_complete_head_is_closed(parser: str, start: bytes, status: bytes) -> None:
    assert parser
    with served(SHORT) as server, closing(server.connect()) as connection:
        connection.sendall(start)
        assert read_all(connection).startswith(status)
        assert server.closed == {"slow-head" if start else "silent": 1}
        assert server.paths == []


def test_a_connection_with_half_a_head_after_a_response_is_closed(parser: str) -> None:
    assert parser
    with served(SHORT) as server, closing(server.connect()) as connection:
        connection.sendall(GET + b"\r\n")
        assert read_response(connection).startswith(b"HTTP/1.1 200 ")
        connection.sendall(GET)
        assert read_all(connection) == b""
        server.await_closed("slow-head")


@pytest.mark.parametrize(
    "sent, status",
    [
        pytest.param(GET + b"x: " + b"a" * 40_000, b"431", id="an endless header"),
        pytest.param(GET + b"x: " + b"a" * 40_000 + b"\r\n\r\n", b"431", id="a large header"),
        pytest.param(GET + b"x: a\r\n" * 100 + b"\r\n", b"431", id="many headers"),
        pytest.param(
            b"GET /" + b"a" * 8200 + b" HTTP/1.1\r\nhost: fest\r\n\r\n", b"414", id="a long address"
        ),
        pytest.param(b"GET /" + b"a" * 70_000, b"431", id="an endless address"),
    ],
)
def test_a_head_that_is_too_large_is_refused_before_the_portal_sees_it(sent: bytes, status: bytes) -> None:
    with served(Limits()) as server, closing(server.connect()) as connection:
        connection.sendall(sent)
        assert read_all(connection).startswith(b"HTTP/1.1 " + status)
        assert server.paths == []
        server.await_closed("large-head")


def test_the_largest_heads_are_accepted_even_with_a_body_behind_them() -> None:
    largest = GET.replace(b"GET /", b"POST /reads") + b"x: " + b"a" * 30_000 + b"\r\n"
    many = GET + b"x: a\r\n" * 99 + b"\r\n"
    with served(Limits()) as server, closing(server.connect()) as connection:
        connection.sendall(largest + b"content-length: 60000\r\n\r\n" + b"b" * 60_000)
        received = b""
        while not received.endswith(b"60000"):
            received += connection.recv(65536)
        connection.sendall(many)
        assert read_response(connection).startswith(b"HTTP/1.1 200 ")
        assert not server.closed


def test_a_head_of_hundreds_of_megabytes_is_only_read_up_to_a_limit() -> None:
    piece = b"a" * 65_536
    with served(Limits()) as server, closing(server.connect()) as connection:
        connection.sendall(GET + b"x: ")
        assert bytes_sent_until_closed(connection, piece, 310_000_000) < 20_000_000
        server.await_closed("large-head")


CHUNKS = b"POST /reads HTTP/1.1\r\nhost: fest\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "start, piece",
    [
        pytest.param(CHUNKS + b"1;", b"e" * 65_536, id="an extension"),
        pytest.param(CHUNKS + b"0\r\n", b"x: a\r\n" * 10_000, id="trailers"),
        pytest.param(b"POST / HTTP/1.1\r\ncontent-length: 999999999\r\n\r\n", b"b" * 65_536, id="unread"),
    ],
)
def test_an_endless_body_is_cut_off(start: bytes, piece: bytes) -> None:
    with served(Limits()) as server, closing(server.connect()) as connection:
        connection.sendall(start)
        assert bytes_sent_until_closed(connection, piece, 310_000_000) < 20_000_000
        server.await_closed("large-body")


def test_the_rest_of_a_body_that_is_not_read_has_a_time_limit() -> None:
    with served(SHORT) as server, closing(server.connect()) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nhost: fest\r\ncontent-length: 50000\r\n\r\nfirst")
        assert read_response(connection).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"second")
        assert read_all(connection) == b""
        server.await_closed("slow-head")


def test_a_response_that_the_client_does_not_read_is_abandoned(parser: str) -> None:
    assert parser
    with served(SHORT) as server, closing(server.connect()) as connection:
        connection.sendall(GET.replace(b" / ", b" /large ") + b"\r\n")
        server.await_closed("answer-not-taken")
        assert len(read_all(connection)) < LARGE_RESPONSE


def test_pipelined_requests_are_served_in_order_up_to_a_hundred() -> None:
    with served(Limits()) as server:
        with closing(server.connect()) as connection:
            connection.sendall((GET + b"\r\n") * 50 + GET + b"connection: close\r\n\r\n")
            assert read_all(connection).count(b"HTTP/1.1 200 OK") == 51
        with closing(server.connect()) as connection:
            connection.sendall((GET + b"\r\n") * 1000)
            read_all(connection)
        server.await_closed("pipelined")
        assert len(server.paths) < 51 + 1000


def test_a_connection_above_the_limit_is_refused_and_the_others_continue() -> None:
    with served(Limits(connections=3)) as server:
        held = [server.connect() for _ in range(3)]
        for connection in held:
            connection.sendall(GET + b"\r\n")
            read_response(connection)
        with closing(server.connect()) as connection:
            assert read_all(connection).startswith(b"HTTP/1.1 503 ")
        held[0].sendall(GET + b"\r\n")
        assert read_response(held[0]).startswith(b"HTTP/1.1 200 ")
        held.pop().close()
        until(is_served(server), "a new connection is served")
        for connection in held:
            connection.close()


def is_served(server: Served) -> Callable[[], bool]:
    def send_request() -> bool:
        with closing(server.connect()) as connection:
            connection.sendall(GET + b"connection: close\r\n\r\n")
            return read_all(connection).startswith(b"HTTP/1.1 200 ")

    return send_request
