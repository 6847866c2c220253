"""Connections: how long a client may take for the head of a request, how large that may be, and how many there may be.

uvicorn has no such limits with httptools: a head of 310 MB took all of the memory, and silent connections stayed for
as long as their clients did. Sizes are looked at as data comes; times by one round a second over all connections, so
that a request pays for no clock.
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
"""Of one worker: five times the people of the largest fest that is spoken of, at some 10 KB each."""
FILES_LEFT = 256
"""Open files that are kept for the data, mail and the log."""

Ended: TypeAlias = Callable[[str], None]
Protocol: TypeAlias = Any
"""uvicorn's protocols, which have no common class."""


@dataclass(frozen=True)
class Limits:
    """What one connection may take of a worker."""

    head: int = 32 * 1024
    """Bytes of the request line and all headers: four times what browsers and proxies send at most."""
    target: int = 8 * 1024
    """Bytes of the address, as in nginx and Apache."""
    headers: int = 100
    message: int = 1024 * 1024
    """Bytes on the wire of a body and whatever wraps it, also of one that nobody reads: sixteen times the largest."""
    pipelined: int = 100
    """Requests that are sent before the answer to the first."""
    head_seconds: float = 10.0
    """For a head, from the connection's first moment or the head's first byte; and for what is left of a body whose
    request has been answered."""
    write_seconds: float = 30.0
    """In which a client has to take something of its answer."""
    round: float = 1.0
    """Seconds between two looks at the times."""
    connections: int = MAX_CONNECTIONS
    """Of the worker. One client address that is no proxy's may have half of them."""


