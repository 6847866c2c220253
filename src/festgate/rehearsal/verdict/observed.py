"""Measurements of one run for a comparison, taken in one pass over its samples.

Twenty runs of a million requests would need more than a gigabyte of memory. The measurements of a run take a few
hundred kilobytes at most, nearly all of them hashes of bodies.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from festgate.rehearsal.runs.plan import Users
from festgate.rehearsal.runs.samples import Flags, Floats, Integers, Samples
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats.metrics import Metric, measure
from festgate.rehearsal.stats.processor_time import busiest_tenth, processor_time
from festgate.rehearsal.stats.quantiles import corrected

WINDOWS: Final = 10
"""Parts of a run whose regularity of arrivals is measured separately, so that one pause does not decide the result."""
MIN_ARRIVALS: Final = 20
"""Arrivals in such a part; the figure of fewer is random."""
_EARLY: Final = 0.1
_FIRST, _LAST = (0.1, 0.4), (0.7, 1.0)
_TAIL: Final = 0.99
_SMALLEST, _LARGEST = 0.05, 0.95


STEP_METRICS: Final = (
    Metric("rate", "rate"),
    Metric("errors", "errors"),
    Metric("p50", "quantile", 0.5),
    Metric("p95", "quantile", 0.95),
)
"""The metrics that are reported for every step, whether they are compared or not."""


@dataclass(frozen=True)
class StepStats:
    """One step's requests in one run."""

    requests: int
    failed: int
    statuses: Mapping[int, int]
    """The number of requests with each HTTP status."""
    size: float
    """Mean bytes of a response that the step accepted; NaN if there was none."""
    band: tuple[float, float]
    """The bytes that 5 % and 95 % of these responses do not exceed; NaN if there was none."""
    bodies: Integers
    """The different accepted bodies (CRC-32), in ascending order."""
    times: Integers
    """The number of responses with each of these bodies."""
    values: tuple[float, ...]
    """The values of STEP_METRICS."""


@dataclass(frozen=True)
class Observed:
    """One run after its warm-up. Times are in seconds, shares and ratios are numbers."""

    run: Run
    values: tuple[float, ...]
    """The value of each metric."""
    counts: tuple[int, ...]
    """The number of requests that each metric covers."""
    requests: int
    failed: int
    steps: Mapping[str, StepStats]
    cpu: float | None
    """Share of a core that each load generator process used in its busiest tenth of the seconds; None if unknown."""
    late: float
    """Share of the first metric that is send delay; 0 for a metric that is not a time, and in a closed loop."""
    early: float
    """Median latency of the first tenth of the time divided by that of the rest, in the busiest step."""
    drift: float
    """Median latency of the last 30 % of the time divided by that from 10 % to 40 %, in the busiest step."""
    arrivals: float
    """Coefficient of variation of the time between two requests of the busiest step."""
    connecting: float
    """Share of the slowest 1 % of all requests that opened a connection."""
    connected: float
    """Share of all requests that opened a connection."""
    slowest: float
    """Mean latency of the slowest 1 % divided by the median."""
    omission: float
    """99th percentile with the waits that a closed loop omitted, divided by the one without; 1 for an open loop."""
    concurrency: float
    """Mean number of concurrent requests: rate x mean latency, up to the end of the run."""

    @property
    def failing(self) -> float:
        """The share of requests that failed."""
        return self.failed / self.requests if self.requests else 0.0


def observe(run: Run, metrics: Sequence[Metric]) -> Observed:
    """Measure a run. Raises ValueError if one of its files is damaged."""
    begin, seconds = run.plan.warm_up, run.plan.duration
    whole = run.samples()
    samples = whole.between(begin, begin + seconds)
    processor = processor_time(run.resources(), whole, begin, begin + seconds)
    del whole
    steps = {name: _step(samples, number, seconds) for number, name in enumerate(samples.names)}
    steps = {name: step for name, step in steps.items() if step.requests}
    busiest = max(steps, key=lambda name: steps[name].requests, default="")
    selected = samples.name == samples.names.index(busiest) if busiest else np.zeros(0, np.bool_)
    share = (samples.intended[selected] - run.plan.warm_up) / seconds
    connecting, connected, slowest = _connections(samples)
    return Observed(
        run=run,
        values=tuple(measure(metric, samples, seconds, processor=processor) for metric in metrics),
        counts=tuple(int(np.count_nonzero(metric.of(samples))) for metric in metrics),
        requests=len(samples),
        failed=int(np.count_nonzero(samples.failed)),
        steps=steps,
        cpu=_cpu(run),
        late=_lateness(metrics[0], samples),
        early=_ratio(samples.latency[selected], share < _EARLY, share >= _EARLY),
        drift=_ratio(
            samples.latency[selected], *((share >= low) & (share < high) for low, high in (_LAST, _FIRST))
        ),
        arrivals=_regularity(np.sort(samples.start[selected]), run.plan.warm_up, seconds),
        connecting=connecting,
        connected=connected,
        slowest=slowest,
        omission=_omission(run, samples),
        concurrency=_concurrency(samples, run.plan.warm_up + seconds) / seconds,
    )


