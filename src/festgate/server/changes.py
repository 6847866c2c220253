"""Changes of the code while a developer works on it (`--reload`)."""

import time
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

CODE = (".py", ".html", ".css", ".js", ".txt")
POLL = 0.3
"""Seconds between two scans if the system's notifications are not available."""
DEBOUNCE = 100
"""Milliseconds: an editor writes a file in several steps."""


def changes(folder: Path) -> Iterator[bool]:
    """Yield True for every change, and False at least once a second without one, forever."""
    if find_spec("watchfiles") is None:  # a development dependency
        yield from _polled(folder)
        return
    for changed in import_module("watchfiles").watch(
        folder,
        watch_filter=lambda _change, path: path.endswith(CODE),
        step=DEBOUNCE,
        rust_timeout=1000,
        yield_on_timeout=True,
        raise_interrupt=False,
    ):
        yield bool(changed)


def _polled(folder: Path) -> Iterator[bool]:
    before = _modification_times(folder)
    while True:
        time.sleep(POLL)
        now = _modification_times(folder)
        yield now != before
        before = now


def _modification_times(folder: Path) -> dict[Path, int]:
    times = {}
    for path in folder.rglob("*"):
        if path.suffix in CODE:
            try:
                times[path] = path.stat().st_mtime_ns
            except OSError:  # deleted since it was listed
                continue
    return times
