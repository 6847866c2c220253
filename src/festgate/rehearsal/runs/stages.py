"""Stages of a load that changes over time: straight lines from one number of users, or of arrivals, to the next."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: the load changes linearly from that of the stage before, at first 0, to `to`."""

    seconds: float
    to: float
    """Users, or journeys a second."""


@dataclass(frozen=True, slots=True)
class Slope:
    """A stage with its place in the run."""

    begin: float
    end: float
    """Seconds since the run began."""
    first: float
    last: float
    """Users, or journeys a second, at these two moments."""

    def level(self, at: float) -> float:
        """Return the load at a moment of this stage."""
        return self.first + (self.last - self.first) * (at - self.begin) / (self.end - self.begin)

    def total(self, at: float) -> float:
        """Return the load that was due from the start of this stage to a moment of it: user seconds, or journeys."""
        return (self.first + self.level(at)) / 2 * (at - self.begin)


def slopes(stages: Sequence[Stage]) -> Iterator[Slope]:
    """Return each stage with its place in the run; a stage of no length is a step."""
    at = load = 0.0
    for stage in stages:
        yield Slope(at, at + stage.seconds, load, stage.to)
        at, load = at + stage.seconds, stage.to


def seconds_of(stages: Sequence[Stage]) -> float:
    """Return the length of all stages."""
    return sum(stage.seconds for stage in stages)


def level(stages: Sequence[Stage], at: float) -> float:
    """Return the load at a moment of the run; after the last stage, its last value."""
    last = 0.0
    for slope in slopes(stages):
        if at < slope.end:
            return slope.level(at)
        last = slope.last
    return last


def highest(stages: Sequence[Stage], begin: float, end: float) -> float:
    """Return the highest load between two moments of the run."""
    edges = (slope.last for slope in slopes(stages) if begin <= slope.end <= end)
    return max(level(stages, begin), level(stages, end), *edges)


def total(stages: Sequence[Stage], at: float) -> float:
    """Return the load that was due from the start of the run to a moment of it: user seconds, or journeys."""
    return sum(
        slope.total(min(at, slope.end)) for slope in slopes(stages) if slope.begin < min(at, slope.end)
    )


def moment(stages: Sequence[Stage], journeys: float) -> float:
    """Return the moment by which that many journeys were due; infinity if there are fewer."""
    left = journeys
    for slope in slopes(stages):
        if slope.begin == slope.end:
            continue
        due = slope.total(slope.end)
        if left < due:
            rise = (slope.last - slope.first) / (slope.end - slope.begin)
            # The root of a quadratic equation, in a form that also works for a constant load.
            return slope.begin + 2 * left / (slope.first + math.sqrt(slope.first**2 + 2 * rise * left))
        left -= due
    return math.inf
