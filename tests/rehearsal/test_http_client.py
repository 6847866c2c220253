"""The HTTP client of the tools, against servers that misbehave."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from festgate.ports import free_port
from festgate.rehearsal import http_client
from festgate.rehearsal.http_client import NoResponse


@contextmanager
def serving(*pieces: bytes, pause: float = 0.0) -> Iterator[tuple[str, list[bytes]]]:
    """Answer one connection with the pieces, a pause after each; yields the URL and what was received."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                received.append(connection.recv(65536))
                for piece in pieces:
                    try:
                        connection.sendall(piece)
                    except OSError:
                        return
                    time.sleep(pause)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", received
        thread.join(5)


def test_a_response_has_its_status_headers_body_and_cookies() -> None:
    head = b"HTTP/1.1 303 See Other\r\nLocation: /login\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\n"
    with serving(head, b"Content-Length: 2\r\n\r\nhi") as (url, received):
        answer = http_client.request(
            "POST", f"{url}/x?q=1", timeout=5, headers={"X-A": "b "}, content=b"form"
        )
    assert (answer.status, answer.headers["location"], answer.body) == (303, "/login", b"hi")
    assert answer.cookie == "a=1; b=2"
    assert received[0].startswith(b"POST /x?q=1 HTTP/1.1\r\n")
    assert b"X-A: b\r\n" in received[0]
    assert b"Accept-Encoding: identity\r\n" in received[0]


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    with serving(b"HTTP/1.1 204 No Content\r\n\r\n") as (url, _):
        assert http_client.get(url, timeout=5).status == 204


def test_a_compressed_body_is_left_as_it_came_and_cut_off_at_the_limit() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n"
    with serving(head + b"x" * 1000) as (url, _):
        assert http_client.get(url, timeout=5, max_bytes=10).body == b"x" * 10


def test_a_port_without_a_listener_is_not_connected() -> None:
    with pytest.raises(NoResponse, match=r"^[^.]+$") as raised:
        http_client.get(f"http://127.0.0.1:{free_port()}", timeout=5)
    assert (raised.value.connected, raised.value.late) == (False, False)


@pytest.mark.parametrize(
    "pieces", [(), (b"SSH-2.0\r\n",), (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi",)]
)
def test_an_incomplete_response_has_a_reason(pieces: tuple[bytes, ...]) -> None:
    with serving(*pieces) as (url, _), pytest.raises(NoResponse) as raised:
        http_client.get(url, timeout=5)
    assert str(raised.value)
    assert (raised.value.connected, raised.value.late) == (True, False)


@pytest.mark.parametrize(
    "head",
    [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"],
    ids=["in the headers", "in a body without end", "in a body"],
)
def test_a_response_that_comes_byte_by_byte_ends_at_the_time_limit(head: bytes) -> None:
    drops = [b"H", *(b"x" for _ in range(40))] if not head else [head, *(b"x" for _ in range(40))]
    began = time.monotonic()
    with (
        serving(*drops, pause=0.1) as (url, _),
        pytest.raises(NoResponse, match=r"no response within 0.5 s") as raised,
    ):
        http_client.get(url, timeout=0.5)
    assert raised.value.late
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("url", ["http://127.0.0.1:x", "nothing", "ftp://127.0.0.1", "http://"])
def test_an_address_that_is_none_has_a_reason(url: str) -> None:
    with pytest.raises(NoResponse) as raised:
        http_client.get(url, timeout=1)
    assert str(raised.value)
