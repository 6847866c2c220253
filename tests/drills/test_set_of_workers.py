"""The drills that strike processes, with two workers: each is contained, and the place of a worker is taken."""

from collections.abc import Mapping

import pytest

from festgate.drills.verdict import Outcome
from tests.drills.playing import leaks, played

SET = ("a-worker-is-killed", "a-worker-hangs", "a-deploy-in-the-rush")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Outcome]:
    return played(SET, tmp_path_factory.mktemp("workers"))


@pytest.mark.parametrize("name", SET)
def test_it_is_contained_and_the_data_is_sound(outcomes: Mapping[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert leaks(outcome) == []
    assert outcome.act.after is not None
    assert outcome.act.after.clean


@pytest.mark.parametrize("name", ["a-worker-is-killed", "a-worker-hangs"])
def test_another_takes_the_place_of_the_struck_one(outcomes: Mapping[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    (gone,) = outcome.act.struck
    before, after = outcome.act.looks[0].workers, outcome.act.looks[-1].workers
    assert gone in before
    assert gone not in after
    assert len(after) == outcome.act.workers == 2
    assert outcome.noticed is not None
    assert outcome.recovered is not None


def test_a_deploy_cuts_nobody_off_and_replaces_every_worker(outcomes: Mapping[str, Outcome]) -> None:
    outcome = outcomes["a-deploy-in-the-rush"]
    assert sum(step.errors + step.cut + step.resting for step in outcome.steps) == 0
    assert sum(step.requests for step in outcome.steps) > 50
    assert not outcome.act.looks[0].workers & outcome.act.looks[-1].workers
