"""The cost of the rehearsal itself: recording every request, and comparing many runs."""

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from bench.figures import Figure, Target, ratios
from bench.measure import ShowStep
from bench.processes import TIMEOUT, BenchError, clean_environment
from bench.site import ROOT, Site
from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.runs.recording import SUFFIX, Sample, SamplesWriter
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.verdict.comparison import INCONCLUSIVE, NO_REGRESSION, REGRESSION

PAGE: Final = 21_138
"""Bytes of the requested page, a list of twenty events."""
USERS: Final = 10
RUNS: Final = 20
REQUESTS: Final = 100_000
"""Requests of each run in the comparison."""
CHUNK: Final = 1_000
"""Requests that are written together, as those of one second are."""


@dataclass(frozen=True)
class Lengths:
    """The numbers of windows and comparisons, and their lengths in seconds."""

    pairs: int
    warm_up: float
    window: float
    comparisons: int


FULL = Lengths(pairs=40, warm_up=2.0, window=0.5, comparisons=3)
QUICK = Lengths(pairs=15, warm_up=1.0, window=0.5, comparisons=1)


@dataclass(frozen=True)
class Cost:
    """The cost of one `festgate compare`."""

    seconds: float
    processor: float
    megabytes: float
    """The peak of the resident memory, in units of 1,000,000 bytes."""


@dataclass(frozen=True)
class Measure:
    """The measurement of the rehearsal, on one site."""

    site: Site
    lengths: Lengths
    show: ShowStep

    def figures(self) -> list[Figure]:
        """Return the figures in the order of the table. Raise BenchError."""
        return [self._recording(), *self._comparing()]

    def _recording(self) -> Figure:
        """Compare a generator that records with one that does not, alternately in one process."""
        html = {"content-type": "text/html; charset=utf-8"}
        self.show(f"requests of one core: {self.lengths.pairs} pairs of windows, recorded and not")
        with self.site.bare({"/events": (b"e" * PAGE, html)}) as target:
            windows = self._send(f"{target.url}/events")
            target.program.assert_running()
        # Requests for each second of processor time: the rate that a core of its own can send.
        recorded, bare = (
            [requests / processor for requests, _, processor in windows[side]]
            for side in ("recorded", "bare")
        )
        clocks = ([requests / took for requests, took, _ in windows[side]] for side in ("recorded", "bare"))
        notes = {
            "recorded, requests for a second of the processor": statistics.median(recorded),
            "bare Locust, the same": statistics.median(bare),
            "ratio by the clock": statistics.median(ratios(*clocks)),
        }
        name = "requests of one core, all recorded, beside bare Locust"
        return Figure(name, "ratio", tuple(ratios(recorded, bare)), Target("at least", 0.85), notes)

    def _send(self, url: str) -> dict[str, list[list[float]]]:
        folder = self.site.folder / "recorded"
        folder.mkdir()
        lengths = self.lengths
        words = [url, str(USERS), str(lengths.warm_up), str(lengths.window), str(lengths.pairs), str(folder)]
        done = subprocess.run(
            [sys.executable, "-m", "bench.generator", *words],
            cwd=ROOT,
            env=clean_environment({}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=2 * TIMEOUT + lengths.warm_up + 2 * lengths.pairs * lengths.window,
            check=False,
        )
        if done.returncode:
            msg = f"The generator ended with {done.returncode}:\n{done.stderr[-2000:]}"
            raise BenchError(msg)
        windows: dict[str, list[list[float]]] = json.loads(done.stdout)
        if failed := windows.pop("failed"):
            msg = f"{failed} requests of the generator failed"
            raise BenchError(msg)
        return windows

    def _comparing(self) -> list[Figure]:
        """Measure `festgate compare` on many long runs: the whole command, from start to end."""
        folder = self.site.folder / "runs"
        for number in range(RUNS):
            self.show(f"writing a run of {REQUESTS:,} requests: {number + 1} of {RUNS}")
            _write(folder / f"{number:02}", number)
        costs = []
        for number in range(self.lengths.comparisons):
            self.show(f"comparing {RUNS} runs: {number + 1} of {self.lengths.comparisons}")
            costs.append(_compare(folder))
        notes = {"seconds of the processor": statistics.median(cost.processor for cost in costs)}
        name = f"comparing {RUNS} runs of {REQUESTS:,} requests"
        return [
            Figure(name, "s", tuple(cost.seconds for cost in costs), Target("at most", 3), notes),
            Figure(f"{name}, memory", "MB", tuple(cost.megabytes for cost in costs), Target("at most", 500)),
        ]


def _write(folder: Path, seed: int) -> None:
    """Write a run as a rehearsal stores it: three steps, Poisson arrivals, log-normal latencies of about 20 ms."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    plan = Plan("events", "http://127.0.0.1:1", Rate(1000.0), REQUESTS / 1000.0, seed=seed // 2)
    steps = ("/events", "/events/{slug}", "/my-events")
    places = np.sort(rng.uniform(0, plan.duration, REQUESTS)).tolist()
    latencies = (0.020 * np.exp(0.3 * rng.standard_normal(REQUESTS))).tolist()
    late = rng.exponential(0.0005, REQUESTS).tolist()
    bodies = rng.integers(0, 2**32, REQUESTS).tolist()
    writer = SamplesWriter(folder / f"0{SUFFIX}")
    for number in range(REQUESTS):
        step = number % len(steps)
        writer.add(
            Sample(
                name=steps[step],
                intended=places[number],
                start=places[number] + late[number],
                latency=latencies[number],
                status=200,
                failed=False,
                new_connection=False,
                size=PAGE,
                # The list is the same for all users; a user's own events are not.
                digest=bodies[number] if step else 1,
            )
        )
        if number % CHUNK == CHUNK - 1:
            writer.flush()
    writer.close()
    Run(folder, plan, "whole", float(seed), {"festgate": "1"}, {}).save()


def _compare(folder: Path) -> Cost:
    names = [f"{number:02}" for number in range(RUNS)]
    words = [sys.executable, "-m", "festgate", "compare", *names[::2], *names[1::2], "--runs", str(folder)]
    log = folder.parent / "compare.log"
    began = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, cwd=ROOT, env=clean_environment({}), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        # Only this call returns the resource usage of one child alone.
        _, status, used = os.wait4(process.pid, 0)
    took = time.perf_counter() - began
    code = process.returncode = os.waitstatus_to_exitcode(status)
    if code not in (NO_REGRESSION, REGRESSION, INCONCLUSIVE):
        msg = f"`festgate compare` ended with {code}:\n{log.read_text(encoding='utf-8')[-2000:]}"
        raise BenchError(msg)
    # Linux counts in kilobytes, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(took, used.ru_utime + used.ru_stime, used.ru_maxrss * unit / 1e6)
