"""The impact of a fault: counts and latencies of each step, compared with the quiet window of the same run."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Literal

import numpy as np

from festgate.drills.monitor import UNAVAILABLE
from festgate.drills.plan import MODULES, STEPS, Drill, Module
from festgate.rehearsal.runs.samples import Flags, Samples
from festgate.rehearsal.stats.metrics import Metric, measure

MAX_SLOWER: Final = 1.5
"""The largest ratio of the 95th percentile to that of the quiet window that is no leak."""
NOTICEABLE: Final = 0.1
"""Seconds; people do not notice a shorter delay (Miller, *Response time in man-computer conversations*, 1968)."""
Z_95: Final = 1.96
"""Standard errors on each side of a 95 % interval."""
MAX_BUSY: Final = 0.75
"""The largest share of the machine that is accepted as an explanation for slower responses."""
MIN_REQUESTS: Final = 20
"""The fewest requests in each window that make a 95th percentile meaningful."""
BIN: Final = 0.5
"""Seconds of one cell of the chart."""
P95: Final = Metric("p95", "quantile", 0.95)
State = Literal["served", "slow", "unavailable", "error", "idle"]
"""The state of a step in half a second: served; served slowly; "come back later"; failed otherwise; no requests."""


@dataclass(frozen=True, slots=True)
class StepImpact:
    """The impact on one step's requests, from the fault to the recovery."""

    step: str
    module: Module | None
    """The module that serves it; None for a step of a custom journey."""
    tolerated: bool
    """Whether the drill allows an impact on it."""
    requests: int
    unavailable: int
    """Responses "come back later" (503)."""
    cut: int
    """Requests without a response: the worker that served them received a signal."""
    unfinished: int
    """Responses that showed unfinished work: a receipt without its payment or its ticket."""
    errors: int
    """Requests that failed in any other way."""
    quiet_p95: float
    """Seconds; not a number if there were no requests, as below."""
    p95: float

    @property
    def affected(self) -> int:
        """The number of its requests that were affected."""
        return self.unavailable + self.unfinished + self.cut + self.errors

    @property
    def ratio(self) -> float:
        """The 95th percentile over that of the quiet window."""
        return self.p95 / self.quiet_p95 if self.quiet_p95 > 0 else math.nan


@dataclass(frozen=True, slots=True)
class Others:
    """The latency of all steps outside the allowed blast radius, together."""

    requests: int = 0
    quiet_requests: int = 0
    p95: float = math.nan
    quiet_p95: float = math.nan
    slow: int = 0
    """Requests that took more than 1.5 times the 95th percentile of their step when quiet, and noticeably longer."""
    slower: bool = False
    """Whether requests are significantly, and noticeably, more than 1.5 times as slow."""
    why_not: str = ""
    """The reason why a ratio above 1.5 is not a leak; empty otherwise."""

    @property
    def ratio(self) -> float:
        """The 95th percentile over that of the quiet window."""
        return self.p95 / self.quiet_p95 if self.quiet_p95 > 0 else math.nan


def module_of(step: str) -> Module | None:
    """Return the module that serves a step; None for a step that is not one of Festgate's."""
    return next((module for module in MODULES if step in STEPS[module]), None)


def names_of(*windows: Samples) -> list[str]:
    """Return the steps that were requested in any window, those of lower modules first."""
    requested = {window.names[number] for window in windows for number in np.unique(window.name)}
    order = [step for module in MODULES for step in STEPS[module]]
    return sorted(requested, key=lambda step: (order.index(step) if step in order else len(order), step))


def overlapping(samples: Samples, begin: float, end: float) -> Samples:
    """Return the requests that were in progress at any moment from `begin` to `end`."""
    return samples.only((samples.start + samples.latency >= begin) & (samples.intended < end))


def only_of(samples: Samples, names: Iterable[str]) -> Samples:
    """Return the requests of these steps."""
    numbers = [samples.names.index(name) for name in names if name in samples.names]
    return samples.only(np.isin(samples.name, numbers))


def unavailable(samples: Samples) -> Flags:
    """Return which requests got the response "come back later"."""
    return np.asarray(samples.failed & (samples.status == UNAVAILABLE))


def cut_off(samples: Samples) -> Flags:
    """Return which requests got no response."""
    return np.asarray(samples.failed & (samples.status == 0))


def unfinished(samples: Samples) -> Flags:
    """Return which requests got a page that showed unfinished work."""
    return np.asarray(
        samples.failed & (samples.status >= HTTPStatus.OK) & (samples.status < HTTPStatus.BAD_REQUEST)
    )


