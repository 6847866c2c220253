"""Limits on connections: the time and the size of a request's head, and the number of connections.

With httptools, uvicorn has no such limits: a head of 310 MB used up the memory, and silent connections stayed open as
long as their clients did. Sizes are checked as data arrives. Times are checked once a second for all connections, so
that no request needs a timer.
"""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.protocols.http.h11_impl import H11Protocol

from festgate.kit.web.clients import Counts, Trusted

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    _Parsed = HttpToolsProtocol
else:
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as _Parsed
    except ImportError:  # PyPy, where h11 takes its place
        _Parsed = H11Protocol

MAX_CONNECTIONS = 20_000
"""Connections of one worker: five times the people of the largest fest in the design, at about 10 KB each."""
FILES_LEFT = 256
"""Open files that are reserved for the data, mail and the log."""

OnClosed: TypeAlias = Callable[[str], None]
Protocol: TypeAlias = Any
"""A uvicorn protocol; they have no common class."""


@dataclass(frozen=True)
class Limits:
    """The limits of one connection, and of a worker."""

    head: int = 32 * 1024
    """Bytes of the request line and all headers: four times the most that browsers and proxies send."""
    target: int = 8 * 1024
    """Bytes of the address, as in nginx and Apache."""
    headers: int = 100
    """The number of headers."""
    message: int = 6 * 1024 * 1024
    """Bytes of a body on the wire, with its chunks, even if the portal does not read it: the largest form, that of an
    import's preview with its file of 2 MB, and a fifth more."""
    pipelined: int = 100
    """Requests that a client may send before the response to the first."""
    head_seconds: float = 10.0
    """Seconds for a head, from the start of the connection or the head's first byte; also for the rest of a body whose
    request already has its response."""
    write_seconds: float = 30.0
    """Seconds within which a client has to read some of its response."""
    round: float = 1.0
    """Seconds between two checks of the times."""
    connections: int = MAX_CONNECTIONS
    """Connections of the worker. One client address that is not a proxy's may have half of them."""


