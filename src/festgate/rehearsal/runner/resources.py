"""What both sides of a run use of the machine, second by second."""

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Self

import psutil

from festgate.rehearsal.runs.recording import write_whole
from festgate.rehearsal.runs.store import RESOURCES_FILE, Resources, Side

SECOND = 1.0


class Watch:
    """Samples processes, and their children, on a thread of its own until it is left."""

    def __init__(self, folder: Path, processes: Mapping[Side, int], *, senders: int = 1) -> None:
        """`processes` are ids by side; one that ends is left aside from then on. `senders`: processes that send."""
        self._path = folder / RESOURCES_FILE
        self._processes = {
            side: psutil.Process(pid) for side, pid in processes.items() if psutil.pid_exists(pid)
        }
        self._senders = senders
        self.elsewhere: Sequence[tuple[float, int]] = ()
        """What workers on other machines used in the last second: share of a core, bytes of memory."""
        self._ended = threading.Event()
        self._began: float | None = None
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self.last: dict[Side, Resources] = {}
        """The newest of each side."""

    def __enter__(self) -> Self:
        """Begin; the file is made."""
        self._thread.start()
        return self

    def begin(self, began: float) -> None:
        """The run begins, at that many seconds since 1970; what was used before, to get ready, is not kept."""
        self._began = began

    def __exit__(self, *_: object) -> None:
        """End, after the second that is under way."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        used = {side: (_seconds(process), time.time()) for side, process in self._processes.items()}
        with self._path.open("wb", buffering=0) as file:
            self._write(file, "side,at,cpu,memory")
            while not self._ended.wait(SECOND):
                for side, process in self._processes.items():
                    try:
                        # The time belongs to the first of them: what is compared is the processor's.
                        seconds, now, memory = _seconds(process), time.time(), _memory(process)
                    except psutil.Error:
                        continue
                    if not memory:  # it has ended, and nobody has waited for it yet
                        continue
                    before, since = used[side]
                    used[side] = (seconds, now)
                    if self._began is None or since < self._began:
                        continue
                    spent = [
                        max(0.0, each - before.get(pid, 0.0)) / max(now - since, 0.001)
                        for pid, each in seconds.items()
                    ]
                    if side == "generator":
                        spent += [cpu for cpu, _ in self.elsewhere]
                        memory += sum(each for _, each in self.elsewhere)
                    cpu = sum(spent)
                    if side == "generator":
                        # Workers have equal shares, so the busiest is the one that is late: it counts for all.
                        cpu = max(cpu, self._senders * max(spent, default=0.0))
                    found = self.last[side] = Resources(side, now - self._began, cpu, memory)
                    self._write(file, f"{side},{found.at:.2f},{found.cpu:.3f},{found.memory}")

    def _write(self, file: FileIO, row: str) -> None:
        """One row, whole; where the disk is full it is left out: the samples, which need more room, say so."""
        with suppress(OSError):
            write_whole(file, f"{row}\r\n".encode())


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _seconds(process: psutil.Process) -> dict[int, float]:
    """Of processor time, by process."""
    found: dict[int, float] = {}
    for each in _family(process):
        try:
            times = each.cpu_times()
        except psutil.Error:
            continue
        found[each.pid] = times.user + times.system
    return found


def _memory(process: psutil.Process) -> int:
    total = 0
    for each in _family(process):
        try:
            total += each.memory_info().rss
        except psutil.Error:
            continue
    return total
