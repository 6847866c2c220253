"""A crowd that reloads one page as soon as it has the response: a closed loop, so the load never exceeds its size."""

import asyncio
import re
from collections.abc import Coroutine, Iterable
from http import HTTPStatus
from typing import Any, Final

from festgate.drills.clients import MAX_WAIT, Clients
from festgate.drills.portal import Portal

THINK_TIME: Final = 0.02
"""Seconds between a response and the next request."""
RETRY_AFTER: Final = 0.5
"""Seconds before the next request after an error, "come back later" or no response."""
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Crowd(Clients):
    """A number of people who are signed in to one account and reload `path`."""

    def __init__(self, portal: Portal, path: str, people: int) -> None:
        """Prepare the crowd without sending a request."""
        super().__init__(portal)
        self._path = path
        self._people = people
        self.served = 0
        """Responses with the page or a redirect."""
        self.unavailable = 0
        """Responses "come back later" (503)."""
        self.failed = 0
        """Other responses, and requests without a response."""

    @property
    def summary(self) -> str:
        """The result of the requests, for the report."""
        return (
            f"the crowd received {self.served:,} pages and {self.unavailable:,} times"
            f' "come back later"; {self.failed:,} requests failed'
        )

    def clients(self) -> Iterable[Coroutine[Any, Any, None]]:
        """Return one client for each person."""
        host = f"{self._portal.host}:{self._portal.port}"
        request = f"GET {self._path} HTTP/1.1\r\nHost: {host}\r\nCookie: {self._cookie}\r\n\r\n".encode()
        return [self._reload(request) for _ in range(self._people)]

    async def _reload(self, request: bytes) -> None:
        while True:
            writer = None
            try:
                reader, writer = await asyncio.open_connection(self._portal.host, self._portal.port)
                while True:
                    writer.write(request)
                    async with asyncio.timeout(MAX_WAIT):
                        status = await _read_status(reader)
                    self._count(status)
                    failed = status >= HTTPStatus.INTERNAL_SERVER_ERROR
                    await asyncio.sleep(RETRY_AFTER if failed else THINK_TIME)
            except (OSError, EOFError, TimeoutError, ValueError):
                self.failed += 1
                await asyncio.sleep(RETRY_AFTER)
            finally:
                if writer is not None:
                    writer.transport.abort()

    def _count(self, status: int) -> None:
        if status < HTTPStatus.BAD_REQUEST:
            self.served += 1
        elif status == HTTPStatus.SERVICE_UNAVAILABLE:
            self.unavailable += 1
        else:
            self.failed += 1


async def _read_status(reader: asyncio.StreamReader) -> int:
    """Read one whole response and return its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if length:
        await reader.readexactly(int(length[1]))
    return int(head[9:12])
