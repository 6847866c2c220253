"""Settings of the Python process itself: its limit on open files, and garbage collection during imports."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

OPEN_FILES = (65_536, 10_240)
"""Limits on open files and connections to ask for, in turn; some versions of macOS grant at most the second."""


def raise_file_limit() -> None:
    """Raise this process's limit on open files, which the processes it starts inherit, as far as the system allows.

    The default of a terminal is 1,024 on Linux and 256 on macOS, and every visitor's connection counts.
    """
    if sys.platform == "win32":  # Windows has no such limit
        return
    import resource  # noqa: PLC0415  (not available on Windows)

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in OPEN_FILES:
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if soft == resource.RLIM_INFINITY or soft >= limit:
            return
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            return


COLLECT_AFTER = 10_000
"""The net number of new objects after which a server collects garbage, instead of Python's 700.

Each collection scans the objects of all requests in progress, which took 3 % of an order. An order leaves 21 objects in
reference cycles, and a registration none.
"""


def collect_rarely() -> None:
    """Let the garbage collector run rarely, as suits a server whose requests leave few reference cycles."""
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pause garbage collection in the block, and exempt the objects created in it from later collections.

    Imports create hundreds of thousands of objects that live as long as the process. The collector would scan them
    again and again, which takes a sixth of the time of a start, and pauses the process later.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
