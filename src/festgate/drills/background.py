"""Functions that run in the background during a drill."""

import threading
from collections.abc import Callable
from typing import Self


class Background:
    """Functions that are called repeatedly, each on its own thread, from `__enter__` until `__exit__`."""

    def __init__(self, interval: float, *functions: Callable[[], None]) -> None:
        """Take the seconds between the end of a call and the next one; start nothing yet."""
        self._interval = interval
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(function,), name=type(self).__name__, daemon=True)
            for function in functions
        ]

    def __enter__(self) -> Self:
        """Start the threads."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop after the current calls."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, function: Callable[[], None]) -> None:
        while not self._stopped.is_set():
            function()
            self._stopped.wait(self._interval)