class Watch:
    """What the connections of one worker share: limits, counts, and the round that ends the slow ones."""

    def __init__(self, limits: Limits, trusted: Trusted, ended: Ended = lambda _reason: None) -> None:
        """`ended` is told the reason of each connection that is ended before its time."""
        self.limits = limits
        self.ended = ended
        self.open: set[Protocol] = set()
        self._most = min(limits.connections, _files() - FILES_LEFT)
        self._clients = Counts(max(1, self._most // 2), trusted)
        self._seen: dict[Protocol, tuple[object, float]] = {}
        self._rounds: asyncio.TimerHandle | None = None

    def enter(self, protocol: Protocol) -> bool:
        """Count a connection in; False where there are too many."""
        if len(self.open) >= self._most or not self._clients.add(_address(protocol)):
            return False
        self.open.add(protocol)
        if self._rounds is None:
            self._rounds = protocol.loop.call_later(self.limits.round, self._look, protocol.loop)
        return True

    def leave(self, protocol: Protocol) -> None:
        """Count it out."""
        if protocol in self.open:
            self.open.remove(protocol)
            self._clients.remove(_address(protocol))
            self._seen.pop(protocol, None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """End the connections whose time is over; a time begins with the round that sees what it is for."""
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
        self._rounds = loop.call_later(self.limits.round, self._look, loop) if self.open else None

    def _state(self, protocol: Protocol) -> tuple[object, float]:
        """What the client is to do now, and within how many seconds; None where it is the portal's turn."""
        written = protocol.transport.get_write_buffer_size()
        if written or protocol.transport.is_closing():
            return ("write", written), self.limits.write_seconds
        cycle = protocol.cycle
        if cycle is None:
            return "head", self.limits.head_seconds
        if cycle.response_complete and protocol.timeout_keep_alive_task is None:  # something has come since
            return ("head", id(cycle)), self.limits.head_seconds
        return None, 0.0

    def _end(self, protocol: Protocol) -> None:
        if protocol.transport.get_write_buffer_size() or protocol.transport.is_closing():
            self.ended("answer-not-taken")
            protocol.transport.abort()
        elif protocol.cycle is None and not protocol.heard:
            self.ended("silent")
            protocol.transport.close()
        else:
            self.ended("slow-head")
            if protocol.cycle is None:
                refuse(protocol, HTTPStatus.REQUEST_TIMEOUT)
            else:
                protocol.transport.close()


class _Watched:
    """What both of uvicorn's protocols need to be watched."""

    def __init__(self, *arguments: Any, watch: Watch, **named: Any) -> None:  # noqa: ANN401  (as uvicorn has it)
        """As uvicorn makes one; `watch` is the worker's."""
        super().__init__(*arguments, **named)
        self.watch = watch
        self.heard = 0
        """Bytes since the last head or message was complete; nothing resets them with h11, which counts by itself."""

    def connection_made(self: Protocol, transport: asyncio.Transport) -> None:
        """Begin, or say that there are too many."""
        super().connection_made(transport)  # type: ignore[misc]
        if not self.watch.enter(self):
            self.watch.ended("too-many")
            refuse(self, HTTPStatus.SERVICE_UNAVAILABLE)

    def connection_lost(self: Protocol, error: Exception | None) -> None:
        """End."""
        self.watch.leave(self)
        super().connection_lost(error)  # type: ignore[misc]

    def data_received(self: Protocol, data: bytes) -> None:
        """As uvicorn's; a connection that has said something is not silent."""
        self.heard += len(data)
        super().data_received(data)  # type: ignore[misc]


class WatchedHttpTools(_Watched, _Parsed):  # type: ignore[misc]
    """uvicorn's protocol on httptools, with limits on each head."""

    def data_received(self: Protocol, data: bytes) -> None:
        """As uvicorn's, up to the largest head and the largest message."""
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self.heard = 0
        limits = self.watch.limits
        if self.heard > limits.head and not self.transport.is_closing():
            self._end_if_large()
        if len(self.pipeline) > limits.pipelined:
            self.watch.ended("pipelined")
            self.transport.abort()

    def on_message_complete(self: Protocol) -> None:
        """As uvicorn's; what comes next is another head."""
        self.heard = 0
        super().on_message_complete()

    def _end_if_large(self: Protocol) -> None:
        """End the connection if what has come is too large for what it is, a head or a body."""
        limits, cycle = self.watch.limits, self.cycle
        if cycle is None or not cycle.more_body:
            self.watch.ended("large-head")
            if cycle is None or cycle.response_complete:
                refuse(self, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            else:  # the answer before is not there yet, and cannot be waited for
                self.transport.abort()
        elif self.heard > limits.message:
            self.watch.ended("large-body")
            if cycle.response_complete:
                self.transport.close()
            else:
                self.transport.abort()

    def on_headers_complete(self: Protocol) -> None:
        """Answer a head that is too large, in place of the portal."""
        limits = self.watch.limits
        if (
            len(self.headers) <= limits.headers
            and self.heard <= limits.head
            and len(self.url) <= limits.target
        ):
            super().on_headers_complete()
            return
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if len(self.url) > limits.target:
            status = HTTPStatus.REQUEST_URI_TOO_LONG
        elif size > limits.head or len(self.headers) > limits.headers:
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        else:  # it was the body behind it
            super().on_headers_complete()
            return
        self.watch.ended("large-head")
        if len(self.url) > limits.target:
            self.url = b"/"  # a longer one may be beyond what can be taken apart
        app, self.app = self.app, partial(_refusing, status)
        try:
            super().on_headers_complete()
        finally:
            self.app = app


class WatchedH11(_Watched, H11Protocol):  # type: ignore[misc]
    """The same on h11, which has a limit of its own on heads."""


def protocol_class(watch: Watch) -> type[asyncio.Protocol]:
    """Return what makes a connection's protocol, for uvicorn's setting `http`."""
    kind = WatchedH11 if AutoHTTPProtocol is H11Protocol else WatchedHttpTools
    return partial(kind, watch=watch)  # type: ignore[return-value]


WORDS: Final = {
    HTTPStatus.REQUEST_TIMEOUT: "The request took too long to arrive. Please send it once more.\n",
    HTTPStatus.REQUEST_URI_TOO_LONG: "The address is longer than any address of this portal.\n",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "The request's headers are larger than this portal takes. "
    "Clearing the cookies of this site may help.\n",
    HTTPStatus.SERVICE_UNAVAILABLE: "The portal has more connections than it can serve. Try again in a moment.\n",
}


def refuse(protocol: Protocol, status: HTTPStatus) -> None:
    """Answer on a connection that has no request to answer, and close it."""
    words = WORDS[status].encode()
    lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
    lines += [name + b": " + value for name, value in _headers(status, words)]
    protocol.transport.write(b"\r\n".join([*lines, b"", words]))
    protocol.transport.close()


async def _refusing(status: HTTPStatus, _scope: Scope, _receive: Receive, send: Send) -> None:
    words = WORDS[status].encode()
    await send({"type": "http.response.start", "status": status.value, "headers": _headers(status, words)})
    await send({"type": "http.response.body", "body": words})


def _headers(status: HTTPStatus, words: bytes) -> list[tuple[bytes, bytes]]:
    again = [(b"retry-after", b"2")] if status is HTTPStatus.SERVICE_UNAVAILABLE else []
    return [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(words)).encode()),
        (b"connection", b"close"),
        *again,
    ]


def _address(protocol: Protocol) -> str:
    return protocol.client[0] if protocol.client else ""


def _files() -> int:
    """How many files and connections this process may have open."""
    if sys.platform == "win32":
        return MAX_CONNECTIONS + FILES_LEFT
    import resource  # noqa: PLC0415  (Windows has none)

    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS + FILES_LEFT if allowed == resource.RLIM_INFINITY else max(allowed, 2 * FILES_LEFT)
