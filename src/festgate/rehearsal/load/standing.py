"""How a run stands, as the processes that send tell it once a second."""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MAX_TOLD: Final = 1_000
"""Responses of one second that a process tells; of more, evenly spaced ones of their order."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one process, at one second."""

    second: float
    """Since the run began."""
    requests: int
    failures: int
    users: int
    waiting: int
    """Arrivals that no user has taken yet."""
    recent: list[float]
    """Responses since the second before, in seconds, sorted."""


def thinned(recent: Iterable[float]) -> list[float]:
    """Sorted, and no more than are told; their quantiles are those of all."""
    ordered = sorted(recent)
    return ordered[:: len(ordered) // MAX_TOLD + 1]


def together(standings: Iterable[Standing]) -> dict[str, object]:
    """What processes tell of the same second, as one: the fields of `rehearse.Second`."""
    told = list(standings)
    recent = sorted(each for standing in told for each in standing.recent)
    return {
        "second": told[0].second,
        "requests": sum(each.requests for each in told),
        "failures": sum(each.failures for each in told),
        "users": sum(each.users for each in told),
        "waiting": sum(each.waiting for each in told),
        "p50": recent[len(recent) // 2] if recent else None,
        "p95": recent[len(recent) * 95 // 100] if recent else None,
        "worst": recent[-1] if recent else None,
    }


def tell(**fields: object) -> None:
    """A line of JSON for the process that started this one. `sys.stdout` itself is the journey's, to print to."""
    output = sys.__stdout__
    if output is not None:
        output.write(json.dumps(fields) + "\n")
        output.flush()
