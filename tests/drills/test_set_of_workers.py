"""The drills with a fault in a process, with two workers: each is contained, and a lost worker is replaced."""

from collections.abc import Mapping

import pytest

from festgate.drills.verdict import Outcome
from tests.drills.drill_runs import leaks, run

SET = ("a-worker-is-killed", "a-worker-hangs", "a-deploy-in-the-rush")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Outcome]:
    return run(SET, tmp_path_factory.mktemp("workers"))


@pytest.mark.parametrize("name", SET)
def test_it_is_contained_and_the_data_is_consistent(outcomes: Mapping[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert leaks(outcome) == []
    assert outcome.journal.after is not None
    assert outcome.journal.after.clean


@pytest.mark.parametrize("name", ["a-worker-is-killed", "a-worker-hangs"])
def test_a_lost_worker_is_replaced(outcomes: Mapping[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    (gone,) = outcome.journal.signalled
    before, after = outcome.journal.readiness[0].workers, outcome.journal.readiness[-1].workers
    assert gone in before
    assert gone not in after
    assert len(after) == outcome.journal.workers == 2
    assert outcome.noticed is not None
    assert outcome.recovered is not None


def test_a_deployment_cuts_off_no_request_and_replaces_every_worker(outcomes: Mapping[str, Outcome]) -> None:
    outcome = outcomes["a-deploy-in-the-rush"]
    assert sum(step.errors + step.cut + step.unavailable for step in outcome.steps) == 0
    assert sum(step.requests for step in outcome.steps) > 50
    assert not outcome.journal.readiness[0].workers & outcome.journal.readiness[-1].workers
