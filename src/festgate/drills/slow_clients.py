"""Slow clients: forms that are half sent, headers that never end, connections that send nothing."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterable
from itertools import cycle, islice
from typing import Any, Final

from festgate.drills.clients import Clients
from festgate.drills.portal import Portal

BYTE_INTERVAL: Final = 1.0
"""Seconds between two bytes."""
RECONNECT_AFTER: Final = 0.5
"""Seconds before a client that was cut off connects again."""
CONTENT_LENGTH: Final = 4000
"""Bytes that the header of a form announces."""


class SlowClients(Clients):
    """A number of slow connections, a quarter each of four kinds, see `_kinds`."""

    def __init__(self, portal: Portal, count: int) -> None:
        """Prepare the clients without connecting."""
        super().__init__(portal)
        self._count = count
        self.opened = 0
        self.cut_off = 0
        """Connections that the portal closed."""

    @property
    def summary(self) -> str:
        """The result of the connections, for the report."""
        return f"{self.opened:,} slow connections were opened, and the portal closed {self.cut_off:,} of them"

    def clients(self) -> Iterable[Coroutine[Any, Any, None]]:
        """Return the clients, of each kind in turn."""
        return [self._connect(*kind) for kind in islice(cycle(self._kinds()), self._count)]

    def _kinds(self) -> tuple[tuple[bytes, bool], ...]:
        """Return for each kind what it sends at once, and whether it then sends a byte at intervals."""
        checkout, login = self._half_form("/checkout"), self._half_form("/login")
        return (checkout, False), (login, False), (b"", False), (checkout, True)

    def _half_form(self, path: str) -> bytes:
        lines = (
            f"POST {path} HTTP/1.1",
            f"Host: {self._portal.host}:{self._portal.port}",
            f"Cookie: {self._cookie}",
            "Content-Type: application/x-www-form-urlencoded",
            "Sec-Fetch-Site: same-origin",
            f"Content-Length: {CONTENT_LENGTH}",
        )
        return ("\r\n".join(lines) + "\r\n\r\na=").encode()

    async def _connect(self, start: bytes, sends_bytes: bool) -> None:  # noqa: FBT001  (half of a pair, see _kinds)
        while True:
            writer = None
            with contextlib.suppress(OSError):
                try:
                    reader, writer = await asyncio.open_connection(self._portal.host, self._portal.port)
                    self.opened += 1
                    writer.write(start)
                    while not reader.at_eof():
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(BYTE_INTERVAL):
                                await reader.read(65536)
                        if sends_bytes:
                            writer.write(b"a")
                    self.cut_off += 1
                finally:
                    if writer is not None:
                        writer.transport.abort()
            await asyncio.sleep(RECONNECT_AFTER)
