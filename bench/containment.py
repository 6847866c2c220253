"""The cost of containment: the portal with bulkheads compared with the portal without, by `festgate ab`."""

import asyncio
import shutil
import statistics
import sys
import timeit
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bench.comparison import Lengths, Sides, compare
from bench.crowd import prepare
from bench.figures import Figure, Target
from bench.measure import ShowStep
from bench.site import Site
from festgate.kit.resilience import faults
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats.processor_time import processor_time

MARGIN: Final = 0.03
"""The share of the throughput of /events that containment may cost."""
CHECKS: Final = 1_000_000
"""Checks of a fault point that is not armed."""


FULL = Lengths(pairs=24, warm_up=1, duration=5)
QUICK = Lengths(pairs=8, warm_up=1, duration=3)


@dataclass(frozen=True)
class Measure:
    """The measurement of containment, on a separate fest."""

    site: Site
    lengths: Lengths
    show: ShowStep

    def figure(self) -> Figure:
        """Return the ratio of the processor time of /events with bulkheads to that without. Raise BenchError."""
        site = Site(self.site.folder / "contained")
        site.folder.mkdir()
        self.show("Preparing a fest for the bulkheads: 200 events and their visitors")
        fest = asyncio.run(prepare(site.settings, 0))
        tokens = site.write("tokens", fest.visitors)
        pairs = self.lengths.pairs
        self.show(
            f"/events with bulkheads and without: festgate ab --at-once, {pairs} pairs of {self.lengths.duration} s"
        )
        sides = Sides(_command(site, "before", "off"), _command(site, "after", "on"))
        comparison = compare(
            site, tokens, sides, ["cpu"], self.lengths, "--margin", f"{MARGIN:.0%}", "--at-once"
        )
        before, after = ([_cost(run) for run in runs] for runs in (comparison.before, comparison.after))
        primary = comparison.report["primary"]
        notes = {
            "mean of the pairs": 1 + primary["change"],
            "its 95 % interval from": 1 + primary["low"],
            "to": 1 + primary["high"],
            "without, us a request": primary["before"] * 1e6,
            "with, us a request": primary["after"] * 1e6,
            "ns of a fault point that is not armed": _check_nanoseconds(),
        }
        ratios = tuple(
            with_bulkheads / without for with_bulkheads, without in zip(after, before, strict=True)
        )
        name = "processor time of /events with bulkheads, beside without"
        return Figure(name, "ratio", ratios, Target("at most", 1 / (1 - MARGIN)), notes)


def _command(site: Site, side: Literal["before", "after"], bulkheads: Literal["on", "off"]) -> Sequence[str]:
    """Return the command of one side, which serves its own copy of the fest."""
    data = site.folder / side
    shutil.copytree(site.settings.data_dir, data)
    settings = {
        **site.environment,
        "FESTGATE_DATA_DIR": str(data),
        "FESTGATE_BULKHEADS": bulkheads,
        # The order of a dictionary's entries changes a figure by more than the difference to detect.
        "PYTHONHASHSEED": "0",
    }
    variables = (f"{name}={value}" for name, value in settings.items())
    return ["env", *variables, sys.executable, "-m", "festgate", "serve", "--port", "{port}"]


def _cost(run: Run) -> float:
    begin = run.plan.warm_up
    return processor_time(run.resources(), run.samples(), begin, begin + run.plan.duration)


def _check_nanoseconds() -> float:
    """Return the time of one check of a fault point that is not armed: the median of five times a million."""
    seconds = timeit.repeat("if faults.armed: pass", globals={"faults": faults}, number=CHECKS, repeat=5)
    return statistics.median(seconds) / CHECKS * 1e9
