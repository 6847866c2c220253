"""The figures of one run: for each step and in total, over time, for both machines, and the results of its limits.

Only the measured window counts. The series over time also cover the warm-up, to show whether it was long enough.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from festgate.rehearsal.runs.recording import NO_RESPONSE, NoResponse
from festgate.rehearsal.runs.samples import Flags, Floats, Integers, Samples
from festgate.rehearsal.runs.stages import Slope, slopes
from festgate.rehearsal.runs.store import Resources, Run, Side, StageLoad
from festgate.rehearsal.stats.limits import min_requests
from festgate.rehearsal.stats.metrics import (
    BadMetric,
    Metric,
    Threshold,
    measure,
    parse_metric,
    parse_threshold,
)
from festgate.rehearsal.stats.names import rolled_up
from festgate.rehearsal.stats.processor_time import busiest_tenth, processor_time

QUANTILES: Final = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999))
_QUANTILE: Final = dict(QUANTILES)
LATE: Final = 0.010
"""Seconds of send delay that make a request late: a few turns of a busy load generator's event loop."""
MAX_BINS: Final = 300
"""Points of a line over time: a chart is some 700 pixels wide, and the report of an hour has to stay small."""
_WIDTHS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
_NOTICEABLE: Final = 0.1
"""Seconds; a faster response feels immediate (Miller, *Response time in man-computer conversational transactions*,
1968), so visitors do not notice a slowdown below it."""
_MIN_SLOWDOWN: Final = 3.0
"""Times a step's usual p95; the p95 of a few dozen requests in one second doubles by chance now and then."""
_MIN_SLOW_BINS: Final = 2
"""Consecutive bins; one slow second alone is as often a single slow response."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one step or of all requests; response times are in seconds since a request was due."""

    name: str
    """The step's name; empty for all requests."""
    requests: int
    failures: int
    rate: float
    """Requests a second."""
    mean: float
    quantiles: Mapping[str, float]
    """`p50`, `p95`, `p99`, `p99.9` in seconds; NaN without requests."""
    slowest: float
    bytes_a_second: float
    late: int
    """Requests that were sent more than `LATE` after they were due."""
    new_connections: int

    @property
    def failed(self) -> float:
        """The share of requests that failed, 0 to 1."""
        return self.failures / self.requests if self.requests else 0.0

    def few(self, quantile: str) -> bool:
        """Return whether there are too few requests for that quantile to be reliable."""
        return self.requests < min_requests(_QUANTILE[quantile])


@dataclass(frozen=True)
class Series:
    """Load and response times over time, in bins of the same width; the arrays have the same length."""

    width: float
    """Seconds per bin."""
    at: Floats
    """Seconds from the start of the run to the start of a bin."""
    asked: Floats
    """Requests due per second."""
    answered: Floats
    """Responses per second."""
    failed: Floats
    """Failed requests per second, at the time when they were due."""
    p50: Floats
    """Seconds; NaN in a bin without requests. The same holds for the next two."""
    p95: Floats
    slowest: Floats


@dataclass(frozen=True, slots=True)
class StageSummary:
    """One stage of a run whose load changes: its load, and its requests after the warm-up."""

    slope: Slope
    load: StageLoad | None
    """None if no second of it was measured."""
    figures: Figures


@dataclass(frozen=True, slots=True)
class Machine:
    """The resources that one side used while it was measured."""

    side: Side
    cpu: float
    """Mean share of one core."""
    busiest: float
    """The share of a core in the busiest tenth of the seconds; all processes of the side together."""
    max_cpu: float
    max_memory: int
    """Bytes."""
    seconds: tuple[Resources, ...]
    """Each second of the whole run."""


@dataclass(frozen=True, slots=True)
class LimitResult:
    """A limit on the run, and its result."""

    text: str
    """The limit in its original spelling: `p95(/events) < 200ms`."""
    metric: Metric | None
    """None if the text is not a valid limit."""
    value: float
    """In the metric's own unit; NaN if there was nothing to measure."""
    held: bool
    few: bool
    """Whether there are too few requests for this quantile to be reliable."""

    @property
    def broken_so_far(self) -> bool:
        """Return whether it was not met during the run: a value of no request, or of few, decides nothing yet."""
        return not self.held and not self.few and bool(np.isfinite(self.value))


