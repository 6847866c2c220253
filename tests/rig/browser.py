"""A real Chromium, with pages that record requests to other machines and errors."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Request,
    ViewportSize,
    sync_playwright,
)
from playwright.sync_api import Error as PageError

from tests.rig.find_browser import NO_BROWSER, find
from tests.rig.loopback import is_this_machine

ARGUMENTS = [
    "--no-sandbox",  # root cannot use the sandbox, and the pages are our own
    "--disable-gpu",
    # A visitor of another test gets no process of its own: starting one takes as long as five pages.
    "--renderer-process-limit=1",
    # Scripts of pages end before optimised code pays: compiling it takes a tenth of the time of axe.
    "--js-flags=--no-opt --no-maglev --single-threaded",
    "--disable-quic",
    # Without requests to the vendor of the browser at its start.
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No other host name is resolved: a request to another machine fails at once, and is recorded.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE ::1",
]
PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 900}


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a browser until the end of the block.

    Until then Playwright keeps an event loop marked as running in this thread, so `asyncio.run` fails: a test file uses
    either the browser or `asyncio.run`.
    """
    path = find()
    if path is None:
        raise RuntimeError(f"{NO_BROWSER}. `make test` installs one.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Shared:
    """One browser for successive test files that need one, because starting it takes some seconds."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self.files: AbstractSet[Path] = frozenset()
        """The files that need the browser."""
        self._stack = ExitStack()
        self._browser: Browser | None = None

    def running(self) -> Browser:
        """Return the browser, and start it if needed."""
        if self._browser is None or not self._browser.is_connected():
            self.close()
            self._browser = self._stack.enter_context(chromium())
        return self._browser

    def close(self) -> None:
        """Close the browser, so that an event loop can run in this thread again."""
        self._browser = None
        self._stack.close()


@dataclass
class Visit:
    """The browser context of one visitor, with a list of forbidden actions and errors of pages."""

    context: BrowserContext
    problems: list[str] = field(default_factory=list)
    """Requests to other machines, errors of scripts, and errors on the console, such as of the security policy."""

    def __post_init__(self) -> None:
        """Start to record events."""
        self.context.on("request", self._request)
        self.context.on("weberror", lambda error: self.problems.append(f"script: {error.error}"))
        self.context.on("console", self._console)

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in {"data", "blob", "about"} and not is_this_machine(address.hostname):
            self.problems.append(f"request: {request.url}")

    def _console(self, message: ConsoleMessage) -> None:
        # A 4xx or 5xx answer is also "an error" to the browser's console; the test checks the status itself.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.problems.append(f"console: {message.text}")


@contextmanager
def visit(browser: Browser, **options: Any) -> Iterator[Visit]:  # noqa: ANN401  (Playwright's own options)
    """Open the context of a new visitor; `options` are those of Playwright's `new_context`."""
    context = browser.new_context(**{"viewport": DESK, "locale": "en-IN"} | options)
    # A wait that never succeeds fails after 15 seconds, not after Playwright's 30.
    context.set_default_timeout(15_000)
    try:
        yield Visit(context)
    finally:
        context.close()


__all__ = ["ARGUMENTS", "DESK", "PHONE", "PageError", "Shared", "Visit", "chromium", "visit"]
