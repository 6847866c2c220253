"""A crowd that asks for one page as fast as it is answered: a closed loop, so it is never more than its people."""

import asyncio
import contextlib
import http.client
import re
import secrets
import threading
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlencode

from festgate.drills.portal import Portal

BREATH: Final = 0.02
"""Seconds between an answer and the next request."""
RELOAD: Final = 0.5
"""Seconds before somebody who was told to come back later, or nothing, does so."""
MAX_WAIT: Final = 30.0
"""Seconds for an answer."""
_EVENT = re.compile(r'<a href="/events/([^"]+)">')
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Crowd:
    """`people` who are signed in (as one account) and reload `path`, from `__enter__` until `__exit__`."""

    def __init__(self, portal: Portal, path: str, people: int) -> None:
        """Nobody asks yet."""
        self._portal = portal
        self._path = path
        self._people = people
        self._loop = asyncio.new_event_loop()
        self._cookie = ""
        self._thread = threading.Thread(target=self._run, name="flood", daemon=True)
        self._ended = asyncio.Event()
        self.served = 0
        """Answers with the page, or with where to go."""
        self.put_off = 0
        """Answers "come back later" (503)."""
        self.failed = 0
        """Any other answer, or none."""

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
        where = f"{self._portal.host}:{self._portal.port}"
        head = f"GET {self._path} HTTP/1.1\r\nHost: {where}\r\nCookie: {self._cookie}\r\n\r\n"
        request = head.encode()
        people = [asyncio.ensure_future(self._reload(request)) for _ in range(self._people)]
        await self._ended.wait()
        for person in people:
            person.cancel()
        await asyncio.wait(people)

    async def _reload(self, request: bytes) -> None:
        while True:
            writer = None
            try:
                reader, writer = await asyncio.open_connection(self._portal.host, self._portal.port)
                while True:
                    writer.write(request)
                    async with asyncio.timeout(MAX_WAIT):
                        status = await _answered(reader)
                    self._note(status)
                    await asyncio.sleep(BREATH if status < 500 else RELOAD)  # noqa: PLR2004
            except (OSError, EOFError, TimeoutError, ValueError):
                self.failed += 1
                await asyncio.sleep(RELOAD)
            finally:
                if writer is not None:
                    writer.transport.abort()

    def _note(self, status: int) -> None:
        if status < 400:  # noqa: PLR2004
            self.served += 1
        elif status == 503:  # noqa: PLR2004
            self.put_off += 1
        else:
            self.failed += 1


async def _answered(reader: asyncio.StreamReader) -> int:
    """The status, once the whole answer is read."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if length:
        await reader.readexactly(int(length[1]))
    return int(head[9:12])


def signed_in(portal: Portal) -> str:
    """The cookie of somebody new who holds a seat at each event that has one; empty where nobody can sign up now.

    With seats, the page of checkout has something to add up: what a crowd asks for there.
    """
    name = f"flood-{secrets.token_hex(6)}"
    form = urlencode({"username": name, "password": secrets.token_hex(8), "email": f"{name}@example.org"})
    connection = http.client.HTTPConnection(portal.host, portal.port, timeout=MAX_WAIT)
    with contextlib.closing(connection):
        try:
            answer = _post(connection, "/register", form, "")
            cookie = "; ".join(each.partition(";")[0] for each in answer.headers.get_all("set-cookie") or [])
            connection.request("GET", "/events", headers={"Cookie": cookie})
            programme = connection.getresponse().read().decode("utf-8", "replace")
            for slug in dict.fromkeys(_EVENT.findall(programme)):
                _post(connection, f"/events/{slug}/register", "", cookie)
        except (OSError, http.client.HTTPException):
            return ""
    return cookie


def _post(
    connection: http.client.HTTPConnection, path: str, form: str, cookie: str
) -> http.client.HTTPResponse:
    head = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    connection.request("POST", path, form, head | ({"Cookie": cookie} if cookie else {}))
    answer = connection.getresponse()
    answer.read()
    return answer
