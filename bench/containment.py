"""The cost of containment: the portal with its bulkheads beside the portal without them, by `festgate ab`."""

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
from bench.measure import ShowProgress
from bench.processes import PATIENCE, BenchError, clean_environment
from bench.site import ROOT, Site
from festgate.kit.resilience import faults
from festgate.rehearsal.runs.store import Run, read_run
from festgate.rehearsal.stats.processor_time import processor_time
from festgate.rehearsal.verdict.comparison import INCONCLUSIVE, NO_REGRESSION, REGRESSION

GUESTS: Final = 16
"""Users who send requests without a pause."""
MARGIN: Final = 0.03
"""Share of the throughput of /events that containment may cost."""
JOURNEY: Final = ROOT / "bench" / "guests.py"
CHECKS: Final = 1_000_000
"""Checks of a fault point that is not armed."""


@dataclass(frozen=True)
class Lengths:
    """Number of pairs and their durations, in seconds."""

    pairs: int
    warm_up: int
    duration: int

    @property
    def patience(self) -> float:
        """Seconds to wait for all pairs; more than they take."""
        return PATIENCE + self.pairs * (self.warm_up + self.duration + PATIENCE)


FULL = Lengths(pairs=24, warm_up=1, duration=5)
QUICK = Lengths(pairs=8, warm_up=1, duration=3)


@dataclass(frozen=True)
class Measure:
    """The measurement of containment, with its own temporary fest."""

    site: Site
    lengths: Lengths
    show_progress: ShowProgress

    def figure(self) -> Figure:
        """Return the processor time of /events with bulkheads, divided by that without. Raise BenchError."""
        site = Site(self.site.folder / "contained")
        site.folder.mkdir()
        self.show_progress("Preparing a fest for the bulkheads: 200 events and their visitors")
        fest = asyncio.run(prepare(site.settings, 0))
        tokens = site.write("tokens", fest.visitors)
        pairs = self.lengths.pairs
        self.show_progress(
            f"/events with bulkheads and without: festgate ab --at-once, {pairs} pairs of {self.lengths.duration} s"
        )
        comparison = self._compared(site, tokens)
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
            "ns of a fault point that is not armed": _point_nanoseconds(),
        }
        ratios = tuple(ours / theirs for ours, theirs in zip(after, before, strict=True))
        name = "processor time of /events with bulkheads, beside without"
        return Figure(name, "ratio", ratios, Target("at most", 1 / (1 - MARGIN)), notes)

    def _compared(self, site: Site, tokens: Path) -> dict[str, Any]:
        """Return the JSON output of `festgate ab`."""
        lengths = self.lengths
        words = [sys.executable, "-m", "festgate", "ab", str(JOURNEY), "--runs", "runs", "--format", "json"]
        words += ["--at-once"]
        words += ["--before", _served(site, "before", "off"), "--after", _served(site, "after", "on")]
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
            # Not the current folder: its festgate.toml must not configure this fest.
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
        comparison: dict[str, Any] = json.loads(done.stdout)
        return comparison


def _served(site: Site, side: Literal["before", "after"], bulkheads: Literal["on", "off"]) -> str:
    """Return the command that serves one side, over its own copy of the fest."""
    data = site.folder / side
    shutil.copytree(site.settings.data_dir, data)
    settings = {
        **site.environment,
        "FESTGATE_DATA_DIR": str(data),
        "FESTGATE_BULKHEADS": bulkheads,
        # The hash seed, by the layout of dictionaries, changes a figure by more than containment does.
        "PYTHONHASHSEED": "0",
    }
    set_so = (f"{name}={value}" for name, value in settings.items())
    return shlex.join(["env", *set_so, sys.executable, "-m", "festgate", "serve", "--port", "{port}"])


def _cost(run: Run) -> float:
    begin = run.plan.warm_up
    return processor_time(run.resources(), run.samples(), begin, begin + run.plan.duration)


def _point_nanoseconds() -> float:
    """Return the time of one check of a fault point that is not armed: the median of five times a million."""
    times = timeit.repeat("if faults.armed: pass", globals={"faults": faults}, number=CHECKS, repeat=5)
    return statistics.median(times) / CHECKS * 1e9
