"""Comparisons by `festgate ab`, in which people request /events without a pause."""

import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.processes import TIMEOUT, BenchError, clean_environment
from bench.site import ROOT, Site
from festgate.rehearsal.runs.store import Run, read_run
from festgate.rehearsal.verdict.comparison import INCONCLUSIVE, NO_REGRESSION, REGRESSION

GUESTS: Final = 16
"""People who send requests without a pause."""
JOURNEY: Final = ROOT / "bench" / "guests.py"


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


@dataclass(frozen=True)
class Sides:
    """The commands of both sides, with {port} in them."""

    before: Sequence[str]
    after: Sequence[str]


@dataclass(frozen=True)
class Comparison:
    """The JSON report of the comparison, and its runs in their order, a pair at the same position."""

    report: dict[str, Any]
    before: Sequence[Run]
    after: Sequence[Run]


def compare(
    site: Site, tokens: Path, sides: Sides, metrics: Sequence[str], lengths: Lengths, *options: str
) -> Comparison:
    """Run `festgate ab` in the folder of `site`; `tokens` are the sessions of the people. Raise BenchError."""
    words = [sys.executable, "-m", "festgate", "ab", str(JOURNEY), "--runs", "runs", "--format", "json"]
    words += ["--before", shlex.join(sides.before), "--after", shlex.join(sides.after)]
    for metric in metrics:
        words += ["--metric", metric]
    words += ["--pairs", str(lengths.pairs), "--users", str(GUESTS)]
    words += ["--warm-up", f"{lengths.warm_up}s", "--duration", f"{lengths.duration}s", *options]
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
    runs = site.folder / "runs"
    before, after = ([read_run(runs / name) for name in report[side]] for side in ("before", "after"))
    return Comparison(report, before, after)
