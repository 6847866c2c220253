"""The turns of the event loop and its processor time, which the bulkheads of one loop share."""

import asyncio
from collections.abc import Callable, Generator
from time import thread_time
from types import coroutine
from typing import Any, TypeVar, cast

R = TypeVar("R")


class Pulse:
    """Counts the turns of the event loop, the waiting requests, and the processor time of its thread."""

    def __init__(self) -> None:
        """Start before the first turn."""
        self.turn = 0
        """Number of the turn; it grows at the end of each turn in which `count` was called."""
        self.counting = False
        """Whether `count` was called in this turn."""
        self.waits = 0
        """Number of requests so far that began to wait. While it does not grow, only one request is running."""
        self._since = thread_time()

    def count(self) -> None:
        """End this turn after all ready callbacks have run."""
        self.counting = True
        asyncio.get_running_loop().call_soon(self._end_turn)

    def _end_turn(self) -> None:
        self.turn += 1
        self.counting = False

    def beat(self) -> None:
        """Start to measure processor time."""
        self._since = thread_time()

    def computed(self) -> float:
        """Return the seconds of processor time since `beat`; they stay few if the whole machine stalls."""
        return thread_time() - self._since


@coroutine
def resumed(steps: Generator[Any, Any, R], awaited: object) -> Generator[Any, Any, R]:
    """Run a coroutine to its end after its first step, which waits for `awaited`, as `await` would."""
    while True:
        try:
            sent = yield awaited
        except BaseException as error:  # noqa: BLE001  (the coroutine gets every exception, also a cancellation)
            resume: Callable[[Any], Any] = steps.throw
            given = error
        else:
            resume, given = steps.send, sent
        try:
            awaited = resume(given)
        except StopIteration as done:
            return cast("R", done.value)
