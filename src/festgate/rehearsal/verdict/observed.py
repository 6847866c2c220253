"""What a comparison has to know of one run, taken from its samples at one reading.

Twenty runs of a million requests would be more than a gigabyte in memory; what is kept here of each is a few hundred
kilobytes at most, nearly all of it the hashes of bodies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from festgate.rehearsal.runs.plan import Users
from festgate.rehearsal.runs.samples import Flags, Floats, Integers, Samples
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats.metrics import Metric, measure
from festgate.rehearsal.stats.processor_time import processor_time
from festgate.rehearsal.stats.quantiles import corrected

WINDOWS: Final = 10
"""Parts of a run for which the regularity of arrivals is taken, so that one pause does not stand for all of it."""
MIN_ARRIVALS: Final = 20
"""In such a part; with fewer its figure is chance."""
_EARLY: Final = 0.1
_FIRST, _LAST = (0.1, 0.4), (0.7, 1.0)
_TAIL: Final = 0.99
_BUSY_SECONDS: Final = 0.9


STEP_METRICS: Final = (
    Metric("rate", "rate"),
    Metric("errors", "errors"),
    Metric("p50", "quantile", 0.5),
    Metric("p95", "quantile", 0.95),
)
"""What is told of every step, whether it is compared or not."""


@dataclass(frozen=True)
class StepStats:
    """One step's requests in one run."""

    requests: int
    failed: int
    statuses: Mapping[int, int]
    """How often each, of all requests."""
    size: float
    """Mean bytes of an answer that the step took; not-a-number where there was none."""
    bodies: Integers
    """The different bodies (CRC-32) that it took, in ascending order."""
    times: Integers
    """How often each of them came."""
    values: tuple[float, ...]
    """Of STEP_METRICS."""


@dataclass(frozen=True)
class Observed:
    """One run after its warm-up. Times in seconds, shares and ratios as numbers."""

    run: Run
    values: tuple[float, ...]
    """Of each metric."""
    counts: tuple[int, ...]
    """Requests that each metric is about."""
    requests: int
    failed: int
    steps: Mapping[str, StepStats]
    cpu: float | None
    """Share of a core of each sending process in the busiest tenth of the seconds; None where it was not seen."""
    late: float
    """Share of the first metric that is lateness in sending; 0 for what is no time, and in a closed loop."""
    early: float
    """Median latency in the first tenth of the time, over that of the rest; of the busiest step, as the next ones."""
    drift: float
    """Median latency in the last 30 % of the time, over that from 10 % to 40 %."""
    arrivals: float
    """Coefficient of variation of the time between two requests."""
    connecting: float
    """Share of the slowest hundredth of all requests that opened a connection."""
    connected: float
    """The same of all requests."""
    slowest: float
    """Mean latency of that slowest hundredth, over the median."""
    omission: float
    """99th percentile with the waits that a closed loop left out, over the one without; 1 for an open loop."""
    under_way: float
    """Mean number of requests without an answer: rate x mean latency, of what lies before the run's end."""

    @property
    def failing(self) -> float:
        """Share of requests that failed."""
        return self.failed / self.requests if self.requests else 0.0


def observe(run: Run, metrics: Sequence[Metric]) -> Observed:
    """Read a run. Raises ValueError where a file of it is damaged."""
    begin, seconds = run.plan.warm_up, run.plan.duration
    whole = run.samples()
    samples = whole.between(begin, begin + seconds)
    processor = processor_time(run.resources(), whole, begin, begin + seconds)
    del whole
    steps = {name: _step(samples, number, seconds) for number, name in enumerate(samples.names)}
    steps = {name: step for name, step in steps.items() if step.requests}
    busiest = max(steps, key=lambda name: steps[name].requests, default="")
    mine = samples.name == samples.names.index(busiest) if busiest else np.zeros(0, np.bool_)
    share = (samples.intended[mine] - run.plan.warm_up) / seconds
    connecting, connected, slowest = _connections(samples)
    return Observed(
        run=run,
        values=tuple(measure(metric, samples, seconds, processor) for metric in metrics),
        counts=tuple(int(np.count_nonzero(metric.of(samples))) for metric in metrics),
        requests=len(samples),
        failed=int(np.count_nonzero(samples.failed)),
        steps=steps,
        cpu=_cpu(run),
        late=_lateness(metrics[0], samples),
        early=_ratio(samples.latency[mine], share < _EARLY, share >= _EARLY),
        drift=_ratio(
            samples.latency[mine], *((share >= low) & (share < high) for low, high in (_LAST, _FIRST))
        ),
        arrivals=_regularity(np.sort(samples.start[mine]), run.plan.warm_up, seconds),
        connecting=connecting,
        connected=connected,
        slowest=slowest,
        omission=_omission(run, samples),
        under_way=_under_way(samples, run.plan.warm_up + seconds) / seconds,
    )


