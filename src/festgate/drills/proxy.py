"""A TCP proxy that degrades a network: latency, cut connections, resets, late closes, little bandwidth.

It stands between the portal and a server that it depends on (mail, database). As in Shopify's Toxiproxy, a degradation
is called a toxic, and can be changed while connections are open.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from dataclasses import dataclass
from typing import Final, Literal, Self

ToxicKind = Literal["latency", "down", "reset", "slow-close", "bandwidth"]
MAX_CONNECTIONS: Final = 256
"""Connections at a time; further ones are closed at once."""
CHUNK: Final = 16 * 1024
"""Bytes read at a time, which is also the most that a waiting connection buffers."""
SLICE: Final = 0.05
"""Seconds of a limited bandwidth whose bytes are sent together."""
MAX_CLOSE: Final = 2.0
"""Seconds for the connections to end when the proxy is closed."""
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with a timeout of zero: closing sends a RST instead of a FIN."""


@dataclass(frozen=True, slots=True)
class Toxic:
    """A degradation of every connection."""

    kind: ToxicKind
    seconds: float = 0.0
    """`latency`: the delay of each chunk, in each direction. `slow-close`: the delay of a close."""
    jitter: float = 0.0
    """`latency`: the most by which a delay is longer or shorter, drawn for each chunk."""
    rate: float = 0.0
    """`bandwidth`: bytes a second, in each direction of each connection."""


class Proxy:
    """A proxy on a thread of its own that forwards TCP connections from `address` to `target`, within a block."""

    def __init__(self, target: tuple[str, int]) -> None:
        """Prepare the thread; `__enter__` starts to listen."""
        self.target = target
        self.address: tuple[str, int] = ("", 0)
        self.forwarded = 0
        """Connections that were forwarded."""
        self.refused = 0
        """Connections that were closed at once."""
        self._toxics: tuple[Toxic, ...] = ()
        self._loop = asyncio.new_event_loop()
        self._connections: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server

    def __enter__(self) -> Self:
        """Listen on a free port of the loopback interface. Raise OSError."""
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0, limit=CHUNK), self._loop
        ).result()
        host, port = self._server.sockets[0].getsockname()
        self.address = (host, port)
        return self

    def __exit__(self, *_: object) -> None:
        """Close every connection, and end the thread."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def set(self, *toxics: Toxic) -> None:
        """Replace the toxics. `down` and `reset` also close the connections that are open."""

        def change() -> None:
            self._toxics = toxics
            self._changed.set()
            self._changed = asyncio.Event()
            if self._toxic("down") or self._toxic("reset"):
                for connection in tuple(self._connections):
                    connection.cancel()

        self._loop.call_soon_threadsafe(change)

    def _toxic(self, kind: ToxicKind) -> Toxic | None:
        return next((toxic for toxic in self._toxics if toxic.kind == kind), None)

    async def _end(self) -> None:
        self._server.close()
        connections = tuple(self._connections)
        for connection in connections:
            connection.cancel()
        if connections:
            await asyncio.wait(connections, timeout=MAX_CLOSE)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (asyncio runs it in a task)
        self._connections.add(task)
        far: asyncio.StreamWriter | None = None
        try:
            if self._toxic("down") or self._toxic("reset") or len(self._connections) > MAX_CONNECTIONS:
                self.refused += 1
                return
            try:
                far_reader, far = await asyncio.open_connection(*self.target, limit=CHUNK)
            except OSError:
                self.refused += 1
                return
            self.forwarded += 1
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forward(reader, far))
                group.create_task(self._forward(far_reader, writer))
        except* (OSError, asyncio.CancelledError):
            pass  # one end was cut off, or both
        finally:
            self._connections.discard(task)
            for end in (writer, far):
                if end is not None:
                    self._finish(end)

    def _finish(self, end: asyncio.StreamWriter) -> None:
        if self._toxic("reset") and (raw := end.get_extra_info("socket")) is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.transport.abort()
        else:
            end.close()

    async def _forward(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Copy one direction of a connection until it ends."""
        while data := await source.read(CHUNK):
            if latency := self._toxic("latency"):
                await self._wait(max(0.0, latency.seconds + random.uniform(-1, 1) * latency.jitter))  # noqa: S311
            await self._write(sink, data)
        if slow := self._toxic("slow-close"):
            await self._wait(slow.seconds)
        if sink.can_write_eof():
            sink.write_eof()

    async def _write(self, sink: asyncio.StreamWriter, data: bytes) -> None:
        while data:
            limit = self._toxic("bandwidth")
            size = max(1, round(limit.rate * SLICE)) if limit else len(data)
            sink.write(data[:size])
            await sink.drain()
            if limit:
                await self._wait(min(size, len(data)) / limit.rate)
            data = data[size:]

    async def _wait(self, seconds: float) -> None:
        """Wait for that time, or until the toxics change."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)
