"""A monitor that watches the portal from outside: whether it is ready, and whether the faulted page responds."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from festgate.drills.background import Background
from festgate.drills.portal import Portal, Readiness, is_served
from festgate.rehearsal.http_client import HttpResponse

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
    """The process ids of the workers; empty if they are unknown."""


@dataclass(frozen=True, slots=True)
class PageSample:
    """A request for the page, with its response."""

    began: float
    """Seconds since the epoch."""
    seconds: float
    response: HttpResponse

    @property
    def is_as_promised(self) -> bool:
        """Return whether it was served, or refused as promised: 503, Retry-After, and a page with the navigation."""
        response = self.response
        if response.status != UNAVAILABLE:
            return is_served(response)
        return "retry-after" in response.headers and b"<nav" in response.body


class Monitor(Background):
    """A monitor on two threads, from `__enter__` until `__exit__`."""

    def __init__(self, portal: Portal, page: str, workers: Callable[[], frozenset[int]] = frozenset) -> None:
        """Watch /readyz and `page` of the portal; `workers` returns the process ids of its workers."""
        super().__init__(INTERVAL, self._sample_readiness, self._sample_page)
        self._portal = portal
        self._workers = workers
        self._page = page
        self.readiness: list[ReadinessSample] = []
        self.pages: list[PageSample] = []

    def __exit__(self, *_: object) -> None:
        """Stop after the current requests, and take a last sample of the readiness."""
        super().__exit__()
        self._sample_readiness()

    def _sample_readiness(self) -> None:
        # The moment of the request counts: the portal was in that state by then at the latest.
        at = time.time()
        workers = self._workers()
        self.readiness.append(ReadinessSample(at, self._portal.readiness(READY_TIMEOUT), workers))

    def _sample_page(self) -> None:
        began, clock = time.time(), time.monotonic()
        response = self._portal.get(self._page, PAGE_TIMEOUT)
        self.pages.append(PageSample(began, time.monotonic() - clock, response))
