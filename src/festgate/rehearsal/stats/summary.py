"""What one run says: figures for each step and for all, over time, of both machines, and the limits it kept.

Only the measured window counts; the series over time also show the warm-up: there is seen whether it was long enough.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from festgate.rehearsal.runs.samples import Flags, Floats, Integers, Samples
from festgate.rehearsal.runs.store import Resources, Run, Side
from festgate.rehearsal.stats.limits import min_requests
from festgate.rehearsal.stats.metrics import (
    BadMetric,
    Metric,
    Threshold,
    measure,
    parse_metric,
    parse_threshold,
)
from festgate.rehearsal.stats.processor_time import processor_time

QUANTILES: Final = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999))
_QUANTILE: Final = dict(QUANTILES)
LATE: Final = 0.010
"""Seconds after its time from which a request counts as sent late: a few turns of a busy generator's loop."""
MAX_BINS: Final = 300
"""Points of a line over time: a chart is some 700 pixels wide, and a report of an hour is to stay small."""
_WIDTHS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
_NOTICED: Final = 0.1
"""Seconds: what is answered sooner feels immediate (Miller, *Response time in man-computer conversational
transactions*, 1968), so that becoming slower below it is no slow spell to a visitor."""
_SLOWED: Final = 3.0
"""Times a step's own usual p95: one second's p95 of a few dozen requests doubles by chance now and then."""
_SPELL_BINS: Final = 2
"""In a row: one slow second alone is as often a single slow answer."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one step, or of all together; latencies in seconds, from when a request was to be sent."""

    name: str
    """Of the step; empty for all."""
    requests: int
    failures: int
    rate: float
    """Requests a second."""
    mean: float
    quantiles: Mapping[str, float]
    """`p50`, `p95`, `p99`, `p99.9`: seconds, not a number where there was no request."""
    slowest: float
    bytes_a_second: float
    late: int
    """Sent more than `LATE` after their time."""
    new_connections: int

    @property
    def failed(self) -> float:
        """Share of requests, 0 to 1."""
        return self.failures / self.requests if self.requests else 0.0

    def few(self, quantile: str) -> bool:
        """Whether there are too few requests for that quantile to be worth reading."""
        return self.requests < min_requests(_QUANTILE[quantile])


@dataclass(frozen=True)
class Series:
    """What happened over time, in bins of the same width; arrays of one length."""

    width: float
    """Seconds of a bin."""
    at: Floats
    """Seconds from the run's beginning to the beginning of a bin."""
    asked: Floats
    """Requests a second that were to be sent."""
    answered: Floats
    """Requests a second whose answer ended."""
    failed: Floats
    """Requests a second that failed, when they were to be sent."""
    p50: Floats
    """Seconds; not a number in a bin without requests. So are the next two."""
    p95: Floats
    slowest: Floats


@dataclass(frozen=True, slots=True)
class Machine:
    """What one side used while it was measured."""

    side: Side
    cpu: float
    """Mean share of one core."""
    max_cpu: float
    max_memory: int
    """Bytes."""
    seconds: tuple[Resources, ...]
    """Each second of the whole run."""


@dataclass(frozen=True, slots=True)
class LimitResult:
    """A limit that was set for the run, and what came of it."""

    text: str
    """As it was written: `p95(/events) < 200ms`."""
    metric: Metric | None
    """None where the text cannot be read."""
    value: float
    """In the metric's own unit; not a number where there was nothing to measure."""
    held: bool
    few: bool
    """There were too few requests for this quantile to be worth reading."""


@dataclass(frozen=True, slots=True)
class Spell:
    """The first time that a step became much slower than it usually was."""

    step: str
    begin: float
    """Seconds from the run's beginning."""
    end: float
    quantile: str
    """`p95` where the spell has enough requests for it, `p50` where it has not: of the next two."""
    waited: float
    """Seconds, of the requests in the spell."""
    usual: float
    """Seconds, of the step's other measured requests."""


