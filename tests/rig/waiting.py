"""Waiting until a condition is true, no longer than needed."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE = 0.02
"""Seconds between two checks."""


def until(condition: Callable[[], T | None], description: str, seconds: float = 20.0) -> T:
    """Return the first true result of `condition`. Raise AssertionError with `description` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= deadline:
            raise AssertionError(f"{description}: not true after {seconds:g} seconds")
        time.sleep(PAUSE)
