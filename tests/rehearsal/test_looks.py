"""Comparisons that end as soon as they are decided."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from festgate.rehearsal.runner.builds import Running, is_same_target
from festgate.rehearsal.runner.pairs import run_pairs
from festgate.rehearsal.runs.plan import Plan, Users
from festgate.rehearsal.runs.store import Run, read_run
from festgate.rehearsal.stats.metrics import Metric, parse_metric
from festgate.rehearsal.verdict import paired
from festgate.rehearsal.verdict.comparison import Comparison, compare
from festgate.rehearsal.verdict.looks import Looks
from tests.rehearsal.synthetic_runs import Fest
from tests.rehearsal.target import answering, journey, welcome
from tests.rules.project import ROOT

P95 = [parse_metric("p95(/events)")]
NOISE = (0.97, 1.03, 1.01, 0.96, 1.0, 1.04, 0.98, 1.02, 0.99, 1.01, 0.97, 1.02, 1.0, 0.98, 1.03, 0.99)


@pytest.fixture
def fest(tmp_path: Path) -> Fest:
    return Fest(tmp_path)


def ending(fest: Fest, factor: float, failed: int = 0) -> list[Comparison]:
    """Return all looks at pairs whose second run is `factor` times as slow, until they are decided."""
    looks: list[Comparison] = []
    watching = Looks(choose_metrics=lambda _: P95, margin=0.05, on_look=looks.append)
    for number, noise in enumerate(NOISE):
        for side, slower in sides(number, factor * noise):
            answers = replace(fest.usual(number, slower=slower), failed=failed)
            run = fest.run(f"{side}-{number}", answers, replace(fest.plan, until_decided=True))
            if watching.is_decided_by(side, run):
                return looks
    return looks


def sides(number: int, factor: float) -> Sequence[tuple[Literal["before", "after"], float]]:
    """Return the two runs of a pair in the order of ABBA BAAB."""
    pair: list[tuple[Literal["before", "after"], float]] = [("before", 1.0), ("after", factor)]
    return pair if number % 4 in (0, 3) else pair[::-1]


def test_a_large_change_ends_the_comparison_after_six_pairs_and_never_before(fest: Fest) -> None:
    (only,) = ending(fest, 1.5)
    assert (only.pairs, only.verdict, only.exit_code) == (6, "regressed", 1)
    assert only.anytime


def test_identical_builds_end_a_comparison_as_soon_as_they_are_certainly_within_the_margin(
    fest: Fest,
) -> None:
    *earlier, last = ending(fest, 1.0)
    assert [look.verdict for look in earlier] == ["inconclusive"] * len(earlier)
    assert [look.pairs for look in (*earlier, last)] == list(range(6, 7 + len(earlier)))
    assert last.verdict == "equivalent"
    assert earlier
    assert last.pairs < len(NOISE)


def test_a_change_at_the_margin_is_looked_at_until_the_last_pair(fest: Fest) -> None:
    looks = ending(fest, 1.05)
    assert looks[-1].pairs == len(NOISE)
    assert looks[-1].exit_code == 3
    assert looks[-1].primary is not None
    assert (looks[-1].primary.pairs_to_decide or 1_001) > len(NOISE)


def test_runs_that_cannot_be_compared_end_it(fest: Fest) -> None:
    (only,) = ending(fest, 1.0, failed=300)
    assert [refusal.code for refusal in only.refusals] == ["too-many-failures"]
    assert only.pairs == 6


def test_kept_runs_of_such_a_comparison_keep_their_wider_intervals(fest: Fest, tmp_path: Path) -> None:
    pairs = range(ending(fest, 1.1)[-1].pairs)
    kept = [[read_run(tmp_path / f"{side}-{number}") for number in pairs] for side in ("before", "after")]
    plan = replace(fest.plan, until_decided=False)
    as_if_fixed = [[replace(run, plan=plan) for run in side] for side in kept]
    again, fixed = (compare(before, after, P95, interleaved=True) for before, after in (kept, as_if_fixed))
    assert (again.anytime, fixed.anytime) == (True, False)
    assert again.primary is not None
    assert fixed.primary is not None
    assert again.primary.low < fixed.primary.low < fixed.primary.high < again.primary.high
    assert again.primary.p_value == paired.p_value(np.array(again.primary.differences), anytime=True)


def test_the_metrics_are_chosen_by_the_first_run_and_each_run_is_read_once(fest: Fest) -> None:
    asked: list[Sequence[Run]] = []

    def choose(runs: Sequence[Run]) -> Sequence[Metric]:
        asked.append(runs)
        return P95

    watching = Looks(choose_metrics=choose, margin=0.05, on_look=lambda _: None)
    for number, noise in enumerate(NOISE[:7]):
        for side, slower in sides(number, noise):
            run = fest.run(f"{side}-{number}", fest.usual(number, slower=slower))
            watching.is_decided_by(side, run)
            for file in run.folder.glob("*.samples"):
                file.unlink()
    assert [[run.name for run in runs] for runs in asked] == [["before-0"]]


def test_no_further_pair_takes_place_after_the_one_that_decides(tmp_path: Path) -> None:
    seen = []
    plan = Plan(journey(tmp_path), "", Users(2, 100.0), duration=0.5, seed=3)

    def on_run(side: str, run: Run) -> bool:
        seen.append((side, run.plan.seed))
        return len(seen) == 2

    with answering(welcome) as target:
        build = Running(target.url)
        before, after = run_pairs(
            plan, build, build, 5, tmp_path / "runs", on_second=lambda *_: None, on_run=on_run
        )
    assert seen == [("before", 3), ("after", 3)]
    assert (len(before), len(after)) == (1, 1)


@pytest.mark.parametrize(
    "before, after, same",
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/", True),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8001", False),
        ("app --port {port}", "app --port {port}", True),
        ("app --port {port}", "app --fast --port {port}", False),
        ("no-such-revision", "no-such-revision", False),
        ("http://127.0.0.1:8000", "app --port {port}", False),
    ],
)
def test_targets_are_the_same_by_url_and_by_command(before: str, after: str, same: bool) -> None:
    assert is_same_target(before, after, ROOT) == same
