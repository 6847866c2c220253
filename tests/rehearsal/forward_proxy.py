"""A forward proxy on loopback, as a campus has one: the only way to an address where nothing else listens."""

import http.client
import select
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from tests.rig.server import TIMEOUT

UNREACHABLE: Final = "127.0.0.1:1"
"""An address where nothing listens."""
HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding"})
BLOCK: Final = 65_536


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, routes: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.routes = routes

    def handle_error(self, *_: object) -> None:
        """Ignore clients that hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Forward a request for a whole address, and the response."""
        parts = urlsplit(self.path)
        address = self._address(parts.netloc)
        if not address:
            self.send_error(502)
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        connection = http.client.HTTPConnection(address, timeout=TIMEOUT)
        try:
            connection.request(
                "GET", urlunsplit(("", "", parts.path or "/", parts.query, "")), headers=headers
            )
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in {*HOP_BY_HOP, "content-length"}:
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_CONNECT(self) -> None:
        """Open a tunnel, through which the client speaks with the target itself."""
        address = self._address(self.path)
        if not address:
            self.send_error(502)
            return
        host, _, port = address.partition(":")
        self.close_connection = True
        with socket.create_connection((host, int(port)), TIMEOUT) as target:
            self.send_response(200)
            self.end_headers()
            other = {self.connection: target, target: self.connection}
            while True:
                for ready in select.select(list(other), [], [])[0]:
                    block = ready.recv(BLOCK)
                    if not block:
                        return
                    other[ready].sendall(block)

    def log_message(self, *_: object) -> None:
        return

    def _address(self, name: str) -> str:
        assert isinstance(self.server, _Proxy)
        return self.server.routes.get(name, "")


@contextmanager
def forwarding(routes: Mapping[str, str]) -> Iterator[str]:
    """Run a proxy until the block ends; yield its URL. `routes` has the address of each `host:port` that it reaches."""
    with _Proxy(routes) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{proxy.server_address[1]}"
        finally:
            proxy.shutdown()
            thread.join()