class Watch:
    """The watchdog of one worker's connections: limits, counts, and the periodic check that ends the slow ones."""

    def __init__(self, limits: Limits, trusted: Trusted, on_closed: OnClosed = lambda _reason: None) -> None:
        """Call `on_closed` with the reason of each connection that is closed before its time."""
        self.limits = limits
        self.on_closed = on_closed
        self.open: set[Protocol] = set()
        self._max_connections = min(limits.connections, _files() - FILES_LEFT)
        self._clients = Counts(max(1, self._max_connections // 2), trusted)
        self._seen: dict[Protocol, tuple[object, float]] = {}
        self._rounds: asyncio.TimerHandle | None = None

    def enter(self, protocol: Protocol) -> bool:
        """Count a new connection; return False if there are too many."""
        if len(self.open) >= self._max_connections or not self._clients.add(_address(protocol)):
            return False
        self.open.add(protocol)
        if self._rounds is None:
            self._rounds = protocol.loop.call_later(self.limits.round, self._end_slow, protocol.loop)
        return True

    def leave(self, protocol: Protocol) -> None:
        """Stop counting a connection that has ended."""
        if protocol in self.open:
            self.open.remove(protocol)
            self._clients.remove(_address(protocol))
            self._seen.pop(protocol, None)

    def _end_slow(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close the connections whose time is over. A time begins with the check that first sees the state."""
        now = loop.time()
        for protocol in tuple(self.open):
            state, limit = self._state(protocol)
            if state is None:
                self._seen.pop(protocol, None)
                continue
            before = self._seen.get(protocol)
            if before is None or before[0] != state:
                self._seen[protocol] = (state, now)
            elif now - before[1] >= limit:
                self._end(protocol)
        self._rounds = loop.call_later(self.limits.round, self._end_slow, loop) if self.open else None

    def _state(self, protocol: Protocol) -> tuple[object, float]:
        """Return what the client has to do, and within how many seconds; None while the portal is working."""
        written = protocol.transport.get_write_buffer_size()
        if written or protocol.transport.is_closing():
            return ("write", written), self.limits.write_seconds
        cycle = protocol.cycle
        if cycle is None:
            return "head", self.limits.head_seconds
        if cycle.response_complete and protocol.timeout_keep_alive_task is None:  # more data has arrived
            return ("head", id(cycle)), self.limits.head_seconds
        return None, 0.0

    def _end(self, protocol: Protocol) -> None:
        if protocol.transport.get_write_buffer_size() or protocol.transport.is_closing():
            self.on_closed("answer-not-taken")
            protocol.transport.abort()
        elif protocol.cycle is None and not protocol.received:
            self.on_closed("silent")
            protocol.transport.close()
        else:
            self.on_closed("slow-head")
            if protocol.cycle is None:
                refuse(protocol, HTTPStatus.REQUEST_TIMEOUT)
            else:
                protocol.transport.close()


class _Watched:
    """The part that both of uvicorn's protocols need to be watched."""

    def __init__(self, *arguments: Any, watch: Watch, **named: Any) -> None:  # noqa: ANN401  (uvicorn's signature)
        """Create uvicorn's protocol, watched by the worker's `watch`."""
        super().__init__(*arguments, **named)
        self.watch = watch
        self.received = 0
        """Bytes since the last complete head or message. It is never reset with h11, which has its own limit."""

    def connection_made(self: Protocol, transport: asyncio.Transport) -> None:
        """Open the connection, or refuse it if there are too many."""
        super().connection_made(transport)  # type: ignore[misc]
        if not self.watch.enter(self):
            self.watch.on_closed("too-many")
            refuse(self, HTTPStatus.SERVICE_UNAVAILABLE)

    def connection_lost(self: Protocol, error: Exception | None) -> None:
        """Close the connection."""
        self.watch.leave(self)
        super().connection_lost(error)  # type: ignore[misc]

    def data_received(self: Protocol, data: bytes) -> None:
        """Parse the data; a connection that has sent something is not silent."""
        self.received += len(data)
        super().data_received(data)  # type: ignore[misc]


class WatchedHttpTools(_Watched, _Parsed):  # type: ignore[misc]
    """uvicorn's protocol on httptools, with limits on each head and each message."""

    def data_received(self: Protocol, data: bytes) -> None:
        """Parse the data, up to the largest head and the largest message."""
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self.received = 0
        limits = self.watch.limits
        if self.received > limits.head and not self.transport.is_closing():
            self._end_if_large()
        if len(self.pipeline) > limits.pipelined:
            self.watch.on_closed("pipelined")
            self.transport.abort()

    def on_message_complete(self: Protocol) -> None:
        """Complete the message; another head follows."""
        self.received = 0
        super().on_message_complete()

    def _end_if_large(self: Protocol) -> None:
        """Close the connection if the current head or body is too large."""
        limits, cycle = self.watch.limits, self.cycle
        if cycle is None or not cycle.more_body:
            self.watch.on_closed("large-head")
            if cycle is None or cycle.response_complete:
                refuse(self, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            else:  # an earlier request has no response yet, and the connection cannot wait for it
                self.transport.abort()
        elif self.received > limits.message:
            self.watch.on_closed("large-body")
            if cycle.response_complete:
                self.transport.close()
            else:
                self.transport.abort()

    def on_headers_complete(self: Protocol) -> None:
        """Refuse a head that is too large, in place of the portal."""
        limits = self.watch.limits
        if (
            len(self.headers) <= limits.headers
            and self.received <= limits.head
            and len(self.url) <= limits.target
        ):
            super().on_headers_complete()
            return
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if len(self.url) > limits.target:
            status = HTTPStatus.REQUEST_URI_TOO_LONG
        elif size > limits.head or len(self.headers) > limits.headers:
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        else:  # the body behind the head was large, not the head
            super().on_headers_complete()
            return
        self.watch.on_closed("large-head")
        if len(self.url) > limits.target:
            self.url = b"/"  # a longer address may be too long to parse
        app, self.app = self.app, partial(_refuse_request, status)
        try:
            super().on_headers_complete()
        finally:
            self.app = app


class WatchedH11(_Watched, H11Protocol):  # type: ignore[misc]
    """uvicorn's protocol on h11, which has its own limit on heads."""


def protocol_class(watch: Watch) -> type[asyncio.Protocol]:
    """Return the factory of a connection's protocol, for uvicorn's setting `http`."""
    kind = WatchedH11 if AutoHTTPProtocol is H11Protocol else WatchedHttpTools
    return partial(kind, watch=watch)  # type: ignore[return-value]


SENTENCES: Final = {
    HTTPStatus.REQUEST_TIMEOUT: "The request took too long to arrive. Please send it again.\n",
    HTTPStatus.REQUEST_URI_TOO_LONG: "The address is too long for this portal.\n",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "The request's headers are too large for this portal. "
    "Clearing the cookies of this site may help.\n",
    HTTPStatus.SERVICE_UNAVAILABLE: "The portal has more connections than it can serve. Try again in a moment.\n",
}


def refuse(protocol: Protocol, status: HTTPStatus) -> None:
    """Send an error response on a connection without a complete request, and close it."""
    body = SENTENCES[status].encode()
    lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
    lines += [name + b": " + value for name, value in _headers(status, body)]
    protocol.transport.write(b"\r\n".join([*lines, b"", body]))
    protocol.transport.close()


async def _refuse_request(status: HTTPStatus, _scope: Scope, _receive: Receive, send: Send) -> None:
    body = SENTENCES[status].encode()
    await send({"type": "http.response.start", "status": status.value, "headers": _headers(status, body)})
    await send({"type": "http.response.body", "body": body})


def _headers(status: HTTPStatus, body: bytes) -> list[tuple[bytes, bytes]]:
    retry = [(b"retry-after", b"2")] if status is HTTPStatus.SERVICE_UNAVAILABLE else []
    return [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *retry,
    ]


def _address(protocol: Protocol) -> str:
    return protocol.client[0] if protocol.client else ""


def _files() -> int:
    """Return how many files and connections this process may have open."""
    if sys.platform == "win32":
        return MAX_CONNECTIONS + FILES_LEFT
    import resource  # noqa: PLC0415  (Windows has none)

    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS + FILES_LEFT if allowed == resource.RLIM_INFINITY else max(allowed, 2 * FILES_LEFT)
