"""Waiting for something to become true, as long as it needs and no longer."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE = 0.02
"""Seconds between two looks; short beside anything that is waited for."""


def until(look: Callable[[], T | None], what: str, seconds: float = 20.0) -> T:
    """The first answer of `look` that is true; `AssertionError` naming `what` when `seconds` have passed."""
    deadline = time.monotonic() + seconds
    while True:
        answer = look()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: still not so after {seconds:g} seconds")
        time.sleep(PAUSE)
