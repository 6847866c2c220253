"""Watching the code while somebody works on it (`--reload`)."""

import time
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

CODE = (".py", ".html", ".css", ".js", ".txt")
PAUSE = 0.3
"""Seconds between two looks where the system's own notices cannot be had."""
QUIET = 100
"""Milliseconds: an editor writes a file in more than one step."""


def changes(folder: Path) -> Iterator[bool]:
    """True for every change, and False at least once a second meanwhile; for ever."""
    if find_spec("watchfiles") is None:  # a development dependency
        yield from _looked(folder)
        return
    for changed in import_module("watchfiles").watch(
        folder,
        watch_filter=lambda _change, path: path.endswith(CODE),
        step=QUIET,
        rust_timeout=1000,
        yield_on_timeout=True,
        raise_interrupt=False,
    ):
        yield bool(changed)


def _looked(folder: Path) -> Iterator[bool]:
    before = _stamps(folder)
    while True:
        time.sleep(PAUSE)
        now = _stamps(folder)
        yield now != before
        before = now


def _stamps(folder: Path) -> dict[Path, int]:
    found = {}
    for path in folder.rglob("*"):
        if path.suffix in CODE:
            try:
                found[path] = path.stat().st_mtime_ns
            except OSError:  # gone between the two looks
                continue
    return found
