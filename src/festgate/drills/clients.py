"""Clients that load the portal beside the crowd of the rehearsal: what a flood and slow clients have in common."""

import asyncio
import re
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterable
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlencode

from festgate.drills.portal import Portal
from festgate.rehearsal import http_client

MAX_WAIT: Final = 30.0
"""Seconds to wait for a response."""
_EVENT = re.compile(r'<a href="/events/([^"]+)">')


class Clients(ABC):
    """Clients that run concurrently on a thread of their own, from `__enter__` until `__exit__`, as one account."""

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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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


def sign_up_with_seats(portal: Portal) -> str:
    """Return the cookie of a new account that has a seat at each event with room; empty where sign-up fails.

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
