"""A run's latencies as an HdrHistogram log, which other tools read and merge."""

import numpy as np
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogWriter

from festgate.rehearsal.runs.store import HISTOGRAM_FILE, Run

HIGHEST = 60 * 60 * 1_000_000
"""Microseconds: an hour."""
DIGITS = 3
"""Significant ones."""


def write_histogram(run: Run) -> None:
    """One interval histogram a second of what was measured, in microseconds; its maximum beside it in milliseconds."""
    samples = run.measured()
    with (run.folder / HISTOGRAM_FILE).open("w", encoding="ascii") as file:
        log = HistogramLogWriter(file)
        log.output_comment("[Responses in microseconds]")
        log.output_log_format_version()
        log.output_base_time(int(run.began * 1000))
        log.output_legend()
        second = samples.intended.astype(int)
        for at in np.unique(second).tolist():
            histogram = HdrHistogram(1, HIGHEST, DIGITS)
            histogram.set_start_time_stamp(at * 1000)
            histogram.set_end_time_stamp((at + 1) * 1000)
            for response in samples.response[second == at].tolist():
                histogram.record_value(min(HIGHEST, max(1, round(response * 1e6))))
            log.output_interval_histogram(histogram, max_value_unit_ratio=1000.0)
