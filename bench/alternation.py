"""The alternation of two programs under test, so that other load on the machine affects both alike."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Side = Literal["portal", "bare"]


@dataclass(frozen=True)
class Spread:
    """The median, the lowest and the highest of a figure's samples."""

    median: float
    low: float
    high: float


def turns(pairs: int) -> Iterator[tuple[Side, Side]]:
    """Yield the order in each pair, A B, B A, A B, ..., so that a slow drift of the machine cancels out."""
    for pair in range(pairs):
        yield ("portal", "bare") if pair % 2 == 0 else ("bare", "portal")


def ratios(portal: Sequence[float], bare: Sequence[float]) -> list[float]:
    """Return each pair's ratio: of two windows that are adjacent in time, never of two means."""
    return [first / second for first, second in zip(portal, bare, strict=True)]


def spread(samples: Sequence[float]) -> Spread:
    """Return the spread of at least one sample."""
    return Spread(statistics.median(samples), min(samples), max(samples))