@dataclass(frozen=True)
class Summary:
    """A run in figures."""

    run: Run
    seconds: float
    """How long it was measured: less than was planned where it was cut off."""
    all: Figures
    steps: tuple[Figures, ...]
    """In the order in which they were first asked for."""
    failures: Mapping[tuple[str, int], int]
    """How many requests of (step, HTTP status) failed; status 0 where no answer came."""
    lateness: float
    """The 99th percentile of how late a request was sent, in seconds."""
    series: Series
    step_series: Mapping[str, Series]
    machines: tuple[Machine, ...]
    processor: float
    """Seconds of the target's processor for each request (`processor_time`); not a number where it was not seen."""
    checks: tuple[LimitResult, ...]
    spell: Spell | None
    curves: Mapping[str, tuple[Floats, Floats]]
    """For each step and for all (``): shares 0 to 0.999 and the seconds within which that share was answered."""

    @property
    def broken(self) -> tuple[LimitResult, ...]:
        """The limits that did not hold."""
        return tuple(check for check in self.checks if not check.held)


def summarize(run: Run) -> Summary:
    """The figures of a run, whole or cut off. Raises ValueError where a file of samples is damaged."""
    samples = run.samples()
    begin = run.plan.warm_up
    measured = samples.between(begin, begin + run.plan.duration)
    seconds = _measured_seconds(run, measured)
    asked = [measured.names[number] for number in _first_seen(measured.name)]
    machines = _machines(run, begin, begin + run.plan.duration)
    processor = processor_time(run.resources(), samples, begin, begin + run.plan.duration)
    of_steps = {name: measured.of(name) for name in asked}
    end = max(begin + seconds, 1.0)
    width = _bin_width(samples, end)
    steps_over_time = {name: _series(samples.of(name), width, end) for name in asked}
    return Summary(
        run=run,
        seconds=seconds,
        all=_figures("", measured, seconds),
        steps=tuple(_figures(name, of_steps[name], seconds) for name in asked),
        failures=_failures(measured),
        lateness=float(np.quantile(measured.start - measured.intended, 0.99)) if len(measured) else 0.0,
        series=_series(samples, width, end),
        step_series=steps_over_time,
        machines=machines,
        processor=processor,
        checks=tuple(_check(text, measured, seconds, processor) for text in run.plan.fail_if),
        spell=_first_spell(steps_over_time, of_steps, begin),
        curves={"": _curve(measured)} | {name: _curve(of_steps[name]) for name in asked},
    )


def _measured_seconds(run: Run, measured: Samples) -> float:
    if run.state == "whole":
        return run.plan.duration
    ended = float((measured.start + measured.latency).max()) if len(measured) else run.plan.warm_up
    return min(max(ended - run.plan.warm_up, 0.0), run.plan.duration)


def _first_seen(numbers: Integers) -> list[int]:
    found, first = np.unique(numbers, return_index=True)
    return [int(number) for number in found[np.argsort(first)]]


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


def _failures(samples: Samples) -> dict[tuple[str, int], int]:
    wrong = samples.only(samples.failed)
    found, times = np.unique(np.stack([wrong.name, wrong.status]), axis=1, return_counts=True)
    counted = {
        (samples.names[int(name)], int(status)): int(many)
        for (name, status), many in zip(found.T, times, strict=True)
    }
    return dict(sorted(counted.items(), key=lambda item: -item[1]))


def _check(text: str, samples: Samples, seconds: float, processor: float) -> LimitResult:
    try:
        threshold: Threshold = parse_threshold(text)
    except BadMetric:
        return LimitResult(text, None, np.nan, held=False, few=False)
    metric = threshold.metric
    chosen = samples.of(metric.step) if metric.step is not None else samples
    # A step that was never asked for has kept no limit: who mistyped its name is to learn it.
    if not len(chosen) or not seconds:
        return LimitResult(text, metric, np.nan, held=False, few=True)
    value = measure(metric, samples, seconds, processor)
    few = metric.quantile is not None and len(chosen) < min_requests(metric.quantile)
    return LimitResult(text, metric, value, held=threshold.holds(value), few=few)


def _bin_width(samples: Samples, end: float) -> float:
    # At least 20 requests in a bin, since the p95 of fewer is their maximum; and not more bins than can be seen.
    wanted = max(end / MAX_BINS, 20 * end / len(samples) if len(samples) else 1.0)
    widest = max(end / 10, 1.0)
    return float(next((width for width in _WIDTHS if width >= min(wanted, widest)), _WIDTHS[-1]))


