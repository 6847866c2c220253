"""The capacity of a target: the largest rate of an open loop at which every limit holds.

First the rate is doubled until a limit breaks, or halved until none does. Then rates between the last that held and the
first that did not are run in random order, each several times, so that drift does not look like an effect of the rate.
If Gunther's Universal Scalability Law fits the rate and the number of people in the system (Little's law), it gives an
estimate of the maximum.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from festgate.rehearsal.runner.builds import Build
from festgate.rehearsal.runner.run import Second, rehearse
from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats.limits import MAX_CPU
from festgate.rehearsal.stats.metrics import Threshold
from festgate.rehearsal.stats.processor_time import busiest_tenth
from festgate.rehearsal.stats.summary import summarize
from festgate.rehearsal.stats.usl import DoesNotFit, Scalability, fit_usl
from festgate.rehearsal.verdict.outcome import outcome_of

MAX_DOUBLINGS: Final = 12
"""The limit applies to halvings, too: a factor of four thousand."""


@dataclass(frozen=True)
class CapacityStep:
    """One run at one rate."""

    rate: float
    """Journeys a second that were due to begin."""
    run: Run
    requests: float
    """Answered requests a second."""
    people: float
    """People in the system at the same time, on average (Little's law)."""
    values: tuple[float, ...]
    """The value of each limit's metric."""
    holds: bool
    generator_busy: bool


@dataclass(frozen=True)
class Capacity:
    """The result of a search."""

    limits: tuple[Threshold, ...]
    steps: tuple[CapacityStep, ...]
    """In the order of their runs."""
    max_rate: float | None
    """Journeys a second: the largest rate up to which every run held the limits; None if no rate held."""
    breaks_at: float | None
    """The smallest rate above it that broke a limit; None if a saturated load generator ended the search."""
    law: Scalability | None
    law_refused: str
    """The reason why no law was fitted."""


def find_capacity(
    plan: Plan,
    target: Build,
    limits: Sequence[Threshold],
    runs: Path,
    *,
    begin: float,
    rates: int = 4,
    repeats: int = 2,
    on_second: Callable[[float, int, Second], None] = lambda _rate, _number, _second: None,
) -> Capacity:
    """Search from `begin` journeys a second, up or down. Raises what `rehearse` raises.

    Raises KeyboardInterrupt when a run is cut short.
    """
    steps: list[CapacityStep] = []

    def run_step(rate: float) -> CapacityStep:
        with target.serve() as server:
            run = rehearse(
                replace(
                    plan,
                    host=server.url if server is not None else target.host,
                    load=Rate(rate),
                    label=f"{plan.label or 'capacity'}-{rate:g}",
                    fail_if=tuple(limit.text for limit in limits),
                ),
                runs,
                on_second=lambda second: on_second(rate, len(steps), second),
                server=server,
            )
        if run.state == "cut":
            raise KeyboardInterrupt
        step = _measure_step(run, rate)
        steps.append(step)
        return step

    step = run_step(begin)
    factor = 2.0 if step.holds else 0.5
    first = step.holds
    for _ in range(MAX_DOUBLINGS):
        if step.holds is not first or step.generator_busy:
            break
        step = run_step(step.rate * factor)
    if step.holds is not first:
        low, high = sorted((steps[-2].rate, steps[-1].rate))
        between = np.geomspace(low, high, rates + 2)[1:-1]
        order = [float(f"{rate:.3g}") for rate in between] * repeats + [low] * (repeats - 1)
        random.Random(plan.seed).shuffle(order)  # noqa: S311  (to be repeated)
        for rate in order:
            run_step(rate)
    return _summarise(tuple(limits), steps)


def _measure_step(run: Run, rate: float) -> CapacityStep:
    summary = summarize(run)
    total = summary.all
    busy = [
        second for second in run.resources() if second.side == "generator" and second.at > run.plan.warm_up
    ]
    return CapacityStep(
        rate=rate,
        run=run,
        requests=total.rate,
        people=total.rate * total.mean if total.requests else 0.0,
        values=tuple(limit.value for limit in summary.limits),
        holds=outcome_of(summary).result == "held",
        generator_busy=busiest_tenth(busy) > MAX_CPU * run.plan.workers,
    )


def _summarise(limits: tuple[Threshold, ...], steps: list[CapacityStep]) -> Capacity:
    held = {step.rate for step in steps if step.holds}
    broke = {step.rate for step in steps if not step.holds}
    certain = sorted(rate for rate in held - broke if all(rate < other for other in broke))
    max_rate = certain[-1] if certain else None
    above = [rate for rate in broke if max_rate is None or rate > max_rate]
    law, refused = None, ""
    fitted = [step for step in steps if step.people > 0]
    try:
        law = fit_usl([step.people for step in fitted], [step.requests for step in fitted])
    except DoesNotFit as error:
        refused = str(error)
    return Capacity(limits, tuple(steps), max_rate, min(above) if above else None, law, refused)
