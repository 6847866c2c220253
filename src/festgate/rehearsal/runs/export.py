"""A run's requests for other programs."""

import csv
from pathlib import Path

from festgate.rehearsal.runs.store import Run

COLUMNS = (
    "step",
    "intended_s",
    "start_s",
    "latency_s",
    "status",
    "failed",
    "new_connection",
    "bytes",
    "body_crc32",
    "measured",
)


def write_csv(run: Run, path: Path) -> int:
    """One line a request, warm-up included; how many. Raises FileExistsError, OSError."""
    samples = run.samples()
    begin, end = run.plan.warm_up, run.plan.warm_up + run.plan.duration
    columns = (
        [samples.names[number] for number in samples.name.tolist()],
        samples.intended.round(6).tolist(),
        samples.start.round(6).tolist(),
        samples.latency.round(6).tolist(),
        samples.status.tolist(),
        samples.failed.astype(int).tolist(),
        samples.new_connection.astype(int).tolist(),
        samples.size.tolist(),
        [f"{digest:08x}" for digest in samples.digest.tolist()],
        ((samples.intended >= begin) & (samples.intended < end)).astype(int).tolist(),
    )
    with path.open("x", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        rows.writerows(zip(*columns, strict=True))
    return len(samples)
