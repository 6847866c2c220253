"""Stages: a load that changes over time, as users or as arrivals, and its outcome of each stage."""

import random
from pathlib import Path

import numpy as np
import pytest

from festgate.rehearsal.runner.run import rehearse
from festgate.rehearsal.runs.plan import Load, Plan, Rate, Users, mean_load
from festgate.rehearsal.runs.stages import Stage, level, moment, seconds_of, total
from festgate.rehearsal.runs.store import Run, read_run
from festgate.rehearsal.stats.summary import summarize
from festgate.rehearsal.verdict.outcome import outcome_of
from tests.rehearsal.target import answering, journey, welcome

MOUNTAIN = (Stage(4, 20), Stage(0, 40), Stage(2, 40), Stage(4, 0))
"""A slope, a step, a level part, and a slope down to nothing."""


def run_stages(folder: Path, load: Load, **more: float) -> Run:
    """Run the stages against a target that answers at once."""
    with answering(welcome) as target:
        plan = Plan(
            journey(folder),
            target.url,
            load,
            seed=7,
            **{"duration": seconds_of(load.stages), **more},  # type: ignore[arg-type]
        )
        return rehearse(plan, folder / "runs")


def test_a_stage_is_a_straight_line_from_the_load_before_it() -> None:
    shown = [level(MOUNTAIN, at) for at in (0, 2, 3.999, 4, 5, 6, 8, 10, 99)]
    assert shown == pytest.approx([0, 10, 19.995, 40, 40, 40, 20, 0, 0])
    assert total(MOUNTAIN, 4) == pytest.approx(40)
    assert total(MOUNTAIN, 99) == pytest.approx(40 + 80 + 80)
    assert mean_load(Users(40, 40, stages=MOUNTAIN), 4, 8) == pytest.approx((80 + 60) / 4)


def test_the_moment_of_an_arrival_is_when_that_many_have_been_due() -> None:
    rng = random.Random(1)
    for _ in range(200):
        stages = [
            Stage(rng.choice((0, 0.5, 3)), rng.choice((0.0, 1.0, 700.0))) for _ in range(rng.randint(1, 5))
        ]
        whole = total(stages, seconds_of(stages))
        for share in (0.001, 0.3, 0.999):
            if whole:
                assert total(stages, moment(stages, share * whole)) == pytest.approx(share * whole)
        assert moment(stages, whole + 1) == float("inf")


def test_arrivals_follow_the_stages_and_are_counted_for_each(tmp_path: Path) -> None:
    stages = (Stage(2, 40), Stage(1, 40), Stage(2, 0))
    run = run_stages(tmp_path, Rate(40, "constant", stages=stages))
    intended = run.samples().intended
    # The number of arrivals up to a moment is the area below the lines.
    assert [int(np.sum(intended < at)) for at in (1, 2, 3, 4)] == pytest.approx([10, 40, 80, 110], abs=1.5)
    assert [(stage.asked, stage.reached) for stage in run.stages if stage] == [
        pytest.approx((asked, asked), abs=1.5) for asked in (40, 40, 40)
    ]
    assert outcome_of(summarize(run)).result == "held"
    assert read_run(run.folder) == run


@pytest.mark.parametrize("workers", [1, 2])
def test_users_follow_the_stages(tmp_path: Path, workers: int) -> None:
    stages = (Stage(2, 4), Stage(3, 4), Stage(1, 0))
    run = run_stages(tmp_path, Users(4, 4.0, stages=stages), workers=workers)
    seconds = {second.at: second.reached for second in run.load_seconds()}
    assert (seconds[1.0] <= 3, seconds[4.0], run.present) == (True, 4, 4)
    assert [stage is not None and stage.reached >= 0.95 * stage.asked for stage in run.stages] == [True] * 3
    assert outcome_of(summarize(run)).result == "held"
