"""A description of the machine on which the figures were measured."""

import os
import platform
import sqlite3
import statistics
import time
from importlib.metadata import version
from pathlib import Path

FSYNCS = 30


def describe(folder: Path) -> dict[str, object]:
    """Return the machine's properties and the versions; `folder` is on the disk that will hold the data."""
    return {
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in ("festgate", "starlette", "uvicorn", "uvloop", "httptools")},
        "fsync_ms": round(fsync_milliseconds(folder), 3),
        "load_before": round(os.getloadavg()[0], 2),
    }


def fsync_milliseconds(folder: Path) -> float:
    """Return the median time that the disk takes to store a page; each COMMIT waits at least that long."""
    file = folder / "fsync"
    took = []
    with file.open("wb", buffering=0) as opened:
        for _ in range(FSYNCS):
            opened.write(bytes(4096))
            began = time.perf_counter()
            os.fsync(opened.fileno())
            took.append(time.perf_counter() - began)
    file.unlink()
    return statistics.median(took) * 1000


def disk_folder() -> Path | None:
    """Return the default place of temporary data: /var/tmp, as /tmp is often in memory, where fsync costs nothing."""
    folder = Path("/var/tmp")  # noqa: S108  (a folder of our own is made in it, under a name that cannot be guessed)
    return folder if os.access(folder, os.W_OK) else None
