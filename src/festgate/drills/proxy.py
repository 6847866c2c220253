"""A TCP proxy that makes a network bad: slow, cut, closed too early, narrow.

It stands between the portal and something it depends on (a mail server, a database). What it does to connections is
called a toxic, after Shopify's Toxiproxy, and can be changed while connections are open.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal, get_args

ToxicKind = Literal["latency", "down", "reset", "slow-close", "bandwidth"]
KINDS: Final[tuple[str, ...]] = get_args(ToxicKind)
MAX_CONNECTIONS: Final = 256
"""At once; one more is closed at its first byte."""
CHUNK: Final = 16 * 1024
"""Bytes read at a time: also the most that a connection keeps while it waits."""
SLICE: Final = 0.05
"""Seconds of a limited bandwidth that are sent together."""
MAX_CLOSE: Final = 2.0
"""Seconds that connections have to end when the proxy does."""
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: closing sends a RST and no FIN."""


@dataclass(frozen=True, slots=True)
class Toxic:
    """What is done to every connection."""

    kind: ToxicKind
    seconds: float = 0.0
    """`latency`: added to each piece of data, in each direction. `slow-close`: until a close is passed on."""
    jitter: float = 0.0
    """`latency`: up to so many seconds more or less, each time anew."""
    rate: float = 0.0
    """`bandwidth`: bytes a second, in each direction of each connection."""


class Proxy:
    """Passes TCP connections on to `target`, on a thread of its own; `address` is where it listens."""

    def __init__(self, target: tuple[str, int]) -> None:
        """Listens nowhere before `open`."""
        self.target = target
        self.address: tuple[str, int] = ("", 0)
        self.passed = 0
        """Connections that were passed on so far."""
        self.refused = 0
        """Connections that a toxic ended at once."""
        self._toxics: tuple[Toxic, ...] = ()
        self._loop = asyncio.new_event_loop()
        self._connections: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None

    def open(self) -> None:
        """Listen on a free port of loopback. Raises OSError."""
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0, limit=CHUNK), self._loop
        ).result()
        host, port = self._server.sockets[0].getsockname()
        self.address = (host, port)

    def close(self) -> None:
        """End every connection, and the thread."""
        if self._server is not None:
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def set(self, *toxics: Toxic) -> None:
        """From now on these, and no others; `down` and `reset` also end the connections that are open."""

        def change() -> None:
            self._toxics = toxics
            self._changed.set()
            self._changed = asyncio.Event()
            if self._has("down") or self._has("reset"):
                for connection in tuple(self._connections):
                    connection.cancel()

        self._loop.call_soon_threadsafe(change)

    def _has(self, kind: ToxicKind) -> Toxic | None:
        return next((toxic for toxic in self._toxics if toxic.kind == kind), None)

    async def _end(self) -> None:
        assert self._server is not None  # noqa: S101  (only called where there is one)
        self._server.close()
        connections = tuple(self._connections)
        for connection in connections:
            connection.cancel()
        if connections:
            await asyncio.wait(connections, timeout=MAX_CLOSE)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (asyncio's server calls it in one)
        self._connections.add(task)
        far: asyncio.StreamWriter | None = None
        try:
            if self._has("down") or self._has("reset") or len(self._connections) > MAX_CONNECTIONS:
                self.refused += 1
                return
            try:
                answers, far = await asyncio.open_connection(*self.target, limit=CHUNK)
            except OSError:
                self.refused += 1
                return
            self.passed += 1
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(reader, far))
                group.create_task(self._pass_on(answers, writer))
        except* (OSError, asyncio.CancelledError):
            pass  # an end that was cut off, or both
        finally:
            self._connections.discard(task)
            for end in (writer, far):
                if end is not None:
                    self._finish(end)

    def _finish(self, end: asyncio.StreamWriter) -> None:
        if self._has("reset") and (raw := end.get_extra_info("socket")) is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.transport.abort()
        else:
            end.close()

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """One direction, until its end."""
        while data := await source.read(CHUNK):
            if latency := self._has("latency"):
                await self._wait(max(0.0, latency.seconds + random.uniform(-1, 1) * latency.jitter))  # noqa: S311
            await self._write(sink, data)
        if slow := self._has("slow-close"):
            await self._wait(slow.seconds)
        if sink.can_write_eof():
            sink.write_eof()

    async def _write(self, sink: asyncio.StreamWriter, data: bytes) -> None:
        while data:
            narrow = self._has("bandwidth")
            size = max(1, round(narrow.rate * SLICE)) if narrow else len(data)
            sink.write(data[:size])
            await sink.drain()
            if narrow:
                await self._wait(min(size, len(data)) / narrow.rate)
            data = data[size:]

    async def _wait(self, seconds: float) -> None:
        """That long, or until the toxics change."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)


@contextmanager
def proxied(target: tuple[str, int]) -> Iterator[Proxy]:
    """A proxy before `target`, closed with the block."""
    proxy = Proxy(target)
    proxy.open()
    try:
        yield proxy
    finally:
        proxy.close()
