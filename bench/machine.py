"""What the figures were measured on, in words that mean something elsewhere."""

import os
import platform
import sqlite3
import statistics
import time
from importlib.metadata import version
from pathlib import Path

FSYNCS = 30


def describe(folder: Path) -> dict[str, object]:
    """The machine and the versions; `folder` lies on the disk that the data will be on."""
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
    """The median time that the disk takes to keep a page: what each COMMIT waits for at least."""
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
    """Where scratch data lies by default: /var/tmp, since /tmp is memory on many systems and memory has no fsync."""
    folder = Path("/var/tmp")  # noqa: S108  (a folder of our own is made in it, under a name that cannot be guessed)
    return folder if os.access(folder, os.W_OK) else None
