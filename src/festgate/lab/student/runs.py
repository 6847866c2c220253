"""The runs of a route in a lab's folder, and its last comparison."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Final

from festgate.lab.description.starter import Starter
from festgate.lab.student.folder import RUNS, NoLab, load_file
from festgate.rehearsal.runs.plan import text_fingerprint
from festgate.rehearsal.runs.store import Run, list_runs

if TYPE_CHECKING:
    from festgate.rehearsal.report import Compared

METRIC: Final = "p50"
"""Half a minute with two requests per second is enough for a median, but not for a higher percentile."""
SIDES: Final = ("before", "after")
"""Endings of the labels of a comparison's runs."""


def runs_in(folder: Path) -> list[Run]:
    """Return all runs of a lab, the newest first."""
    return list_runs(folder / RUNS)


def runs_of(starter: Starter, runs: Iterable[Run], name: str) -> list[Run]:
    """Return the complete runs of a route's locustfile, the oldest first; the folder may have moved since."""
    return [run for run in reversed(list(runs)) if run.state == "whole" and is_of(starter, run, name)]


def is_of(starter: Starter, run: Run, name: str) -> bool:
    """Return whether the run used that route's locustfile, in any folder."""
    if name not in starter.load:
        return False
    known = PurePosixPath(starter.load[name]).parts
    return PureWindowsPath(run.plan.journey).parts[-len(known) :] == known


def side_of(run: Run) -> str:
    """Return the run's side in a comparison, one of SIDES; empty for a single load."""
    end = run.plan.label.rpartition("-")[2]
    return end if end in SIDES else ""


def last_pairs(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """Return the runs before and after of the last comparison, in pairs by their seeds."""
    sides = {side: {run.plan.seed: run for run in runs if side_of(run) == side} for side in SIDES}
    both = [
        [[by_seed[seed] for seed in seeds if seed in by_seed] for by_seed in sides.values()]
        for seeds in seeds_of_comparisons(runs)
    ]
    before, after = max(
        both, key=lambda pair: max(run.began for side in pair for run in side), default=([], [])
    )
    return before, after


def seeds_of_comparisons(runs: Iterable[Run]) -> list[list[int]]:
    """Return the seeds of each comparison. They are consecutive; the first is drawn from two thousand million."""
    seeds = sorted({run.plan.seed for run in runs if side_of(run)})
    begins = [place for place, seed in enumerate(seeds) if seed - 1 not in seeds]
    return [seeds[begin:end] for begin, end in pairwise([*begins, len(seeds)])]


def compare_runs(before: Sequence[Run], after: Sequence[Run]) -> "Compared":
    """Compare the two sides by METRIC. Raises ValueError if a run's file is damaged."""
    # These modules load numpy and scipy, which takes a moment, and only this function needs them.
    from festgate.rehearsal.report import Compared  # noqa: PLC0415
    from festgate.rehearsal.stats.metrics import parse_metric  # noqa: PLC0415
    from festgate.rehearsal.verdict.comparison import compare, is_interleaved  # noqa: PLC0415

    interleaved = is_interleaved(before, after)
    return Compared(compare(before, after, [parse_metric(METRIC)], interleaved=interleaved), before, after)


def load_fingerprint(starter: Starter, folder: Path, name: str) -> str:
    """Return the fingerprint of a route's locustfile, as runs record it; empty if there is no file."""
    try:
        return text_fingerprint(load_file(starter, folder, name).read_bytes())
    except (OSError, NoLab):
        return ""


def is_clean(run: Run) -> bool:
    """Return whether the run has measurements and no failed request. Raises ValueError if its file is damaged."""
    measured = run.measured()
    return len(measured) > 0 and not bool(measured.failed.any())
