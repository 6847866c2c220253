"""The processor time that other programs use during a drill: a wait that they cause is no impact of the fault."""

import time
from collections.abc import Sequence
from typing import Final, NamedTuple

import psutil

from festgate.drills.background import Background

INTERVAL: Final = 0.5
"""Seconds between two samples."""


class ProcessorSample(NamedTuple):
    """Processor time that has been used up to a moment."""

    at: float
    """Seconds since the epoch."""
    total: float
    """Seconds that all programs have used since the machine started."""
    own: float
    """Seconds that this process and all that it started have used."""


class Machine(Background):
    """A recorder of processor time, from `__enter__` until `__exit__`."""

    def __init__(self) -> None:
        """Start without samples."""
        super().__init__(INTERVAL, self._sample)
        self.samples: list[ProcessorSample] = []
        self._used: dict[int, float] = {}

    def _sample(self) -> None:
        self.samples.append(ProcessorSample(time.time(), _total(), self._own()))

    def _own(self) -> float:
        """Return the time of this family of processes. A process that has ended keeps its last value."""
        own = psutil.Process()
        for process in (own, *own.children(recursive=True)):
            try:
                used = process.cpu_times()
            except psutil.Error:
                continue
            self._used[process.pid] = used.user + used.system
        return sum(self._used.values())


def taken_by_others(samples: Sequence[ProcessorSample], begin: float, end: float) -> float:
    """Return the share (0 to 1) of all cores that other programs used between two moments; 0 if it is not known."""
    inside = [sample for sample in samples if begin - INTERVAL <= sample.at <= end + INTERVAL]
    if len(inside) < 2:  # noqa: PLR2004
        return 0.0
    first, last = inside[0], inside[-1]
    cores = psutil.cpu_count() or 1
    others = (last.total - first.total) - (last.own - first.own)
    return max(0.0, others) / max(cores * (last.at - first.at), 0.001)


def _total() -> float:
    used = psutil.cpu_times()
    return float(sum(used) - used.idle - getattr(used, "iowait", 0.0) - getattr(used, "guest", 0.0))
