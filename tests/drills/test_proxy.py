"""The proxy between real sockets: what each toxic does to what passes, and that all of it ends."""

import smtplib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from festgate.drills.mail_server import mail_server
from festgate.drills.proxy import Proxy, Toxic, proxied
from tests.rig.waiting import until

PATIENCE = 10.0


@contextmanager
def echo() -> Iterator[tuple[str, int]]:
    """A server that sends back what it gets, and closes when the other side has."""

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
    with echo() as target, proxied(target) as between:
        yield between


def connected(proxy: Proxy) -> socket.socket:
    return socket.create_connection(proxy.address, timeout=PATIENCE)


def sent_back(connection: socket.socket, data: bytes = b"ping") -> bytes:
    connection.sendall(data)
    came = b""
    while len(came) < len(data) and (more := connection.recv(65536)):
        came += more
    return came


def took(connection: socket.socket, data: bytes = b"ping") -> float:
    began = time.monotonic()
    assert sent_back(connection, data) == data
    return time.monotonic() - began


def test_without_a_toxic_all_passes_in_both_directions(proxy: Proxy) -> None:
    payload = bytes(range(256)) * 4096
    with connected(proxy) as connection:
        sender = threading.Thread(target=connection.sendall, args=(payload,))
        sender.start()
        came = bytearray()
        while len(came) < len(payload):
            came += connection.recv(65536)
        sender.join()
    assert bytes(came) == payload
    assert proxy.passed == 1


def test_latency_is_added_in_each_direction_also_to_connections_that_are_open(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        sent_back(connection)
        proxy.set(Toxic("latency", seconds=0.15, jitter=0.05))
        until(lambda: took(connection) >= 0.2, "latency on an open connection")
        proxy.set()
        until(lambda: took(connection) < 0.2, "the end of the latency")


def test_a_narrow_line_lets_so_many_bytes_pass_a_second(proxy: Proxy) -> None:
    proxy.set(Toxic("bandwidth", rate=20_000))
    with connected(proxy) as connection:
        # Both directions are as narrow, one after the other only at their beginning: half a second each.
        assert took(connection, b"x" * 10_000) >= 0.45


def test_down_cuts_what_is_open_and_takes_nothing_new_until_it_is_up_again(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        sent_back(connection)
        proxy.set(Toxic("down"))
        assert connection.recv(1) == b""
    with connected(proxy) as connection:
        assert connection.recv(1) == b""
    proxy.set()

    def up() -> bool:
        with connected(proxy) as connection:
            try:
                return sent_back(connection) == b"ping"
            except OSError:
                return False

    assert until(up, "the proxy is up again")


def test_a_reset_is_no_orderly_end(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        sent_back(connection)
        proxy.set(Toxic("reset"))
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_a_slow_close_holds_the_end_back(proxy: Proxy) -> None:
    proxy.set(Toxic("slow-close", seconds=0.2))
    with connected(proxy) as connection:
        sent_back(connection)
        began = time.monotonic()
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert time.monotonic() - began >= 0.2


def test_where_nobody_listens_the_connection_ends_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = listener.getsockname()
    with proxied(nobody) as proxy, connected(proxy) as connection:
        assert connection.recv(1) == b""
        until(lambda: proxy.refused == 1, "the refusal is counted")


def test_the_proxy_ends_with_connections_open_and_leaves_no_thread() -> None:
    before = threading.active_count()
    with echo() as target:
        with proxied(target) as proxy:
            connection = connected(proxy)
            sent_back(connection)
        assert connection.recv(1) == b""
        connection.close()
    assert until(lambda: threading.active_count() <= before, "every thread has ended")


def test_an_email_comes_through_to_the_mail_server_and_is_counted_once() -> None:
    with mail_server() as box, proxied(box.address) as proxy:
        for _ in range(2):
            with smtplib.SMTP(*proxy.address, timeout=PATIENCE) as server:
                server.sendmail(
                    "fest@localhost", ["ravi@example.org"], "Message-ID: <1@fest>\r\n\r\nHello\r\n"
                )
        assert box.emails == 1
        assert max(box.subjects.values()) == 2
