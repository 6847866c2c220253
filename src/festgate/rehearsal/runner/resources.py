"""The processor time and memory that both sides of a run use, second by second."""

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


class ResourceMonitor:
    """Samples processes and their children on a thread until the block ends."""

    def __init__(self, folder: Path, processes: Mapping[Side, int], *, workers: int = 1) -> None:
        """`processes` are ids by side; one that ends is ignored from then on. `workers`: processes that send."""
        self._path = folder / RESOURCES_FILE
        self._processes: dict[Side, psutil.Process] = {}
        for side, pid in processes.items():
            with suppress(psutil.NoSuchProcess):
                self._processes[side] = psutil.Process(pid)
        self._workers = workers
        self.remote: Sequence[tuple[float, int]] = ()
        """The use by workers on other machines in the last second: share of a core, bytes of memory."""
        self._ended = threading.Event()
        self._began: float | None = None
        self._thread = threading.Thread(target=self._run, name="resources", daemon=True)
        self.last: dict[Side, Resources] = {}
        """The newest sample of each side."""

    def __enter__(self) -> Self:
        """Begin, with a new file."""
        self._thread.start()
        return self

    def begin(self, began: float) -> None:
        """Keep samples from `began` (seconds since 1970) on; earlier ones belong to the preparation."""
        self._began = began

    def __exit__(self, *_: object) -> None:
        """End after the current second."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        used = {side: (_processor_seconds(process), time.time()) for side, process in self._processes.items()}
        with self._path.open("wb", buffering=0) as file:
            self._write(file, "side,at,cpu,memory")
            while not self._ended.wait(SECOND):
                for side, process in self._processes.items():
                    # Processor time and clock are read together: their ratio is what is compared.
                    seconds, now = _processor_seconds(process), time.time()
                    memory = _memory(process)
                    if (
                        not memory
                    ):  # it has ended; it may be a zombie, for which its parent has not waited yet
                        continue
                    before, since = used[side]
                    used[side] = (seconds, now)
                    if self._began is None or since < self._began:
                        continue
                    shares = [
                        max(0.0, total - before.get(pid, 0.0)) / max(now - since, 0.001)
                        for pid, total in seconds.items()
                    ]
                    cpu = sum(shares)
                    if side == "generator":
                        shares += [share for share, _ in self.remote]
                        memory += sum(size for _, size in self.remote)
                        # Workers have equal shares of the load, so the busiest one is the first to send late.
                        cpu = max(sum(shares), self._workers * max(shares, default=0.0))
                    sample = self.last[side] = Resources(side, now - self._began, cpu, memory)
                    self._write(file, f"{side},{sample.at:.2f},{sample.cpu:.3f},{sample.memory}")

    def _write(self, file: FileIO, row: str) -> None:
        """Write one complete row, or none if the disk is full: the samples, which need more space, report that."""
        with suppress(OSError):
            write_whole(file, f"{row}\r\n".encode())


def _family(process: psutil.Process) -> list[psutil.Process]:
    """Return a process and those below it; none if it has ended."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _processor_seconds(process: psutil.Process) -> dict[int, float]:
    """Return seconds of processor time by process id."""
    seconds: dict[int, float] = {}
    for member in _family(process):
        with suppress(psutil.Error):
            times = member.cpu_times()
            seconds[member.pid] = times.user + times.system
    return seconds


def _memory(process: psutil.Process) -> int:
    total = 0
    for member in _family(process):
        with suppress(psutil.Error):
            total += member.memory_info().rss
    return total