def _series(samples: Samples, width: float, end: float) -> Series:
    bins = max(int(np.ceil(end / width)), 1)
    number = (samples.intended // width).astype(np.int64)
    done = ((samples.start + samples.latency) // width).astype(np.int64)
    inside = (number >= 0) & (number < bins)
    number, waited = number[inside], samples.response[inside]
    # Sorted by bin, then by latency: each bin is a slice, and its quantiles are places in it.
    ordered = waited[np.lexsort((waited, number))]
    many = np.bincount(number, minlength=bins)
    begins = np.concatenate([[0], np.cumsum(many)[:-1]])

    def place(quantile: float) -> Floats:
        found = np.full(bins, np.nan)
        filled = many > 0
        rank = np.maximum(np.ceil(quantile * many[filled]).astype(np.int64) - 1, 0)
        found[filled] = ordered[begins[filled] + rank]
        return found

    # The last bin may be shorter than the others.
    lengths = np.minimum(width, end - width * np.arange(bins))
    finished = np.bincount(done[done < bins], minlength=bins)
    failed = np.bincount(number, weights=samples.failed[inside], minlength=bins)
    return Series(
        width=width,
        at=width * np.arange(bins, dtype=np.float64),
        asked=many / lengths,
        answered=finished / lengths,
        failed=failed / lengths,
        p50=place(0.5),
        p95=place(0.95),
        slowest=place(1.0),
    )


def _machines(run: Run, begin: float, end: float) -> tuple[Machine, ...]:
    seen = run.resources()
    found = []
    sides: tuple[Side, ...] = ("generator", "server")
    for side in sides:
        seconds = tuple(second for second in seen if second.side == side)
        counted = [second for second in seconds if begin <= second.at < end]
        if counted:
            used = [second.cpu for second in counted]
            memory = max(second.memory for second in counted)
            found.append(Machine(side, sum(used) / len(used), max(used), memory, seconds))
    return tuple(found)


def _first_spell(steps: Mapping[str, Series], samples: Mapping[str, Samples], begin: float) -> Spell | None:
    """The earliest spell of any step; of several that begin together, the one that slowed the most."""
    found: list[Spell] = []
    for name, series in steps.items():
        counted = series.at >= begin
        if not np.isfinite(series.p95[counted]).any():
            continue
        usual = float(np.nanmedian(series.p95[counted]))
        slow: Flags = counted & _slower(series.p95, usual)
        # Where it turns slow and where it is over again.
        edges = np.flatnonzero(np.diff(np.concatenate([[0], slow.astype(np.int8), [0]])))
        for first, after in zip(edges[::2], edges[1::2], strict=True):
            edge = (float(series.at[first]), float(series.at[after - 1] + series.width))
            spell = _spell(name, samples[name], *edge) if after - first >= _SPELL_BINS else None
            if spell is not None:
                found.append(spell)
                break
    return min(found, key=lambda spell: (spell.begin, -spell.waited / spell.usual), default=None)


def _spell(name: str, samples: Samples, begin: float, end: float) -> Spell | None:
    """It, where all its requests together say the same as its bins, whose p95 is that of few."""
    inside = (samples.intended >= begin) & (samples.intended < end)
    waited, others = samples.response[inside], samples.response[~inside]
    quantile = "p95" if len(waited) >= min_requests(_QUANTILE["p95"]) else "p50"
    if not len(others):
        return None
    then, usual = (float(np.quantile(some, _QUANTILE[quantile])) for some in (waited, others))
    return Spell(name, begin, end, quantile, then, usual) if _slower(np.array([then]), usual)[0] else None


def _slower(waited: Floats, usual: float) -> Flags:
    # Without a number nothing is slower.
    return np.asarray(waited > max(_SLOWED * usual, usual + _NOTICED))


def _curve(samples: Samples) -> tuple[Floats, Floats]:
    # Evenly spaced in the logarithm of what lies beyond: as many points from p90 to p99 as from p99 to p99.9.
    shares: Floats = np.concatenate([[0.0], 1 - np.logspace(np.log10(0.98), -3, 60)])
    if not len(samples):
        return shares[:0], shares[:0]
    ordered = np.sort(samples.response)
    places = np.maximum(np.ceil(shares * len(ordered) - 1e-9).astype(np.int64) - 1, 0)
    return shares, ordered[places]
