"""The runs that a lab's folder holds of a route, and the comparison that was played of it last."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Final

from festgate.lab.student.folder import RUNS, load_file
from festgate.rehearsal.runs.plan import text_mark
from festgate.rehearsal.runs.store import Run, list_runs

if TYPE_CHECKING:
    from festgate.rehearsal.report import Compared

METRIC: Final = "p50"
"""Two requests a second for half a minute are enough for a median, and for nothing further out."""
SIDES: Final = ("before", "after")
"""How the label of a comparison's run ends."""


def runs_in(folder: Path) -> list[Run]:
    """All of a lab's runs, the newest first."""
    return list_runs(folder / RUNS)


def runs_of(folder: Path, runs: Iterable[Run], name: str) -> list[Run]:
    """The whole runs of a route's locustfile, the oldest first; also of a folder that was elsewhere then."""
    return [run for run in reversed(list(runs)) if run.state == "whole" and is_of(folder, run, name)]


def is_of(folder: Path, run: Run, name: str) -> bool:
    """Whether it was played by that route's locustfile, wherever that lay."""
    return PureWindowsPath(run.plan.journey).parts[-2:] == load_file(folder, name).parts[-2:]


def side_of(run: Run) -> str:
    """Which of SIDES it was in a comparison; empty where it was played by itself."""
    end = run.plan.label.rpartition("-")[2]
    return end if end in SIDES else ""


def last_pairs(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """The runs before and after of the comparison that was played last, in pairs by their seeds."""
    sides = {side: {run.plan.seed: run for run in runs if side_of(run) == side} for side in SIDES}
    seeds = sorted({seed for found in sides.values() for seed in found})
    if not seeds:
        return [], []
    # The pairs of one comparison have seeds that follow each other; it begins with one drawn of two thousand million.
    begins = [seed for seed in seeds if seed - 1 not in seeds]
    groups = [
        [seed for seed in seeds if begin <= seed < after]
        for begin, after in pairwise([*begins, seeds[-1] + 1])
    ]
    both = [
        [[found[seed] for seed in group if seed in found] for found in sides.values()] for group in groups
    ]
    before, after = max(both, key=lambda pair: max(run.began for side in pair for run in side))
    return before, after


def compare_runs(before: Sequence[Run], after: Sequence[Run]) -> "Compared":
    """The two sides judged by METRIC. Raises ValueError where a run's file is damaged."""
    # What compares draws in numbers that take a moment to load, and only this needs them.
    from festgate.rehearsal.report import Compared  # noqa: PLC0415
    from festgate.rehearsal.stats.metrics import parse_metric  # noqa: PLC0415
    from festgate.rehearsal.verdict.comparison import compare, is_interleaved  # noqa: PLC0415

    interleaved = is_interleaved(before, after)
    return Compared(compare(before, after, [parse_metric(METRIC)], interleaved=interleaved), before, after)


def load_fingerprint(folder: Path, name: str) -> str:
    """Of a locustfile, as a run keeps it; empty where it is gone."""
    try:
        return text_mark(load_file(folder, name).read_bytes())
    except OSError:
        return ""


def is_clean(run: Run) -> bool:
    """Whether something was measured, and nothing failed. Raises ValueError where a file of it is damaged."""
    measured = run.measured()
    return len(measured) > 0 and not bool(measured.failed.any())
