"""The assignment of this machine's cores, so that two targets under load at once have equal resources."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Cores:
    """One core that both targets share, and the others for the load generators; empty if none can be assigned.

    Two processes on two cores never have equal resources: for seconds at a time, one shares its core or its caches with
    a busier program. With a core each, pairs of runs of one build were 5 % apart (standard deviation, 8 pairs of 6 s on
    two cores); with one core for both 0.5 to 1.5 %.
    """

    targets: Sequence[int] = ()
    generators: Sequence[int] = ()


def assign_cores() -> Cores:
    """Divide the cores that this process may use. None are assigned on one core, nor on macOS."""
    if not hasattr(psutil.Process, "cpu_affinity"):
        return Cores()
    first, *others = psutil.Process().cpu_affinity()
    return Cores((first,), others) if others else Cores()


@contextmanager
def pinned(cores: Sequence[int]) -> Iterator[None]:
    """Pin processes and threads that the main thread starts in the block to `cores`; an empty list has no effect."""
    if not cores:
        yield
        return
    process = psutil.Process()
    before = process.cpu_affinity()
    process.cpu_affinity(list(cores))
    try:
        yield
    finally:
        process.cpu_affinity(before)
