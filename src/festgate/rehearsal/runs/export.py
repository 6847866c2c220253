"""A run's requests for other programs: as CSV, and as an HdrHistogram log."""

import csv
from pathlib import Path

import numpy as np
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogWriter

from festgate.rehearsal.runs.recording import NO_RESPONSE
from festgate.rehearsal.runs.store import HISTOGRAM_FILE, Run

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
    "no_response",
)
MAX_MICROSECONDS = 60 * 60 * 1_000_000
SIGNIFICANT_DIGITS = 3


def write_csv(run: Run, path: Path) -> int:
    """Write a line for each request, warm-up included; return their number. Raises FileExistsError, OSError."""
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
        [NO_RESPONSE[number] for number in samples.no_response.tolist()],
    )
    with path.open("x", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        rows.writerows(zip(*columns, strict=True))
    return len(samples)


def write_histogram(run: Run) -> None:
    """Write a histogram for each measured second, in microseconds with its maximum in milliseconds."""
    samples = run.measured()
    with (run.folder / HISTOGRAM_FILE).open("w", encoding="ascii") as file:
        log = HistogramLogWriter(file)
        log.output_comment("[Responses in microseconds]")
        log.output_log_format_version()
        log.output_base_time(int(run.began * 1000))
        log.output_legend()
        seconds = samples.intended.astype(int)
        for second in np.unique(seconds).tolist():
            histogram = HdrHistogram(1, MAX_MICROSECONDS, SIGNIFICANT_DIGITS)
            histogram.set_start_time_stamp(second * 1000)
            histogram.set_end_time_stamp((second + 1) * 1000)
            for response in samples.response[seconds == second].tolist():
                histogram.record_value(min(MAX_MICROSECONDS, max(1, round(response * 1e6))))
            log.output_interval_histogram(histogram, max_value_unit_ratio=1000.0)
