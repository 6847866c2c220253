"""Clients that load the portal in addition to the crowd of the rehearsal: a flood of reloads, and slow connections."""

import asyncio
import contextlib
import re
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterable
from http import HTTPStatus
from itertools import cycle, islice
from typing import Any, Final, Self
from urllib.parse import urlencode

from festgate.drills.portal import Portal
from festgate.rehearsal import http_client

MAX_WAIT: Final = 30.0
"""Seconds to wait for a response."""
THINK_TIME: Final = 0.02
"""Seconds between a response and a client's next request of a flood."""
RETRY_AFTER: Final = 0.5
"""Seconds before a client's next request or connection after an error, "come back later" or no response."""
BYTE_INTERVAL: Final = 1.0
"""Seconds between two bytes of a slow client."""
CONTENT_LENGTH: Final = 4000
"""Bytes that the header of a slow client's form announces."""
_EVENT = re.compile(r'<a href="/events/([^"]+)">')
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Clients(ABC):
    """Clients that run concurrently on one thread, from `__enter__` until `__exit__`, as one account."""

    def __init__(self, portal: Portal) -> None:
        """Prepare the thread without starting it."""
        self._portal = portal
        self._cookie = ""
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)

    def __enter__(self) -> Self:
        """Sign up, then start all clients at once."""
        self._cookie = sign_up_with_seats(self._portal)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all clients."""
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    @abstractmethod
    def clients(self) -> Iterable[Coroutine[Any, Any, None]]:
        """Return the clients, which run until they are cancelled."""

    def _run(self) -> None:
        self._loop.run_until_complete(self._run_clients())
        self._loop.close()

    async def _run_clients(self) -> None:
        tasks = [asyncio.ensure_future(client) for client in self.clients()]
        await self._stopped.wait()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


class Crowd(Clients):
    """A number of people who are signed in to one account and reload `path` as soon as they have the response.

    This is a closed loop, so the load never exceeds its size.
    """

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


class SlowClients(Clients):
    """A number of connections that send half a form or nothing, a quarter each of four kinds, see `_kinds`."""

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
            await asyncio.sleep(RETRY_AFTER)


def sign_up_with_seats(portal: Portal) -> str:
    """Return the cookie of a new account that has a seat at each event with room; empty if sign-up fails.

    The seats give the checkout page something to add up, and that page is what a flood requests.
    """
    name = f"flood-{secrets.token_hex(6)}"
    form = urlencode({"username": name, "password": secrets.token_hex(8), "email": f"{name}@example.org"})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}

    def send(method: str, path: str, content: str = "") -> http_client.HttpResponse:
        return http_client.request(
            method, f"{portal.url}{path}", timeout=MAX_WAIT, headers=headers, content=content.encode()
        )

    try:
        cookie = headers["Cookie"] = send("POST", "/register", form).cookie
        events = send("GET", "/events").body.decode("utf-8", "replace")
        for slug in dict.fromkeys(_EVENT.findall(events)):
            send("POST", f"/events/{slug}/register")
    except http_client.NoResponse:
        return ""
    return cookie


async def _read_status(reader: asyncio.StreamReader) -> int:
    """Read one whole response and return its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if length:
        await reader.readexactly(int(length[1]))
    return int(head[9:12])
