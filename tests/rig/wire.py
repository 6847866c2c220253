"""HTTP on sockets: for many clients with a connection each, and for requests that no client library sends."""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

TIMEOUT = 30.0
"""Seconds for a response: many times as long as it takes, for a busy machine."""
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Answer:
    """A response. Header names are in lower case; of several headers with one name, the last is kept."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as UTF-8 text."""
        return self.body.decode("utf-8")

    @property
    def location(self) -> str:
        """The target of a redirect; empty if there is none."""
        return self.headers.get("location", "")


def port_of(url: str) -> int:
    """Return the port of a server's address."""
    port = urlsplit(url).port
    if port is None:
        raise ValueError(f"{url} has no port")
    return port


def request(
    method: str | bytes,
    target: str | bytes,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> bytes:
    """Return the bytes of a request; with a body, its length is included."""
    lines = [
        b" ".join((_bytes(method), _bytes(target), b"HTTP/1.1")),
        *(
            f"{name}: {value}".encode("latin-1")
            for name, value in ({"host": "localhost"} | dict(headers or {})).items()
        ),
    ]
    if body is not None:
        lines.append(b"content-length: %d" % len(body))
    return b"\r\n".join((*lines, b"", body or b""))


def form(fields: Mapping[str, str]) -> bytes:
    """Return the body of a form."""
    return urlencode(fields).encode()


def exchange(url: str, *parts: bytes, head: bool = False) -> Answer:
    """Send the parts in turn on a new connection, and read the response.

    The server may answer and close the connection before it has received everything. With `head`, the response is one
    to HEAD, and everything up to the end is its body. Raise ConnectionError if there is no response.
    """
    with socket.create_connection(("127.0.0.1", port_of(url)), timeout=TIMEOUT) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass  # a response that was sent before the end may still be readable
        received = b""
        if head:
            while more := connection.recv(65536):
                received += more
            return _parse(*received.split(b"\r\n\r\n", 1))
        while (answer := _read(received)) is None:
            received += _more(connection, received)
        return answer


class ClientConnection:
    """A client's connection, which stays open between requests like a browser's."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Wrap a connection; `open` makes one."""
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, url: str) -> "ClientConnection":
        """Connect to the server. Raise OSError if nothing listens."""
        return cls(*await asyncio.open_connection("127.0.0.1", port_of(url)))

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Request a page. Raise ConnectionError if the server closes the connection."""
        return await self._send(request("GET", path, headers))

    async def post(
        self, path: str, fields: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a form from a page of the same site. Raise ConnectionError if the server closes the connection."""
        all_headers = {"content-type": FORM, "sec-fetch-site": "same-origin"} | dict(headers or {})
        return await self._send(request("POST", path, all_headers, form(fields or {})))

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()

    async def _send(self, sent: bytes) -> Answer:
        self._writer.write(sent)
        received = b""
        async with asyncio.timeout(TIMEOUT):
            while (answer := _read(received)) is None:
                more = await self._reader.read(65536)
                if not more:
                    raise ConnectionError(f"the server closed the connection after {received!r}")
                received += more
        return answer


def _more(connection: socket.socket, received: bytes) -> bytes:
    more = connection.recv(65536)
    if not more:
        raise ConnectionError(f"the server closed the connection after {received!r}")
    return more


def _read(received: bytes) -> Answer | None:
    """Return the response if it is complete, by its content-length, which every response of the portal has."""
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return None
    answer = _parse(head, body)
    return None if len(body) < int(answer.headers.get("content-length", "0")) else answer


def _parse(head: bytes, body: bytes) -> Answer:
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(status.split()[1]), headers, body)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")
