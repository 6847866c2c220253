"""Which cores of this machine run what, so that two targets under load at once have the same of everything."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Cores:
    """One core for both targets, in turn, and the others for what asks. Empty where the system lets nobody choose.

    Wherever they are, two processes on two cores do not have the same: one shares its core or its caches with a busier
    neighbour, and keeps it for seconds. With a core each, pairs of runs of one build lay 5 % apart (standard deviation,
    8 pairs of 6 s on two cores); with one core for both 0.5 to 1.5 %.
    """

    targets: Sequence[int] = ()
    generators: Sequence[int] = ()


def share_out() -> Cores:
    """Of the cores that this process may use. None are shared out where there is only one, nor on macOS."""
    if not hasattr(psutil.Process, "cpu_affinity"):
        return Cores()
    first, *others = psutil.Process().cpu_affinity()
    return Cores((first,), others) if others else Cores()


@contextmanager
def confined(cores: Sequence[int]) -> Iterator[None]:
    """What the main thread starts in the block, processes and threads, runs on `cores`; anywhere where it is none."""
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
