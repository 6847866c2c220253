"""A monitor that watches the portal from outside: whether it is ready, and whether the faulted page responds."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from festgate.drills.portal import Portal, PortalResponse, Readiness

INTERVAL: Final = 0.2
"""Seconds between two requests."""
READY_TIMEOUT: Final = 2.0
"""Seconds for /readyz; a portal that does not respond is not ready."""
PAGE_TIMEOUT: Final = 15.0
"""Seconds for the page: longer than any module's time limit, so that a page that never comes can be distinguished from
one that reports a timeout."""
UNAVAILABLE: Final = 503


@dataclass(frozen=True, slots=True)
class ReadinessSample:
    """A response of /readyz."""

    at: float
    """Seconds since the epoch."""
    readiness: Readiness
    workers: frozenset[int] = frozenset()
    """The process ids of the workers, where they can be seen."""


@dataclass(frozen=True, slots=True)
class PageSample:
    """A request for the page, with its response."""

    began: float
    """Seconds since the epoch."""
    seconds: float
    response: PortalResponse

    @property
    def is_as_promised(self) -> bool:
        """Return whether it was served, or refused as promised: 503, Retry-After, and a page with the navigation."""
        response = self.response
        if response.status != UNAVAILABLE:
            return response.is_served
        return "retry-after" in response.headers and b"<nav" in response.body


class Monitor:
    """A monitor on two threads, from `__enter__` to `__exit__`."""

    def __init__(self, portal: Portal, page: str, workers: Callable[[], frozenset[int]] = frozenset) -> None:
        """Watch /readyz and `page` of the portal; `workers` returns the process ids of its workers."""
        self._portal = portal
        self._workers = workers
        self._page = page
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(sample,), name="monitor", daemon=True)
            for sample in (self._sample_readiness, self._sample_page)
        ]
        self.readiness: list[ReadinessSample] = []
        self.pages: list[PageSample] = []

    def __enter__(self) -> Self:
        """Start to watch."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop after the current requests, and take a last sample of the readiness."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        self._sample_readiness()

    def _repeat(self, sample: Callable[[], None]) -> None:
        while not self._stopped.is_set():
            sample()
            self._stopped.wait(INTERVAL)

    def _sample_readiness(self) -> None:
        # The moment of the request counts: the portal was in that state by then at the latest.
        at = time.time()
        workers = self._workers()
        self.readiness.append(ReadinessSample(at, self._portal.readiness(READY_TIMEOUT), workers))

    def _sample_page(self) -> None:
        began, clock = time.time(), time.monotonic()
        response = self._portal.get(self._page, PAGE_TIMEOUT)
        self.pages.append(PageSample(began, time.monotonic() - clock, response))
