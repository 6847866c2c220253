"""Snapshots of the running app: the status of every page, which shows the student the effect of one bug on each.

The answer of the last failing page is kept too, as a browser would show it: after the fix it cannot be seen any more.
"""

import http.client
import json
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from festgate.files import write_atomically
from festgate.lab.description.starter import OTHERS, ROUTES, Starter
from festgate.lab.student.folder import CRASH_PAGE, SNAPSHOTS, NoLab

NOBODY: Final = "looking_on"
"""The user name in the requests; no account has it, so no user's data is touched."""
NO_EVENT: Final = "404"
"""The number of an event that does not exist."""
RESPONSE_TIMEOUT: Final = 5.0
"""Seconds to wait for a page; the slowest of the starter takes less than one on a slow laptop."""
SILENT_TIMEOUT_SHARE: Final = 0.1
"""Share of that time for the other pages after one did not answer: a server without its code answers none."""
MAX_SNAPSHOTS: Final = 200
"""Snapshots that are kept."""
MAX_BYTES: Final = 200_000
"""Bytes of the failing page that are kept."""


_PARAMETER = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class Page:
    """The answer of one page."""

    path: str
    status: int
    """0 if the server did not answer."""
    milliseconds: float

    @property
    def failed(self) -> bool:
        """True if the server did not answer, or reported an error of its own; `404` is a correct answer."""
        return self.status == 0 or self.status >= http.client.INTERNAL_SERVER_ERROR

    @property
    def name(self) -> str:
        """The path without the user name."""
        return self.path.partition("?")[0]


@dataclass(frozen=True)
class Snapshot:
    """The answers of all pages, requested one after the other."""

    at: float
    """Seconds since 1970."""
    pages: Sequence[Page]
    answer: bytes = b""
    """The body of the last page that answered with an error; empty if none did, and in kept snapshots."""

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the pages that failed."""
        return tuple(page.name for page in self.pages if page.failed)


def pages_of(starter: Starter) -> list[str]:
    """Return the address of each page that a snapshot requests."""
    paths = {name: starter.page(name, NOBODY) for name in ROUTES}
    for name in OTHERS:
        if name in starter.others:
            paths[name] = _PARAMETER.sub(NO_EVENT, starter.others[name])
    if "register_event" in paths:
        paths["register_event"] += f"?{urlencode({starter.person: NOBODY})}"
    order = ("register", "login", "events", "register_event", "my-events", "checkout")
    return [*(paths[name] for name in order if name in paths), "/docs"]


def pages_that_may_fail(starter: Starter) -> set[str]:
    """Return the names of the pages whose crash the exercise leaves in the starter."""
    return {_PARAMETER.sub(NO_EVENT, crash.path) for crash in starter.crashes if not crash.must_be_fixed}


def take_snapshot(starter: Starter, host: str, timeout: float = RESPONSE_TIMEOUT) -> Snapshot:
    """Request each page of the app at `host` (`http://127.0.0.1:8000`), and wait at most `timeout` seconds for it.

    Raises NoLab if no server listens there.
    """
    parts = urlsplit(host if "://" in host else f"http://{host}")
    try:
        name, port = parts.hostname or "", parts.port or 80
    except ValueError:
        name, port = "", 0
    if not name:
        msg = f"{host} is not an address. Write it as http://HOST:PORT."
        raise NoLab(msg)
    at = time.time()
    pages: list[Page] = []
    body = b""
    for path in pages_of(starter):
        silent = any(page.status == 0 for page in pages)
        page, answer = fetch_page(name, port, path, timeout * SILENT_TIMEOUT_SHARE if silent else timeout)
        pages.append(page)
        body = answer if page.failed and answer else body
    return Snapshot(at, tuple(pages), body)


def fetch_page(host: str, port: int, path: str, timeout: float) -> tuple[Page, bytes]:
    """Request one page and return it with its body. Raises NoLab if no server listens there."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    began = time.perf_counter()
    try:
        connection.connect()
    except OSError as error:
        msg = f"No server listens at {host}:{port} ({error}). Start it in another terminal with `festgate lab serve`."
        raise NoLab(msg) from None
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        status = answer.status
    except (OSError, http.client.HTTPException):
        status, body = 0, b""
    finally:
        connection.close()
    return Page(path, status, round((time.perf_counter() - began) * 1000, 1)), body[:MAX_BYTES]


def snapshots_in(folder: Path) -> list[Snapshot]:
    """Return the kept snapshots, the oldest first; none if the file is missing or damaged."""
    try:
        kept: list[dict[str, Any]] = json.loads((folder / SNAPSHOTS).read_text(encoding="utf-8"))["looks"]
        return [
            Snapshot(float(entry["at"]), tuple(Page(**page) for page in entry["pages"])) for entry in kept
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def keep_snapshots(folder: Path, snapshots: Sequence[Snapshot]) -> None:
    """Write the snapshots, and the last failing page, atomically. Raises OSError."""
    entries = [
        {"at": snapshot.at, "pages": [asdict(page) for page in snapshot.pages]}
        for snapshot in snapshots[-MAX_SNAPSHOTS:]
    ]
    write_atomically(folder / SNAPSHOTS, json.dumps({"looks": entries}, indent=1) + "\n")
    if snapshots and snapshots[-1].answer:
        write_atomically(folder / CRASH_PAGE, snapshots[-1].answer)


def last_different(snapshots: Sequence[Snapshot], now: Snapshot) -> Snapshot | None:
    """Return the last snapshot whose statuses differ from those of `now`."""
    statuses = [page.status for page in now.pages]
    return next(
        (other for other in reversed(snapshots) if [page.status for page in other.pages] != statuses), None
    )