def step_impact(name: str, drill: Drill, during: Samples, steady: Samples) -> StepImpact:
    """Return one step's figures `during` the drill and in the `steady` state."""
    step = during.of(name)
    refused, cut, incomplete = unavailable(step), cut_off(step), unfinished(step)
    return StepImpact(
        step=name,
        module=module_of(name),
        tolerated=drill.may_affect(name),
        requests=len(step),
        unavailable=int(refused.sum()),
        cut=int(cut.sum()),
        unfinished=int(incomplete.sum()),
        errors=int((step.failed & ~refused & ~cut & ~incomplete).sum()),
        quiet_p95=measure(P95, steady.of(name), 1.0),
        p95=measure(P95, step, 1.0),
    )


def others_of(during: Samples, steady: Samples, busy: float = 0.0) -> Others:
    """Return whether more requests than usual exceed 1.5 times the 95th percentile of their own step.

    Each step has its own limit, so the result does not depend on the mix of steps during the fault. One request in
    twenty is above any 95th percentile; the steps are slower if significantly more are. `busy` is the share of the
    machine that other programs used meanwhile: with half of a machine everything takes twice as long, so a slowdown of
    that size is not attributed to the fault.
    """
    p95, quiet_p95 = (measure(P95, window, 1.0) for window in (during, steady))
    count, quiet_count = len(during), len(steady)
    slow_count = int(slow(during, steady).sum())
    significant = _lower_bound(slow_count, count) > 1 - 0.95
    stretch = 1 / (1 - min(busy, MAX_BUSY))
    slower = significant and _lower_bound(int(slow(during, steady, stretch).sum()), count) > 1 - 0.95
    why_not = ""
    if count and min(count, quiet_count) < MIN_REQUESTS:
        why_not = f"{count} and {quiet_count} requests are too few to compare 95th percentiles"
    elif significant and not slower:
        why_not = f"other programs used {busy * 100:.0f} % of this machine, which explains the difference"
    elif p95 > MAX_SLOWER * quiet_p95 and not significant:
        if p95 - quiet_p95 < NOTICEABLE:
            difference = (p95 - quiet_p95) * 1000
            why_not = f"{difference:.0f} ms more is below the {NOTICEABLE * 1000:.0f} ms that people notice"
        else:
            why_not = (
                f"{slow_count} of {count} requests were noticeably slower than usual,"
                " and about one in twenty always is"
            )
    return Others(count, quiet_count, p95, quiet_p95, slow_count, slower and not why_not, why_not)


def slow(samples: Samples, steady: Samples, stretch: float = 1.0) -> Flags:
    """Return which requests are noticeably beyond 1.5 times (and `stretch` times that) their step's quiet p95."""
    limits = np.full(len(samples.names), _limit(measure(P95, steady, 1.0)))
    for number, name in enumerate(samples.names):
        usual = steady.of(name)
        if len(usual):
            limits[number] = _limit(measure(P95, usual, 1.0))
    return np.asarray(samples.response > stretch * limits[samples.name])


def _limit(usual: float) -> float:
    return max(MAX_SLOWER * usual, usual + NOTICEABLE) if math.isfinite(usual) else math.inf


def _lower_bound(times: int, count: int) -> float:
    """Return the lower end of Wilson's 95 % interval of a share (Wilson, *JASA*, 1927)."""
    if not count:
        return 0.0
    share, spread = times / count, Z_95**2 / count
    middle = share + spread / 2
    return (middle - Z_95 * math.sqrt(share * (1 - share) / count + spread / (4 * count))) / (1 + spread)


def cells(samples: Samples, steady: Samples, begin: float, end: float) -> dict[str, tuple[State, ...]]:
    """Return for each step its state in each half second from `begin` to `end`, which are seconds of the run."""
    count = max(1, math.ceil((end - begin) / BIN))
    states: dict[str, tuple[State, ...]] = {}
    window = overlapping(samples, begin, end)
    for name in names_of(window):
        step = window.of(name)
        limit = _limit(measure(P95, steady.of(name), 1.0))
        cell = np.floor((np.minimum(step.start + step.latency, end) - begin) / BIN).astype(np.int64)
        states[name] = tuple(_state(step.only(cell == number), limit) for number in range(count))
    return states


def _state(samples: Samples, limit: float) -> State:
    if not len(samples):
        return "idle"
    refused = unavailable(samples) | unfinished(samples)
    if (samples.failed & ~refused).any():
        return "error"
    if refused.any():
        return "unavailable"
    return "slow" if float(np.median(samples.response)) > limit else "served"


def worst(states: Sequence[State]) -> State:
    """Return the worst of several states."""
    order: tuple[State, ...] = ("error", "unavailable", "slow", "served", "idle")
    return next(state for state in order if state in states) if states else "idle"
