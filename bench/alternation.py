"""Measuring two programs in alternation, so that whatever else the machine does meets both alike."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Side = Literal["portal", "bare"]


@dataclass(frozen=True)
class Spread:
    """The median of a figure's samples, and how far they lie apart."""

    median: float
    low: float
    high: float


def turns(pairs: int) -> Iterator[tuple[Side, Side]]:
    """Who is measured first in each pair: A B, B A, A B, ... so that a slow drift of the machine cancels out."""
    for pair in range(pairs):
        yield ("portal", "bare") if pair % 2 == 0 else ("bare", "portal")


def ratios(portal: Sequence[float], bare: Sequence[float]) -> list[float]:
    """Each pair's own ratio: two windows that lie next to each other in time are compared, never two means."""
    return [ours / theirs for ours, theirs in zip(portal, bare, strict=True)]


def spread(samples: Sequence[float]) -> Spread:
    """Of at least one sample."""
    return Spread(statistics.median(samples), min(samples), max(samples))