def _step(samples: Samples, number: int, seconds: float) -> StepStats:
    selected = samples.name == number
    of_step = samples.of(samples.names[number])
    statuses, counts = np.unique(samples.status[selected], return_counts=True)
    accepted = selected & ~samples.failed
    bodies, times = np.unique(samples.digest[accepted], return_counts=True)
    return StepStats(
        requests=int(np.count_nonzero(selected)),
        failed=int(np.count_nonzero(samples.failed[selected])),
        statuses=dict(zip(statuses.tolist(), counts.tolist(), strict=True)),
        size=float(samples.size[accepted].mean()) if len(bodies) else math.nan,
        band=_band(samples.size[accepted]) if len(bodies) else (math.nan, math.nan),
        bodies=bodies,
        times=times,
        values=tuple(measure(metric, of_step, seconds) for metric in STEP_METRICS) if len(of_step) else (),
    )


def _band(sizes: Integers) -> tuple[float, float]:
    low, high = np.quantile(sizes, (_SMALLEST, _LARGEST))
    return float(low), float(high)


def _cpu(run: Run) -> float | None:
    end = run.plan.warm_up + run.plan.duration
    used = busiest_tenth(
        second
        for second in run.resources()
        if second.side == "generator" and run.plan.warm_up <= second.at <= end
    )
    return used / max(1, run.plan.workers) if np.isfinite(used) else None


def _lateness(metric: Metric, samples: Samples) -> float:
    """Return the share of the metric that would disappear if each request had been sent when it was due."""
    chosen = metric.of(samples)
    responses, latencies = samples.response[chosen], samples.latency[chosen]
    if metric.quantile is not None:
        measured, undelayed = (_quantile(values, metric.quantile) for values in (responses, latencies))
    elif metric.kind == "mean":
        measured, undelayed = float(responses.sum()), float(latencies.sum())
    else:
        return 0.0
    return 1 - undelayed / measured if measured else 0.0


def _connections(samples: Samples) -> tuple[float, float, float]:
    count = len(samples)
    if count == 0:
        return 0.0, 0.0, 1.0
    tail = max(1, count // 100)
    slow = np.argpartition(samples.latency, count - tail)[count - tail :]
    median = float(np.median(samples.latency))
    slowest = float(samples.latency[slow].mean()) / median if median else 1.0
    return float(samples.new_connection[slow].mean()), float(samples.new_connection.mean()), slowest


def _omission(run: Run, samples: Samples) -> float:
    if not isinstance(run.plan.load, Users) or len(samples) == 0:
        return 1.0
    # The samples do not contain the think time of a user, only the mean interval between requests.
    interval = run.plan.mean_load * run.plan.duration / len(samples)
    raw = _quantile(samples.latency, _TAIL)
    return _quantile(corrected(samples.latency, interval), _TAIL) / raw if raw else 1.0


def _concurrency(samples: Samples, end: float) -> float:
    """Return the sum of the seconds that requests waited for their responses up to `end`."""
    return float(np.clip(end - samples.start, 0, samples.latency).sum())


def _regularity(starts: Floats, begin: float, seconds: float) -> float:
    windows = max(1, min(WINDOWS, len(starts) // MIN_ARRIVALS))
    edges = np.searchsorted(starts, begin + np.arange(windows + 1) * seconds / windows)
    variations = []
    for first, last in pairwise(edges.tolist()):
        # Includes the gap to the next part: users that send once per part would pause exactly between two parts.
        gaps = np.diff(starts[first : last + 1])
        if len(gaps) >= MIN_ARRIVALS // 2 and gaps.mean() > 0:
            variations.append(float(gaps.std() / gaps.mean()))
    return float(np.median(variations)) if variations else 1.0


def _ratio(latencies: Floats, above: Flags, below: Flags) -> float:
    upper, lower = _quantile(latencies[above], 0.5), _quantile(latencies[below], 0.5)
    return upper / lower if upper > 0 and lower > 0 else 1.0


def _quantile(values: Floats, quantile: float) -> float:
    """Return one order statistic, which is fast and accurate enough for a check; 0 without values."""
    return float(np.quantile(values, quantile)) if len(values) else 0.0
