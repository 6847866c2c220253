"""A value that is made when it is first needed."""

import asyncio
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Deferred(Generic[T]):
    """A value that takes long to make: it is made once, on a thread, so that no other request waits for it."""

    def __init__(self, make: Callable[[], T]) -> None:
        """`make` is called when the value is first needed, and again after it has raised."""
        self._make = make
        self._made: list[T] = []
        self._lock = Lock()
        self._making: asyncio.Task[T] | None = None

    def now(self) -> T:
        """Return the value, and make it here if need be."""
        with self._lock:
            if not self._made:
                self._made.append(self._make())
        return self._made[0]

    async def get(self) -> T:
        """Return the value, which is made on a thread if need be. Raise what `make` raises."""
        if self._made:
            return self._made[0]
        making = self._making
        if making is None or making.done():  # one that has failed after its caller had left is not waited for
            making = self._making = asyncio.create_task(asyncio.to_thread(self.now))
            making.add_done_callback(_retrieve)
        return await asyncio.shield(making)


def _retrieve(making: asyncio.Task[T]) -> None:
    """Retrieve the exception of a task that nobody waits for any more, so that asyncio does not log it."""
    if not making.cancelled():
        making.exception()
