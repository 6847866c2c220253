"""Compare the processor time of requests to both apps, in turn.

Processor time includes work inside one call of C, and work beyond the limit of the count. A process that waits for the
processor uses none. But on two busy hardware threads of one core the same code took 125 to 220 ms, and the ratio of two
samples taken in turn was between 0.6 and 1.5. So only a clear difference counts: the medians differ by a third or more,
and all samples of one app but one are below all samples of the other but one. If the medians differ and the difference
is not clear, two more rounds of samples are taken. If every sample of one app is below a quarter of every sample of the
other, three of each are enough: a loop that is gone makes a page a hundred times as fast.
"""

import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal

from festgate.lab.verify.behaviour import Program, ReportStep
from festgate.lab.verify.inputs import Requests, RequestStep
from festgate.lab.verify.requests import send_request
from festgate.lab.verify.sandbox import AppFailed, SandboxedApp

SAMPLES: Final = 7
"""Samples of each app in one round. One in seven may be an outlier, at each end."""
FIRST_SAMPLES: Final = 3
"""Samples of each app after which an obvious difference ends the first round."""
OBVIOUS_RATIO: Final = 0.25
"""Ratio of the highest sample of one app to the lowest of the other below which their difference is obvious."""
ROUNDS: Final = 3
EQUAL_RATIO: Final = 0.85
"""Ratio of the medians. Between it and its inverse the apps need about the same, and no further round is taken."""
MIN_SAMPLE_SECONDS: Final = 0.03
"""Minimum seconds of processor time in one sample of the slower app, which decides the number of requests."""
MAX_REQUESTS: Final = 20
"""Maximum number of requests in one sample."""
CLEAR_RATIO: Final = 0.67
"""Ratio of the medians up to which the second app counts as needing less; from its inverse on, as needing more."""
MAX_IDLE_SECONDS: Final = 0.001
"""Seconds of processor time that an idle app may use between two checks."""
IDLE_POLL: Final = 0.02
IDLE_POLLS: Final = 2
"""Consecutive checks of an idle app: on a busy machine a thread may wait for its turn."""
IDLE_TIMEOUT: Final = 3.0
ProcessorChange = Literal["less", "same", "more"]


@dataclass(frozen=True, slots=True)
class ProcessorTime:
    """The processor time of one request to both apps, in milliseconds."""

    before_samples: Sequence[float]
    after_samples: Sequence[float]

    @property
    def before(self) -> float:
        """Return the median of the starter."""
        return median(self.before_samples)

    @property
    def after(self) -> float:
        """Return the median of the submission."""
        return median(self.after_samples)

    @property
    def share(self) -> float:
        """Return the change as a share: -0.8 is 80 % less."""
        return self.after / max(self.before, 1e-6) - 1

    @property
    def is_obvious(self) -> bool:
        """True if all samples of one app are far below all samples of the other."""
        sides = sorted((self.before_samples, self.after_samples), key=max)
        return max(sides[0]) < OBVIOUS_RATIO * min(sides[1])

    @property
    def is_settled(self) -> bool:
        """True if more samples would hardly change the result: the difference is clear, or there is none."""
        return self.change != "same" or EQUAL_RATIO * self.before <= self.after <= self.before / EQUAL_RATIO

    @property
    def change(self) -> ProcessorChange:
        """Return whether the submission clearly needs less or more."""
        (before_low, before_high), (after_low, after_high) = map(
            _bulk, (self.before_samples, self.after_samples)
        )
        if self.after <= CLEAR_RATIO * self.before and after_high < before_low:
            return "less"
        return "more" if CLEAR_RATIO * self.after >= self.before and before_high < after_low else "same"


def compare_processor_time(
    before: Program,
    after: Program,
    routes: Sequence[str],
    seed: int,
    report: ReportStep = lambda _: None,
) -> dict[str, ProcessorTime]:
    """Measure routes (`events`) in both apps, for people drawn from the seed. Raises AppFailed."""
    rng = random.Random(seed)  # noqa: S311  (has to repeat)
    people = [f"visitor{rng.randrange(10**5, 10**6)}" for _ in range(MAX_REQUESTS)]
    times = {}
    with before.served() as (first, _), after.served() as (second, _):
        for name in routes:
            report(before.starter.paths[name])
            steps = [
                Requests(before.starter).get(name, "" if name == "checkout" else person) for person in people
            ]
            # The first requests compile the template.
            for app in (first, second):
                _seconds(app, steps[:1])
            longest = max(_seconds(app, steps[:1]) for app in (first, second))
            requests = min(MAX_REQUESTS, math.ceil(MIN_SAMPLE_SECONDS / max(longest, 1e-6)))
            samples: list[tuple[float, float]] = []
            for number in range(1, ROUNDS * SAMPLES + 1):
                samples.append((_seconds(first, steps[:requests]), _seconds(second, steps[:requests])))
                sides = [[1000 * sample / requests for sample in side] for side in zip(*samples, strict=True)]
                times[name] = ProcessorTime(*sides)
                if number == FIRST_SAMPLES and times[name].is_obvious:
                    break
                if number % SAMPLES == 0 and times[name].is_settled:
                    break
    return times


def _bulk(samples: Sequence[float]) -> tuple[float, float]:
    """Return the lowest and the highest sample, each without the outliers."""
    ordered, outliers = sorted(samples), len(samples) // SAMPLES
    return ordered[outliers], ordered[-1 - outliers]


def _seconds(app: SandboxedApp, steps: Sequence[RequestStep]) -> float:
    """Return the processor time of requests, and of what the app does afterwards."""
    begin = app.processor_time()
    for step in steps:
        response = send_request(app, step)
        if response.status == 0:
            msg = f"While its processor time was measured, {step.description} got {response.problem.removesuffix('.')}."
            raise AppFailed(msg)
    until = time.monotonic() + IDLE_TIMEOUT
    end, idle = app.processor_time(), 0
    while idle < IDLE_POLLS and time.monotonic() < until:
        time.sleep(IDLE_POLL)
        latest, end = end, app.processor_time()
        idle = idle + 1 if end - latest <= MAX_IDLE_SECONDS else 0
    return end - begin
