"""Who was harmed by a fault: counts and latencies of each step, beside the quiet window of the same recording."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Literal

import numpy as np

from festgate.drills.monitor import RESTING
from festgate.drills.plan import MODULES, STEPS, Drill, Module
from festgate.rehearsal.runs.samples import Flags, Samples
from festgate.rehearsal.stats.metrics import Metric, measure

MAX_SLOWER: Final = 1.5
"""Of the 95th percentile beside the quiet window."""
NOTICED: Final = 0.1
"""Seconds more, below which nobody notices (Miller, *Response time in man-computer conversations*, 1968)."""
SURE: Final = 1.96
"""Standard errors on each side of a 95 % interval."""
MAX_BUSY: Final = 0.75
"""Share of the machine that other programs had: above it no more is laid to their account."""
MIN_REQUESTS: Final = 20
"""Requests in each window for a 95th percentile to be spoken of at all."""
BIN: Final = 0.5
"""Seconds of one cell of the picture."""
P95: Final = Metric("p95", "quantile", 0.95)
State = Literal["well", "slow", "resting", "error", "quiet"]
"""Of a step in half a second: served; served slowly; told to come back later; failed in another way; not asked."""


@dataclass(frozen=True, slots=True)
class StepHarm:
    """What became of one step's requests, from the fault to the recovery."""

    step: str
    module: Module | None
    """Whose it is; None for a step of a stranger's journey."""
    tolerated: bool
    """The drill says that it may be harmed."""
    requests: int
    resting: int
    """Told to come back later (503)."""
    cut: int
    """No answer: the worker that had it was struck."""
    unfinished: int
    """Answered with a page on which something was not done yet: a receipt without its payment or its ticket."""
    errors: int
    """Failed in any other way."""
    quiet_p95: float
    """Seconds; not a number where there were no requests. Likewise the next."""
    p95: float

    @property
    def ratio(self) -> float:
        """Of both 95th percentiles."""
        return self.p95 / self.quiet_p95 if self.quiet_p95 > 0 else math.nan


@dataclass(frozen=True, slots=True)
class Others:
    """All steps that may not be harmed, together: how long people waited there."""

    requests: int
    quiet_requests: int
    p95: float
    quiet_p95: float
    slow: int
    """Requests that took more than 1.5 times what their step's slowest twentieth usually takes, and noticeably."""
    slower: bool
    """Surely more than 1.5 times as long, and so much that people notice."""
    why_not: str
    """Where it is more than 1.5 times, why that is no leak; empty otherwise."""

    @property
    def ratio(self) -> float:
        """Of both 95th percentiles."""
        return self.p95 / self.quiet_p95 if self.quiet_p95 > 0 else math.nan


def module_of(step: str) -> Module | None:
    """Which module answers a step; None for one that is none of Festgate's."""
    return next((module for module in MODULES if step in STEPS[module]), None)


def names_of(*windows: Samples) -> list[str]:
    """The steps that were asked for in any of them, those of lower modules first."""
    asked = {window.names[number] for window in windows for number in np.unique(window.name)}
    order = [step for module in MODULES for step in STEPS[module]]
    return sorted(asked, key=lambda step: (order.index(step) if step in order else len(order), step))


def overlapping(samples: Samples, begin: float, end: float) -> Samples:
    """Requests that were on their way at any moment from `begin` to `end`."""
    return samples.only((samples.start + samples.latency >= begin) & (samples.intended < end))


def only_of(samples: Samples, names: Iterable[str]) -> Samples:
    """The requests of these steps."""
    numbers = [samples.names.index(name) for name in names if name in samples.names]
    return samples.only(np.isin(samples.name, numbers))


def put_off(samples: Samples) -> Flags:
    """Those that were told to come back later."""
    return np.asarray(samples.failed & (samples.status == RESTING))


def cut_off(samples: Samples) -> Flags:
    """Those that got no answer."""
    return np.asarray(samples.failed & (samples.status == 0))


def unfinished(samples: Samples) -> Flags:
    """Those that were answered as usual, without what the person had come for."""
    return np.asarray(
        samples.failed & (samples.status >= HTTPStatus.OK) & (samples.status < HTTPStatus.BAD_REQUEST)
    )


