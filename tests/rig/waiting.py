"""Waiting until a condition is true, no longer than needed."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE = 0.02
"""Seconds between two checks."""


def until(look: Callable[[], T | None], what: str, seconds: float = 20.0) -> T:
    """Return the first true result of `look`. Raise AssertionError with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = look()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: still not so after {seconds:g} seconds")
        time.sleep(PAUSE)