def _step(samples: Samples, number: int, seconds: float) -> StepStats:
    mine = samples.name == number
    of_step = samples.of(samples.names[number])
    statuses, counts = np.unique(samples.status[mine], return_counts=True)
    taken = mine & ~samples.failed
    bodies, times = np.unique(samples.digest[taken], return_counts=True)
    return StepStats(
        requests=int(np.count_nonzero(mine)),
        failed=int(np.count_nonzero(samples.failed[mine])),
        statuses=dict(zip(statuses.tolist(), counts.tolist(), strict=True)),
        size=float(samples.size[taken].mean()) if len(bodies) else float("nan"),
        bodies=bodies,
        times=times,
        values=tuple(measure(metric, of_step, seconds) for metric in STEP_METRICS) if len(of_step) else (),
    )


def _cpu(run: Run) -> float | None:
    end = run.plan.warm_up + run.plan.duration
    used = [
        second.cpu
        for second in run.resources()
        if second.side == "generator" and run.plan.warm_up <= second.at <= end
    ]
    return _quantile(np.array(used), _BUSY_SECONDS) / max(1, run.plan.workers) if used else None


def _lateness(metric: Metric, samples: Samples) -> float:
    """How much less the metric would be if each request had been sent when it was to be, over what it is."""
    chosen = metric.of(samples)
    whole, sent = samples.response[chosen], samples.latency[chosen]
    if metric.quantile is not None:
        found, known = (_quantile(values, metric.quantile) for values in (whole, sent))
    elif metric.kind == "mean":
        found, known = float(whole.sum()), float(sent.sum())
    else:
        return 0.0
    return 1 - known / found if found else 0.0


def _connections(samples: Samples) -> tuple[float, float, float]:
    count = len(samples)
    if count == 0:
        return 0.0, 0.0, 1.0
    most = max(1, count // 100)
    slow = np.argpartition(samples.latency, count - most)[count - most :]
    usual = float(np.median(samples.latency))
    slowest = float(samples.latency[slow].mean()) / usual if usual else 1.0
    return float(samples.new_connection[slow].mean()), float(samples.new_connection.mean()), slowest


def _omission(run: Run, samples: Samples) -> float:
    load = run.plan.load
    if not isinstance(load, Users) or len(samples) == 0:
        return 1.0
    # What a user does between two requests is not in the samples; how often one asks on the average is.
    interval = load.users * run.plan.duration / len(samples)
    raw = _quantile(samples.latency, _TAIL)
    return _quantile(corrected(samples.latency, interval), _TAIL) / raw if raw else 1.0


def _under_way(samples: Samples, end: float) -> float:
    """Seconds that requests waited for their answers up to `end`; all together."""
    return float(np.clip(end - samples.start, 0, samples.latency).sum())


def _regularity(starts: Floats, begin: float, seconds: float) -> float:
    windows = max(1, min(WINDOWS, len(starts) // MIN_ARRIVALS))
    edges = np.searchsorted(starts, begin + np.arange(windows + 1) * seconds / windows)
    found = []
    for first, last in pairwise(edges.tolist()):
        # With the gap to the next part's first: users that fire once a part would have their silence between two parts.
        gaps = np.diff(starts[first : last + 1])
        if len(gaps) >= MIN_ARRIVALS // 2 and gaps.mean() > 0:
            found.append(float(gaps.std() / gaps.mean()))
    return float(np.median(found)) if found else 1.0


def _ratio(latencies: Floats, above: Flags, below: Flags) -> float:
    upper, lower = _quantile(latencies[above], 0.5), _quantile(latencies[below], 0.5)
    return upper / lower if upper > 0 and lower > 0 else 1.0


def _quantile(values: Floats, quantile: float) -> float:
    """One order statistic, quick and good enough to look for trouble by; 0 of nothing."""
    return float(np.quantile(values, quantile)) if len(values) else 0.0
