"""How many people an hour it holds: the largest rate of an open loop at which every limit holds.

First the rate is doubled until a limit breaks, or halved until none does. Then rates between the one that held and
the one that did not are played in random order, each several times, so that what drifts does not look like an effect of
the rate. Gunther's Universal Scalability Law, fitted to the rate and the people on their way (Little's law), says where
it would end, if it fits.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from festgate.rehearsal.runner.builds import Candidate
from festgate.rehearsal.runner.run import Second, rehearse
from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats.limits import MAX_CPU
from festgate.rehearsal.stats.metrics import Threshold, measure
from festgate.rehearsal.stats.processor_time import processor_time
from festgate.rehearsal.stats.usl import DoesNotFit, Scalability, fit_usl

KEPT_UP: Final = 0.95
"""Of its rate a run must have begun, or what it measured was less than it says."""
MAX_DOUBLINGS: Final = 12
"""And halvings: four thousand times as many, or as few."""


@dataclass(frozen=True)
class Step:
    """One rate, played once."""

    rate: float
    """Journeys a second that were to begin."""
    run: Run
    requests: float
    """A second, answered."""
    people: float
    """On their way at the same time, on average (Little's law)."""
    values: tuple[float, ...]
    """Of each limit's metric."""
    holds: bool
    generator_busy: bool


@dataclass(frozen=True)
class Capacity:
    """What was found."""

    limits: tuple[Threshold, ...]
    steps: tuple[Step, ...]
    """In the order in which they were played."""
    most: float | None
    """Journeys a second: the largest rate of which every play held, with none below it that broke; None where no rate
    held."""
    breaks_at: float | None
    """The smallest rate above it that broke; None where the generator ended the search."""
    law: Scalability | None
    law_refused: str
    """Why there is no law."""


def find_capacity(
    plan: Plan,
    target: Candidate,
    limits: Sequence[Threshold],
    runs: Path,
    *,
    begin: float,
    rates: int = 4,
    repeats: int = 2,
    tell: Callable[[float, int, Second], None] = lambda _rate, _number, _second: None,
) -> Capacity:
    """Search from `begin` journeys a second, up or down. Raises what `rehearse` does.

    KeyboardInterrupt when a run is cut off.
    """
    steps: list[Step] = []

    def play(rate: float) -> Step:
        with target.serve() as server:
            run = rehearse(
                replace(
                    plan,
                    host=server.url if server is not None else target.host,
                    load=Rate(rate),
                    label=f"{plan.label or 'capacity'}-{rate:g}",
                ),
                runs,
                tell=lambda second: tell(rate, len(steps), second),
                server=server,
            )
        if run.state == "cut":
            raise KeyboardInterrupt
        step = _step(run, rate, limits)
        steps.append(step)
        return step

    step = play(begin)
    factor = 2.0 if step.holds else 0.5
    first = step.holds
    for _ in range(MAX_DOUBLINGS):
        if step.holds is not first or step.generator_busy:
            break
        step = play(step.rate * factor)
    if step.holds is not first:
        low, high = sorted((steps[-2].rate, steps[-1].rate))
        between = np.geomspace(low, high, rates + 2)[1:-1]
        order = [float(f"{each:.3g}") for each in between] * repeats + [low] * (repeats - 1)
        random.Random(plan.seed).shuffle(order)  # noqa: S311  (to be repeated)
        for each in order:
            play(each)
    return _found(tuple(limits), steps)


def _step(run: Run, rate: float, limits: Sequence[Threshold]) -> Step:
    begin, seconds = run.plan.warm_up, run.plan.duration
    whole = run.samples()
    samples = whole.between(begin, begin + seconds)
    used = run.resources()
    processor = processor_time(used, whole, begin, begin + seconds)
    values = tuple(measure(limit.metric, samples, seconds, processor) for limit in limits)
    arrived = len(samples) / seconds
    busy = [each.cpu for each in used if each.side == "generator" and each.at > run.plan.warm_up]
    # Who was never sent waited longer than any limit allows.
    held = run.dropped <= (1 - KEPT_UP) * rate * seconds
    return Step(
        rate=rate,
        run=run,
        requests=arrived,
        people=arrived * float(samples.response.mean()) if len(samples) else 0.0,
        values=values,
        holds=held
        and bool(len(samples))
        and all(limit.holds(value) for limit, value in zip(limits, values, strict=True)),
        generator_busy=bool(busy) and float(np.median(busy)) > MAX_CPU * run.plan.workers,
    )


def _found(limits: tuple[Threshold, ...], steps: list[Step]) -> Capacity:
    held = {step.rate for step in steps if step.holds}
    broke = {step.rate for step in steps if not step.holds}
    surely = sorted(rate for rate in held - broke if all(rate < other for other in broke))
    most = surely[-1] if surely else None
    above = [rate for rate in broke if most is None or rate > most]
    law, refused = None, ""
    fitted = [step for step in steps if step.people > 0]
    try:
        law = fit_usl([step.people for step in fitted], [step.requests for step in fitted])
    except DoesNotFit as error:
        refused = str(error)
    return Capacity(limits, tuple(steps), most, min(above) if above else None, law, refused)
