"""Waiting until a condition is true, no longer than needed."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE = 0.02
"""Seconds between the first checks. Later, a check costs more processor time than it saves: a twentieth of the wait."""
MAX_PAUSE = 0.1


def until(condition: Callable[[], T | None], description: str, seconds: float = 20.0) -> T:
    """Return the first true result of `condition`. Raise AssertionError with `description` after `seconds`."""
    began = time.monotonic()
    while True:
        result = condition()
        if result:
            return result
        waited = time.monotonic() - began
        if waited >= seconds:
            raise AssertionError(f"{description}: not true after {seconds:g} seconds")
        time.sleep(min(MAX_PAUSE, max(PAUSE, waited / 20)))