@dataclass(frozen=True, slots=True)
class SlowPeriod:
    """The first period in which a step was much slower than usual."""

    step: str
    begin: float
    """Seconds from the start of the run."""
    end: float
    quantile: str
    """The quantile of the next two: `p95` if the period has enough requests for it, else `p50`."""
    waited: float
    """Seconds, in this period."""
    usual: float
    """Seconds, for the step's other measured requests."""


@dataclass(frozen=True)
class Summary:
    """The figures of a run."""

    run: Run
    seconds: float
    """The measured time; less than planned if the run was stopped early."""
    all: Figures
    steps: tuple[Figures, ...]
    """In the order of their first requests; names that contain values are rolled up into routes."""
    names: int
    """The number of different names of the requests, before they are rolled up."""
    failures: Mapping[tuple[str, int, NoResponse], int]
    """The number of failed requests by step, HTTP status (0 if there was no response), and why there was none."""
    lateness: float
    """The 99th percentile of the send delay, in seconds."""
    series: Series
    step_series: Mapping[str, Series]
    machines: tuple[Machine, ...]
    processor: float
    """Seconds of the target's processor time per request (`processor_time`); NaN if unknown."""
    limits: tuple[LimitResult, ...]
    stages: tuple[StageSummary, ...]
    """Empty for a load without stages."""
    slow_period: SlowPeriod | None
    curves: Mapping[str, tuple[Floats, Floats]]
    """For each step and for all (``): shares 0 to 0.999, and the seconds within which that share was answered."""

    @property
    def broken(self) -> tuple[LimitResult, ...]:
        """The limits that were exceeded."""
        return tuple(limit for limit in self.limits if not limit.held)


def summarize(run: Run) -> Summary:
    """Calculate the figures of a run, complete or not. Raises ValueError if a file of samples is damaged."""
    samples = run.samples()
    begin = run.plan.warm_up
    recorded = samples.between(begin, begin + run.plan.duration)
    names_recorded = len(np.unique(recorded.name))
    samples = rolled_up(samples)
    measured = samples.between(begin, begin + run.plan.duration)
    seconds = _measured_seconds(run, measured)
    names = [measured.names[number] for number in _first_seen(measured.name)]
    machines = _machines(run, begin, begin + run.plan.duration)
    processor = processor_time(run.resources(), samples, begin, begin + run.plan.duration)
    by_step = {name: measured.of(name) for name in names}
    end = max(begin + seconds, 1.0)
    width = _bin_width(samples, end)
    series_by_step = {name: _series(samples.of(name), width, end) for name in names}
    return Summary(
        run=run,
        seconds=seconds,
        all=_figures("", measured, seconds),
        steps=tuple(_figures(name, by_step[name], seconds) for name in names),
        names=names_recorded,
        failures=_failures(measured),
        lateness=float(np.quantile(measured.start - measured.intended, 0.99)) if len(measured) else 0.0,
        series=_series(samples, width, end),
        step_series=series_by_step,
        machines=machines,
        processor=processor,
        limits=tuple(
            _limit_result(text, (recorded, measured), seconds, processor, run.dropped)
            for text in run.plan.fail_if
        ),
        stages=tuple(_stages(run, measured, begin + seconds)),
        slow_period=_first_slow_period(series_by_step, by_step, begin),
        curves={"": _curve(measured)} | {name: _curve(by_step[name]) for name in names},
    )


def limits_so_far(run: Run, at: float) -> tuple[LimitResult, ...]:
    """Return the results of the limits at a moment of a run that has not ended. Raises what `summarize` raises."""
    begin, samples = run.plan.warm_up, run.samples()
    measured = samples.between(begin, at)
    processor = processor_time(run.resources(), samples, begin, at)
    # Arrivals that were turned away are counted at the end.
    recorded = measured, rolled_up(measured)
    return tuple(_limit_result(text, recorded, at - begin, processor, 0) for text in run.plan.fail_if)


