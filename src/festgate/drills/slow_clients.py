"""Slow clients: bodies that are sent in halves, heads that never end, connections that say nothing."""

import asyncio
import contextlib
import threading
from itertools import cycle, islice
from types import TracebackType
from typing import Final, Self

from festgate.drills.flood import signed_in
from festgate.drills.portal import Portal

BYTE: Final = 1.0
"""Seconds between two bytes."""
AGAIN: Final = 0.5
"""Seconds before somebody who was cut off comes again."""
BODY: Final = 4000
"""Bytes that a form promises."""


class SlowClients:
    """`count` connections, from `__enter__` until `__exit__`: a quarter each of four kinds, see `_starts`."""

    def __init__(self, portal: Portal, count: int) -> None:
        """Nobody comes yet."""
        self._portal = portal
        self._count = count
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="slow-clients", daemon=True)
        self._ended = asyncio.Event()
        self._cookie = ""
        self.opened = 0
        self.cut_off = 0
        """Connections that the portal ended."""

    @property
    def told(self) -> str:
        """What became of them."""
        return f"{self.opened:,} slow connections were opened, and the portal ended {self.cut_off:,} of them"

    def __enter__(self) -> Self:
        """All come at once, when their account is made."""
        self._cookie = signed_in(self._portal)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """All go."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    def _run(self) -> None:
        self._loop.run_until_complete(self._all())
        self._loop.close()

    async def _all(self) -> None:
        clients = [
            asyncio.ensure_future(self._come(*start)) for start in islice(cycle(self._starts()), self._count)
        ]
        await self._ended.wait()
        for client in clients:
            client.cancel()
        await asyncio.wait(clients)

    def _starts(self) -> tuple[tuple[bytes, bool], ...]:
        """What each kind sends at once, and whether it goes on with a byte a second."""
        checkout, login = self._form("/checkout"), self._form("/login")
        return (checkout, False), (login, False), (b"", False), (checkout, True)

    def _form(self, path: str) -> bytes:
        lines = (
            f"POST {path} HTTP/1.1",
            f"Host: {self._portal.host}:{self._portal.port}",
            f"Cookie: {self._cookie}",
            "Content-Type: application/x-www-form-urlencoded",
            "Sec-Fetch-Site: same-origin",
            f"Content-Length: {BODY}",
        )
        return ("\r\n".join(lines) + "\r\n\r\na=").encode()

    async def _come(self, start: bytes, goes_on: bool) -> None:  # noqa: FBT001  (of a pair, see _starts)
        while True:
            writer = None
            with contextlib.suppress(OSError):
                try:
                    reader, writer = await asyncio.open_connection(self._portal.host, self._portal.port)
                    self.opened += 1
                    writer.write(start)
                    while not reader.at_eof():
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(BYTE):
                                await reader.read(65536)
                        if goes_on:
                            writer.write(b"a")
                    self.cut_off += 1
                finally:
                    if writer is not None:
                        writer.transport.abort()
            await asyncio.sleep(AGAIN)
