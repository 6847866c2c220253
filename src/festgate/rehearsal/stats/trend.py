"""The same metrics of several kept runs, in the order of their time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats.limits import min_requests
from festgate.rehearsal.stats.metrics import Metric, measure
from festgate.rehearsal.stats.names import rolled_up
from festgate.rehearsal.stats.processor_time import processor_time


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One run."""

    run: Run
    values: tuple[float, ...]
    """The value of each metric; NaN if there was nothing to measure."""
    few: tuple[bool, ...]
    """Whether there are too few requests for that metric to be reliable."""


@dataclass(frozen=True, slots=True)
class Trend:
    """Several runs, the oldest first."""

    metrics: tuple[Metric, ...]
    points: tuple[TrendPoint, ...]


def trend_of(runs: Sequence[Run], metrics: Sequence[Metric]) -> Trend:
    """Measure the runs. Raises ValueError if a file of samples is damaged."""
    ordered = sorted(runs, key=lambda run: run.began)
    return Trend(tuple(metrics), tuple(_point(run, metrics) for run in ordered))


def _point(run: Run, metrics: Sequence[Metric]) -> TrendPoint:
    begin, end = run.plan.warm_up, run.plan.warm_up + run.plan.duration
    whole = run.samples()
    samples = whole.between(begin, end)
    processor = processor_time(run.resources(), whole, begin, end)
    rolled = rolled_up(samples)
    # A name may be one that was recorded, or one into which several are rolled up.
    chosen = [samples if metric.step in (None, *samples.names) else rolled for metric in metrics]
    return TrendPoint(
        run,
        tuple(
            measure(metric, some, run.plan.duration, processor=processor, turned_away=run.dropped)
            for metric, some in zip(metrics, chosen, strict=True)
        ),
        tuple(
            metric.quantile is not None
            and int(np.count_nonzero(metric.of(some))) < min_requests(metric.quantile)
            for metric, some in zip(metrics, chosen, strict=True)
        ),
    )