def _measured_seconds(run: Run, measured: Samples) -> float:
    if run.state == "whole":
        return run.plan.duration
    ended = float((measured.start + measured.latency).max()) if len(measured) else run.plan.warm_up
    return min(max(ended - run.plan.warm_up, 0.0), run.plan.duration)


def _stages(run: Run, measured: Samples, end: float) -> Iterator[StageSummary]:
    # A run that crashed has no load of its stages.
    loads = run.stages or (None,) * len(run.plan.load.stages)
    for number, (slope, load) in enumerate(zip(slopes(run.plan.load.stages), loads, strict=True), 1):
        first, last = max(slope.begin, run.plan.warm_up), min(slope.end, end)
        seconds = max(0.0, last - first)
        yield StageSummary(slope, load, _figures(str(number), measured.between(first, last), seconds))


def _first_seen(numbers: Integers) -> list[int]:
    unique, first = np.unique(numbers, return_index=True)
    return [int(number) for number in unique[np.argsort(first)]]


def _figures(name: str, samples: Samples, seconds: float) -> Figures:
    waited = samples.response
    some = len(samples) > 0
    return Figures(
        name=name,
        requests=len(samples),
        failures=int(samples.failed.sum()),
        rate=len(samples) / seconds if seconds else 0.0,
        mean=float(waited.mean()) if some else np.nan,
        quantiles={
            text: measure(parse_metric(text), samples, seconds) if some else np.nan for text, _ in QUANTILES
        },
        slowest=float(waited.max()) if some else np.nan,
        bytes_a_second=float(samples.size.sum()) / seconds if seconds else 0.0,
        late=int((samples.start - samples.intended > LATE).sum()),
        new_connections=int(samples.new_connection.sum()),
    )


def _failures(samples: Samples) -> dict[tuple[str, int, NoResponse], int]:
    failed = samples.only(samples.failed)
    kinds, counts = np.unique(
        np.stack([failed.name, failed.status, failed.no_response]), axis=1, return_counts=True
    )
    failures = {
        (samples.names[name], status, NO_RESPONSE[reason]): count
        for (name, status, reason), count in zip(kinds.T.tolist(), counts.tolist(), strict=True)
    }
    return dict(sorted(failures.items(), key=lambda item: -item[1]))


def _limit_result(
    text: str, recorded: Sequence[Samples], seconds: float, processor: float, turned_away: int
) -> LimitResult:
    try:
        threshold: Threshold = parse_threshold(text)
    except BadMetric:
        return LimitResult(text, None, np.nan, held=False, few=False)
    metric = threshold.metric
    # The name may be one of those that were recorded, or one of those into which they are rolled up.
    samples = next((some for some in recorded if metric.step in (None, *some.names)), recorded[0])
    chosen = samples.of(metric.step) if metric.step is not None else samples
    # A step without requests fails its limit, so that a misspelt name is noticed.
    if not len(chosen) or not seconds:
        return LimitResult(text, metric, np.nan, held=False, few=True)
    value = measure(metric, samples, seconds, processor=processor, turned_away=turned_away)
    few = metric.quantile is not None and len(chosen) < min_requests(metric.quantile)
    return LimitResult(text, metric, value, held=threshold.holds(value), few=few)


def _bin_width(samples: Samples, end: float) -> float:
    # At least 20 requests per bin, as the p95 of fewer is their maximum; and no more bins than a chart can show.
    wanted = max(end / MAX_BINS, 20 * end / len(samples) if len(samples) else 1.0)
    widest = max(end / 10, 1.0)
    return float(next((width for width in _WIDTHS if width >= min(wanted, widest)), _WIDTHS[-1]))


