"""What one bug did to each page: every page of the running app is asked, and the looks are kept.

Of the last page that failed its answer is kept, too, as a browser would have shown it: once it is mended nobody can.
"""

import http.client
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from festgate.files import write_atomically
from festgate.lab.student.folder import CRASH_PAGE, SNAPSHOTS, NoLab

NOBODY: Final = "looking_on"
"""Who asks: nobody's name, so that nobody's pages are touched."""
PAGES: Final = (
    "/register",
    "/login",
    f"/events?user={NOBODY}",
    f"/register_event/404?user={NOBODY}",
    f"/my-events?user={NOBODY}",
    "/checkout",
    "/docs",
)
PATIENCE: Final = 5.0
"""Seconds for a page: the slowest of the starter takes less than one on a slow laptop."""
SHORT: Final = 0.1
"""Share of that for the others once one has not answered: a server whose code cannot be loaded answers none."""
MAX_LOOKS: Final = 200
"""Looks that are kept."""
MAX_BYTES: Final = 200_000
"""Of the page that failed."""


@dataclass(frozen=True, slots=True)
class Page:
    """One answer."""

    path: str
    status: int
    """0 where no answer came."""
    milliseconds: float

    @property
    def failed(self) -> bool:
        """No answer, or one that says that the server's code broke; `404` is an answer to a wrong question."""
        return self.status == 0 or self.status >= http.client.INTERNAL_SERVER_ERROR

    @property
    def name(self) -> str:
        """Without who asked."""
        return self.path.partition("?")[0]


@dataclass(frozen=True)
class Snapshot:
    """All pages, one after the other."""

    at: float
    """Seconds since 1970."""
    pages: Sequence[Page]
    answer: bytes = b""
    """Of the last page that failed and answered; empty where none did, and of a look that was kept."""

    @property
    def failed(self) -> tuple[str, ...]:
        """The pages that did."""
        return tuple(page.name for page in self.pages if page.failed)


def take_snapshot(host: str, patience: float = PATIENCE) -> Snapshot:
    """Ask each page of the app at `host` (`http://127.0.0.1:8000`), and wait `patience` seconds for it at most.

    Raises NoLab where nothing listens there.
    """
    parts = urlsplit(host if "://" in host else f"http://{host}")
    try:
        name, port = parts.hostname or "", parts.port or 80
    except ValueError:
        name, port = "", 0
    if not name:
        msg = f"{host} is no address: write it as http://HOST:PORT."
        raise NoLab(msg)
    at = time.time()
    pages: list[Page] = []
    kept = b""
    for path in PAGES:
        silent = any(page.status == 0 for page in pages)
        page, answer = fetch_page(name, port, path, patience * SHORT if silent else patience)
        pages.append(page)
        kept = answer if page.failed and answer else kept
    return Snapshot(at, tuple(pages), kept)


def fetch_page(host: str, port: int, path: str, patience: float) -> tuple[Page, bytes]:
    """One page, and its body where it came. Raises NoLab where nothing listens there."""
    connection = http.client.HTTPConnection(host, port, timeout=patience)
    began = time.perf_counter()
    try:
        connection.connect()
    except OSError as error:
        msg = f"Nothing listens at {host}:{port} ({error}). In another terminal, start it with `festgate lab serve`."
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
    """The kept ones, the oldest first; none where the file is no such."""
    try:
        kept: list[dict[str, Any]] = json.loads((folder / SNAPSHOTS).read_text(encoding="utf-8"))["looks"]
        return [Snapshot(float(each["at"]), tuple(Page(**page) for page in each["pages"])) for each in kept]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def keep_snapshots(folder: Path, looks: Sequence[Snapshot]) -> None:
    """Write them, whole or not at all. Raises OSError."""
    told = [{"at": each.at, "pages": [asdict(page) for page in each.pages]} for each in looks[-MAX_LOOKS:]]
    write_atomically(folder / SNAPSHOTS, json.dumps({"looks": told}, indent=1) + "\n")
    if looks and looks[-1].answer:
        write_atomically(folder / CRASH_PAGE, looks[-1].answer)


def last_different(looks: Sequence[Snapshot], now: Snapshot) -> Snapshot | None:
    """The last one on which the pages answered otherwise than now."""
    statuses = [page.status for page in now.pages]
    return next((each for each in reversed(looks) if [page.status for page in each.pages] != statuses), None)
