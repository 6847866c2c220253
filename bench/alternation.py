"""Measurement of two programs in alternation, so that other load on the machine affects both alike."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Side = Literal["portal", "bare"]


@dataclass(frozen=True)
class Spread:
    """The median of a figure's samples, and the lowest and highest of them."""

    median: float
    low: float
    high: float


def turns(pairs: int) -> Iterator[tuple[Side, Side]]:
    """Yield the order of each pair: A B, B A, A B, ... so that a slow drift of the machine cancels out."""
    for pair in range(pairs):
        yield ("portal", "bare") if pair % 2 == 0 else ("bare", "portal")


def ratios(portal: Sequence[float], bare: Sequence[float]) -> list[float]:
    """Return the ratio of each pair: it compares two neighbouring windows, never two means."""
    return [ours / theirs for ours, theirs in zip(portal, bare, strict=True)]


def spread(samples: Sequence[float]) -> Spread:
    """Return the spread of one sample or more."""
    return Spread(statistics.median(samples), min(samples), max(samples))
