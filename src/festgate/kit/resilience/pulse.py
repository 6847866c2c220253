"""What bulkheads know of the loop: its turns, how much it computes, and whether a request has let it go on."""

import asyncio
from collections.abc import Callable, Generator
from time import thread_time
from types import coroutine
from typing import Any, TypeVar, cast

R = TypeVar("R")


class Pulse:
    """The loop's turns, and how much its thread computes: what all bulkheads of one loop look at."""

    def __init__(self) -> None:
        """Before the first turn."""
        self.turn = 0
        """Grows at the end of each turn in which somebody asked for that."""
        self.counting = False
        """Whether somebody has."""
        self.waits = 0
        """Requests that began to wait for something, so far. While one ran and this did not grow, nothing else did."""
        self._since = thread_time()

    def count(self) -> None:
        """Once all that is ready has run, this turn is over."""
        self.counting = True
        asyncio.get_running_loop().call_soon(self._end_turn)

    def _end_turn(self) -> None:
        self.turn += 1
        self.counting = False

    def beat(self) -> None:
        """Count the processor's time from here."""
        self._since = thread_time()

    def computed(self) -> float:
        """Seconds of processor since the last beat. In a stall of the machine there were few."""
        return thread_time() - self._since


@coroutine
def resumed(steps: Generator[Any, Any, R], awaited: object) -> Generator[Any, Any, R]:
    """The rest of what waits for `awaited` after its first step: what `await` does, from the second step on."""
    while True:
        try:
            sent = yield awaited
        except BaseException as error:  # noqa: BLE001  (a cancellation, for one: it is for the work to take)
            resume: Callable[[Any], Any] = steps.throw
            given = error
        else:
            resume, given = steps.send, sent
        try:
            awaited = resume(given)
        except StopIteration as done:
            return cast("R", done.value)
