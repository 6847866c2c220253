"""What one bug did to each page: every page of the running app is asked, and the looks are kept."""

import http.client
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from festgate.lab.folder import LOOKS, NoLab

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
MOST: Final = 200
"""Looks that are kept."""


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
class Look:
    """All pages, one after the other."""

    at: float
    """Seconds since 1970."""
    pages: Sequence[Page]

    @property
    def failed(self) -> tuple[str, ...]:
        """The pages that did."""
        return tuple(page.name for page in self.pages if page.failed)


def look(host: str, patience: float = PATIENCE) -> Look:
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
    for path in PAGES:
        silent = any(page.status == 0 for page in pages)
        pages.append(_ask(name, port, path, patience * SHORT if silent else patience))
    return Look(at, tuple(pages))


def _ask(host: str, port: int, path: str, patience: float) -> Page:
    connection = http.client.HTTPConnection(host, port, timeout=patience)
    began = time.monotonic()
    try:
        connection.connect()
    except OSError as error:
        msg = f"Nothing listens at {host}:{port} ({error}). In another terminal, start it with `festgate lab serve`."
        raise NoLab(msg) from None
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        status = answer.status
    except (OSError, http.client.HTTPException):
        status = 0
    finally:
        connection.close()
    return Page(path, status, round((time.monotonic() - began) * 1000, 1))


def looks_in(folder: Path) -> list[Look]:
    """The kept ones, the oldest first; none where the file is no such."""
    try:
        kept: list[dict[str, Any]] = json.loads((folder / LOOKS).read_text(encoding="utf-8"))["looks"]
        return [Look(float(each["at"]), tuple(Page(**page) for page in each["pages"])) for each in kept]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def keep(folder: Path, looks: Sequence[Look]) -> None:
    """Write them, whole or not at all. Raises OSError."""
    text = json.dumps({"looks": [asdict(each) for each in looks[-MOST:]]}, indent=1) + "\n"
    unfinished = folder / f".{LOOKS}"
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(folder / LOOKS)


def last_other(looks: Sequence[Look], now: Look) -> Look | None:
    """The last one on which the pages answered otherwise than now."""
    statuses = [page.status for page in now.pages]
    return next((each for each in reversed(looks) if [page.status for page in each.pages] != statuses), None)