def _series(samples: Samples, width: float, end: float) -> Series:
    bins = max(int(np.ceil(end / width)), 1)
    number = (samples.intended // width).astype(np.int64)
    done = ((samples.start + samples.latency) // width).astype(np.int64)
    inside = (number >= 0) & (number < bins)
    number, waited = number[inside], samples.response[inside]
    # Sorted by bin, then by response time: each bin is a slice, and its quantiles are positions in it.
    ordered = waited[np.lexsort((waited, number))]
    counts = np.bincount(number, minlength=bins)
    begins = np.concatenate([[0], np.cumsum(counts)[:-1]])

    def quantiles(quantile: float) -> Floats:
        values = np.full(bins, np.nan)
        filled = counts > 0
        rank = np.maximum(np.ceil(quantile * counts[filled]).astype(np.int64) - 1, 0)
        values[filled] = ordered[begins[filled] + rank]
        return values

    # The last bin may be shorter than the others.
    lengths = np.minimum(width, end - width * np.arange(bins))
    finished = np.bincount(done[done < bins], minlength=bins)
    failed = np.bincount(number, weights=samples.failed[inside], minlength=bins)
    return Series(
        width=width,
        at=width * np.arange(bins, dtype=np.float64),
        asked=counts / lengths,
        answered=finished / lengths,
        failed=failed / lengths,
        p50=quantiles(0.5),
        p95=quantiles(0.95),
        slowest=quantiles(1.0),
    )


def _machines(run: Run, begin: float, end: float) -> tuple[Machine, ...]:
    resources = run.resources()
    machines = []
    sides: tuple[Side, ...] = ("generator", "server")
    for side in sides:
        seconds = tuple(second for second in resources if second.side == side)
        counted = [second for second in seconds if begin <= second.at < end]
        if counted:
            used = [second.cpu for second in counted]
            memory = max(second.memory for second in counted)
            machines.append(
                Machine(side, sum(used) / len(used), busiest_tenth(counted), max(used), memory, seconds)
            )
    return tuple(machines)


def _first_slow_period(
    steps: Mapping[str, Series], samples: Mapping[str, Samples], begin: float
) -> SlowPeriod | None:
    """Return the earliest slow period of any step; of several that begin together, the slowest one."""
    periods: list[SlowPeriod] = []
    for name, series in steps.items():
        counted = series.at >= begin
        if not np.isfinite(series.p95[counted]).any():
            continue
        usual = float(np.nanmedian(series.p95[counted]))
        slow: Flags = counted & _slower(series.p95, usual)
        # The bins in which a slow period begins, and those after its end.
        edges = np.flatnonzero(np.diff(np.concatenate([[0], slow.astype(np.int8), [0]])))
        for first, after in zip(edges[::2], edges[1::2], strict=True):
            edge = (float(series.at[first]), float(series.at[after - 1] + series.width))
            period = _slow_period(name, samples[name], *edge) if after - first >= _MIN_SLOW_BINS else None
            if period is not None:
                periods.append(period)
                break
    return min(periods, key=lambda period: (period.begin, -period.waited / period.usual), default=None)


def _slow_period(name: str, samples: Samples, begin: float, end: float) -> SlowPeriod | None:
    """Return the period if all its requests together are slow, too: the p95 of a bin is that of few requests."""
    inside = (samples.intended >= begin) & (samples.intended < end)
    waited, others = samples.response[inside], samples.response[~inside]
    quantile = "p95" if len(waited) >= min_requests(_QUANTILE["p95"]) else "p50"
    if not len(others):
        return None
    during, usual = (float(np.quantile(some, _QUANTILE[quantile])) for some in (waited, others))
    return (
        SlowPeriod(name, begin, end, quantile, during, usual)
        if _slower(np.array([during]), usual)[0]
        else None
    )


def _slower(waited: Floats, usual: float) -> Flags:
    # A comparison with NaN is false.
    return np.asarray(waited > max(_MIN_SLOWDOWN * usual, usual + _NOTICEABLE))


def _curve(samples: Samples) -> tuple[Floats, Floats]:
    # Evenly spaced on a logarithmic scale of the tail: as many points from p90 to p99 as from p99 to p99.9.
    shares: Floats = np.concatenate([[0.0], 1 - np.logspace(np.log10(0.98), -3, 60)])
    if not len(samples):
        return shares[:0], shares[:0]
    ordered = np.sort(samples.response)
    places = np.maximum(np.ceil(shares * len(ordered) - 1e-9).astype(np.int64) - 1, 0)
    return shares, ordered[places]
