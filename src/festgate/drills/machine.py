"""What else the machine does meanwhile: a wait that other programs cause says nothing of the portal."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

import psutil

EVERY: Final = 0.5
"""Seconds between two looks."""


@dataclass
class Machine:
    """Looks at the processor, from `__enter__` to `__exit__`."""

    seen: list[tuple[float, float, float]] = field(default_factory=list)
    """Seconds since 1970; seconds of processor time that all programs have used since some beginning, by then; those of
    this one and all that it started."""
    _ended: threading.Event = field(default_factory=threading.Event)
    _known: dict[int, float] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="machine", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            self.seen.append((time.time(), _busy(), self._ours()))
            self._ended.wait(EVERY)

    def _ours(self) -> float:
        """Of processes that have ended, what was last seen stays counted."""
        me = psutil.Process()
        for process in (me, *me.children(recursive=True)):
            try:
                used = process.cpu_times()
            except psutil.Error:
                continue
            self._known[process.pid] = used.user + used.system
        return sum(self._known.values())


def taken_by_others(seen: Sequence[tuple[float, float, float]], begin: float, end: float) -> float:
    """Share (0 to 1) of all cores that other programs had between two moments; 0 where it was not seen."""
    inside = [each for each in seen if begin - EVERY <= each[0] <= end + EVERY]
    if len(inside) < 2:  # noqa: PLR2004
        return 0.0
    (began, busy, ours), (ended, busy_then, ours_then) = inside[0], inside[-1]
    cores = psutil.cpu_count() or 1
    return max(0.0, (busy_then - busy) - (ours_then - ours)) / max(cores * (ended - began), 0.001)


def _busy() -> float:
    used = psutil.cpu_times()
    return float(sum(used) - used.idle - getattr(used, "iowait", 0.0) - getattr(used, "guest", 0.0))
