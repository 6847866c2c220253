"""The proxy between real sockets: the effect of each toxic, and a clean end."""

import smtplib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from festgate.drills.mail_server import mail_server
from festgate.drills.proxy import Proxy, Toxic
from tests.rig.waiting import until

PATIENCE = 10.0


@contextmanager
def echo() -> Iterator[tuple[str, int]]:
    """Run a server that returns what it receives, and closes after the other side."""

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(65536):
                    connection.sendall(data)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with echo() as target, Proxy(target) as between:
        yield between


def connected(proxy: Proxy) -> socket.socket:
    return socket.create_connection(proxy.address, timeout=PATIENCE)


def echoed(connection: socket.socket, data: bytes = b"ping") -> bytes:
    connection.sendall(data)
    received = b""
    while len(received) < len(data) and (more := connection.recv(65536)):
        received += more
    return received


def round_trip(connection: socket.socket, data: bytes = b"ping") -> float:
    began = time.monotonic()
    assert echoed(connection, data) == data
    return time.monotonic() - began


def test_without_a_toxic_everything_passes_in_both_directions(proxy: Proxy) -> None:
    payload = bytes(range(256)) * 4096
    with connected(proxy) as connection:
        sender = threading.Thread(target=connection.sendall, args=(payload,))
        sender.start()
        received = bytearray()
        while len(received) < len(payload):
            received += connection.recv(65536)
        sender.join()
    assert bytes(received) == payload
    assert proxy.forwarded == 1


def test_latency_is_added_in_each_direction_also_to_connections_that_are_open(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        echoed(connection)
        proxy.set(Toxic("latency", seconds=0.15, jitter=0.05))
        until(lambda: round_trip(connection) >= 0.2, "latency on an open connection")
        proxy.set()
        until(lambda: round_trip(connection) < 0.2, "the end of the latency")


def test_a_limited_bandwidth_lets_only_so_many_bytes_pass_each_second(proxy: Proxy) -> None:
    proxy.set(Toxic("bandwidth", rate=20_000))
    with connected(proxy) as connection:
        # Each direction takes half a second; the two overlap except at their beginning.
        assert round_trip(connection, b"x" * 10_000) >= 0.45


def test_down_cuts_open_connections_and_accepts_no_new_ones_until_it_is_removed(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        echoed(connection)
        proxy.set(Toxic("down"))
        assert connection.recv(1) == b""
    with connected(proxy) as connection:
        assert connection.recv(1) == b""
    proxy.set()

    def up() -> bool:
        with connected(proxy) as connection:
            try:
                return echoed(connection) == b"ping"
            except OSError:
                return False

    assert until(up, "the proxy is up again")


def test_a_reset_ends_a_connection_without_an_orderly_close(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        echoed(connection)
        proxy.set(Toxic("reset"))
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_a_slow_close_delays_the_end(proxy: Proxy) -> None:
    proxy.set(Toxic("slow-close", seconds=0.2))
    with connected(proxy) as connection:
        echoed(connection)
        began = time.monotonic()
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert time.monotonic() - began >= 0.2


def test_a_connection_to_a_closed_port_ends_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()
    with Proxy(closed) as proxy, connected(proxy) as connection:
        assert connection.recv(1) == b""
        until(lambda: proxy.refused == 1, "the refusal is counted")


def test_the_proxy_ends_with_connections_open_and_leaves_no_thread() -> None:
    before = threading.active_count()
    with echo() as target:
        with Proxy(target) as proxy:
            connection = connected(proxy)
            echoed(connection)
        assert connection.recv(1) == b""
        connection.close()
    assert until(lambda: threading.active_count() <= before, "every thread has ended")


def test_the_mail_server_accepts_every_email_also_twice() -> None:
    email = "Message-ID: <1@fest>\r\n\r\nHello\r\n"
    with mail_server() as address, Proxy(address) as proxy:
        for _ in range(2):
            with smtplib.SMTP(*proxy.address, timeout=PATIENCE) as client:
                assert client.sendmail("fest@localhost", ["ravi@example.org"], email) == {}
        assert proxy.forwarded == 2
