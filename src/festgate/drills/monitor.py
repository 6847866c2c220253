"""Looks at the portal from outside, as a monitor does: whether it is ready, and whether the struck page answers."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from festgate.drills.portal import Answer, Portal, Readiness

EVERY: Final = 0.2
"""Seconds between two looks."""
READY_WITHIN: Final = 2.0
"""Seconds for /readyz; a portal that does not say is not ready."""
PAGE_WITHIN: Final = 15.0
"""Seconds for the page: longer than any module's time limit, so that a page which never comes is told apart from one
that says it took too long."""
RESTING: Final = 503


@dataclass(frozen=True, slots=True)
class Look:
    """One look at /readyz."""

    at: float
    """Seconds since 1970."""
    readiness: Readiness
    workers: frozenset[int] = frozenset()
    """The processes that serve, where they are seen."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One look at the page."""

    began: float
    """Seconds since 1970."""
    seconds: float
    answer: Answer

    @property
    def polite(self) -> bool:
        """Whether it was served, or refused as promised: 503, when to come back, and a page with the navigation."""
        answer = self.answer
        if answer.status != RESTING:
            return answer.served
        return "retry-after" in answer.headers and b"<nav" in answer.body


class Witness:
    """Looks, from `__enter__` to `__exit__`, on two threads."""

    def __init__(self, portal: Portal, page: str, workers: Callable[[], frozenset[int]] = frozenset) -> None:
        """Looks at /readyz and at `page`, and at which processes there are by `workers`."""
        self._portal = portal
        self._workers = workers
        self._page = page
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(look,), name="witness", daemon=True)
            for look in (self._look, self._visit)
        ]
        self.looks: list[Look] = []
        self.visits: list[Visit] = []

    def __enter__(self) -> Self:
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, after the looks that are under way and a last one at how it is in the end."""
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._look()

    def _repeat(self, look: Callable[[], None]) -> None:
        while not self._ended.is_set():
            look()
            self._ended.wait(EVERY)

    def _look(self) -> None:
        # What it says was so when it was asked, or it would have been noticed before it was.
        at = time.time()
        workers = self._workers()
        self.looks.append(Look(at, self._portal.readiness(READY_WITHIN), workers))

    def _visit(self) -> None:
        began, clock = time.time(), time.monotonic()
        answer = self._portal.ask(self._page, PAGE_WITHIN)
        self.visits.append(Visit(began, time.monotonic() - clock, answer))