def step_harm(name: str, drill: Drill, during: Samples, steady: Samples) -> StepHarm:
    """One step's figures: `during` the drill and in the `steady` state."""
    mine = during.of(name)
    later, cut, undone = put_off(mine), cut_off(mine), unfinished(mine)
    return StepHarm(
        step=name,
        module=module_of(name),
        tolerated=drill.may_harm(name),
        requests=len(mine),
        resting=int(later.sum()),
        cut=int(cut.sum()),
        unfinished=int(undone.sum()),
        errors=int((mine.failed & ~later & ~cut & ~undone).sum()),
        quiet_p95=measure(P95, steady.of(name), 1.0),
        p95=measure(P95, mine, 1.0),
    )


def others_of(during: Samples, steady: Samples, busy: float = 0.0) -> Others:
    """Whether 1.5 times the 95th percentile is exceeded, each request measured by its own step's.

    Each step has its own limit, so that it does not matter which steps people came to ask for while the fault was
    there. One request in twenty is beyond any 95th percentile; more are slower, where chance does not do as much.
    `busy`: share of the machine that other programs had meanwhile. Who has half of a machine takes twice as long, and
    so much is not laid to the fault's account.
    """
    p95, quiet_p95 = (measure(P95, window, 1.0) for window in (during, steady))
    count, usual = len(during), len(steady)
    many = int(slow(during, steady).sum())
    surely = _least_share(many, count) > 1 - 0.95
    stretch = 1 / (1 - min(busy, MAX_BUSY))
    slower = surely and _least_share(int(slow(during, steady, stretch).sum()), count) > 1 - 0.95
    why_not = ""
    if count and min(count, usual) < MIN_REQUESTS:
        why_not = f"{count} requests beside {usual} are too few for a 95th percentile"
    elif surely and not slower:
        why_not = f"other programs had {busy * 100:.0f} % of this machine, which explains as much"
    elif p95 > MAX_SLOWER * quiet_p95 and not surely:
        if p95 - quiet_p95 < NOTICED:
            why_not = (
                f"it is {(p95 - quiet_p95) * 1000:.0f} ms more, and below {NOTICED * 1000:.0f} nobody notices"
            )
        else:
            why_not = (
                f"{many} of {count} requests took noticeably longer than their page usually does, and by chance alone"
                " about one in twenty does"
            )
    return Others(count, usual, p95, quiet_p95, many, slower and not why_not, why_not)


def slow(some: Samples, steady: Samples, stretch: float = 1.0) -> Flags:
    """Those beyond 1.5 times (and `stretch` times that) the 95th percentile of their step when quiet, noticeably."""
    limits = np.full(len(some.names), _limit(measure(P95, steady, 1.0)))
    for number, name in enumerate(some.names):
        usual = steady.of(name)
        if len(usual):
            limits[number] = _limit(measure(P95, usual, 1.0))
    return np.asarray(some.response > stretch * limits[some.name])


def _limit(usual: float) -> float:
    return max(MAX_SLOWER * usual, usual + NOTICED) if math.isfinite(usual) else math.inf


def _least_share(times: int, count: int) -> float:
    """The lower end of Wilson's 95 % interval of a share (Wilson, *JASA*, 1927)."""
    if not count:
        return 0.0
    share, spread = times / count, SURE**2 / count
    middle = share + spread / 2
    return (middle - SURE * math.sqrt(share * (1 - share) / count + spread / (4 * count))) / (1 + spread)


def cells(every: Samples, steady: Samples, begin: float, end: float) -> dict[str, tuple[State, ...]]:
    """For each step the state of each half second from `begin` to `end`, seconds of the run."""
    count = max(1, math.ceil((end - begin) / BIN))
    found: dict[str, tuple[State, ...]] = {}
    window = overlapping(every, begin, end)
    for name in names_of(window):
        mine = window.of(name)
        limit = _limit(measure(P95, steady.of(name), 1.0))
        place = np.floor((np.minimum(mine.start + mine.latency, end) - begin) / BIN).astype(np.int64)
        found[name] = tuple(_state(mine.only(place == number), limit) for number in range(count))
    return found


def _state(some: Samples, limit: float) -> State:
    if not len(some):
        return "quiet"
    later = put_off(some) | unfinished(some)
    if (some.failed & ~later).any():
        return "error"
    if later.any():
        return "resting"
    return "slow" if float(np.median(some.response)) > limit else "well"


def worst(states: Sequence[State]) -> State:
    """The one that counts of several."""
    order: tuple[State, ...] = ("error", "resting", "slow", "well", "quiet")
    return next(state for state in order if state in states) if states else "quiet"
