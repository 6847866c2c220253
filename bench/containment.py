"""The cost of containment: the portal with bulkheads compared with the portal without, by `festgate ab`."""

import asyncio
import json
import shlex
import shutil
import statistics
import subprocess
import sys
import timeit
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from bench.crowd import prepare
from bench.figures import Figure, Target
from bench.measure import ShowStep
from bench.processes import TIMEOUT, BenchError, clean_environment
from bench.site import ROOT, Site
from festgate.kit.resilience import faults
from festgate.rehearsal.runs.store import Run, read_run
from festgate.rehearsal.stats.processor_time import processor_time
from festgate.rehearsal.verdict.comparison import INCONCLUSIVE, NO_REGRESSION, REGRESSION

GUESTS: Final = 16
"""People who send requests without a pause."""
MARGIN: Final = 0.03
"""The share of the throughput of /events that containment may cost."""
JOURNEY: Final = ROOT / "bench" / "guests.py"
CHECKS: Final = 1_000_000
"""Checks of a fault point that is not armed."""


@dataclass(frozen=True)
class Lengths:
    """The number of pairs, and their length in seconds."""

    pairs: int
    warm_up: int
    duration: int

    @property
    def patience(self) -> float:
        """Seconds after which the command counts as hung."""
        return TIMEOUT + self.pairs * (self.warm_up + self.duration + TIMEOUT)


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
        comparison = self._compare(site, tokens)
        runs = site.folder / "runs"
        before, after = (
            [_cost(read_run(runs / name)) for name in comparison[side]] for side in ("before", "after")
        )
        primary = comparison["primary"]
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

    def _compare(self, site: Site, tokens: Path) -> dict[str, Any]:
        """Return the JSON report of `festgate ab`."""
        lengths = self.lengths
        words = [sys.executable, "-m", "festgate", "ab", str(JOURNEY), "--runs", "runs", "--format", "json"]
        words += ["--at-once"]
        words += ["--before", _command(site, "before", "off"), "--after", _command(site, "after", "on")]
        words += ["--metric", "cpu", "--margin", f"{MARGIN:.0%}", "--pairs", str(lengths.pairs)]
        words += [
            "--users",
            str(GUESTS),
            "--warm-up",
            f"{lengths.warm_up}s",
            "--duration",
            f"{lengths.duration}s",
        ]
        done = subprocess.run(
            words,
            # Ignore a festgate.toml in the folder in which the benchmark was started.
            cwd=site.folder,
            env=clean_environment({"BENCH_TOKENS": str(tokens)}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=lengths.patience,
            check=False,
        )
        if done.returncode not in (NO_REGRESSION, REGRESSION, INCONCLUSIVE):
            msg = f"`festgate ab` ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            raise BenchError(msg)
        report: dict[str, Any] = json.loads(done.stdout)
        return report


def _command(site: Site, side: Literal["before", "after"], bulkheads: Literal["on", "off"]) -> str:
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
    return shlex.join(["env", *variables, sys.executable, "-m", "festgate", "serve", "--port", "{port}"])


def _cost(run: Run) -> float:
    begin = run.plan.warm_up
    return processor_time(run.resources(), run.samples(), begin, begin + run.plan.duration)


def _check_nanoseconds() -> float:
    """Return the time of one check of a fault point that is not armed: the median of five times a million."""
    seconds = timeit.repeat("if faults.armed: pass", globals={"faults": faults}, number=CHECKS, repeat=5)
    return statistics.median(seconds) / CHECKS * 1e9
