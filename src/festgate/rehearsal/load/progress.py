"""The progress of a run, which the load generator's processes report once a second."""

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TextIO

MAX_RESPONSES: Final = 1_000
"""Response times that a process reports for a second. If there are more, it reports evenly spaced ranks of them."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of one process at one second."""

    second: float
    """Since the run began."""
    requests: int
    failures: int
    users: int
    asked: int
    """Users that should be present: a shape changes the number during the run."""
    waiting: int
    """Arrivals that no user has taken yet."""
    due: int
    """Arrivals that were due so far."""
    begun: int
    """Arrivals that a user has begun to serve so far."""
    recent: list[float]
    """Response times since the second before, in seconds, sorted."""


def downsample(recent: Iterable[float]) -> list[float]:
    """Sort response times and keep at most `MAX_RESPONSES`, whose quantiles are those of all."""
    ordered = sorted(recent)
    return ordered[:: len(ordered) // MAX_RESPONSES + 1]


def combine(parts: Iterable[Progress]) -> dict[str, object]:
    """Combine the progress of all processes at one second into the fields of `rehearse.Second`."""
    processes = list(parts)
    recent = sorted(response for process in processes for response in process.recent)
    return {
        "second": processes[0].second,
        "requests": sum(process.requests for process in processes),
        "failures": sum(process.failures for process in processes),
        "users": sum(process.users for process in processes),
        "asked": sum(process.asked for process in processes),
        "waiting": sum(process.waiting for process in processes),
        "due": sum(process.due for process in processes),
        "begun": sum(process.begun for process in processes),
        "p50": recent[len(recent) // 2] if recent else None,
        "p95": recent[len(recent) * 95 // 100] if recent else None,
        "worst": recent[-1] if recent else None,
    }


class _Parent:
    output: TextIO | None = sys.__stdout__


def reserve_output() -> None:
    """Reserve standard output for `report`; a locustfile and the programs that it starts write to standard error."""
    _Parent.output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr


def report(**fields: object) -> None:
    """Write a line of JSON for the parent process."""
    output = _Parent.output
    if output is not None:
        output.write(json.dumps(fields) + "\n")
        output.flush()
