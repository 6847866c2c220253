"""The drills with a fault in a dependency of all modules (mail, database, disk, clock), run: each is contained."""

from collections.abc import Mapping

import pytest

from festgate.drills.verdict import Outcome
from tests.drills.drill_runs import leaks, run, step

SET = ("mail-is-down", "the-clock-jumps", "the-database-goes-away", "the-disk-is-full")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Outcome]:
    return run(SET, tmp_path_factory.mktemp("dependencies"))


@pytest.mark.parametrize("name", SET)
def test_it_is_contained_and_the_data_is_consistent(outcomes: Mapping[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert leaks(outcome) == []
    assert outcome.journal.after is not None
    assert outcome.journal.after.clean


def test_every_page_says_when_to_come_back_while_the_database_is_unavailable(
    outcomes: Mapping[str, Outcome],
) -> None:
    outcome = outcomes["the-database-goes-away"]
    assert outcome.noticed is not None
    assert sum(step.unavailable for step in outcome.steps)
    assert not sum(step.errors + step.cut for step in outcome.steps)


def test_readers_are_served_with_a_full_disk(outcomes: Mapping[str, Outcome]) -> None:
    outcome = outcomes["the-disk-is-full"]
    assert outcome.noticed is not None
    assert not step(outcome, "/events").unavailable
