"""The drills that strike what all modules stand on (mail, database, disk, clock), played: each is contained."""

from collections.abc import Mapping

import pytest

from festgate.drills.verdict import Outcome
from tests.drills.playing import leaks, played, step

SET = ("mail-is-down", "the-clock-jumps", "the-database-goes-away", "the-disk-is-full")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Outcome]:
    return played(SET, tmp_path_factory.mktemp("ground"))


@pytest.mark.parametrize("name", SET)
def test_it_is_contained_and_the_data_is_sound(outcomes: Mapping[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert leaks(outcome) == []
    assert outcome.act.after is not None
    assert outcome.act.after.clean


def test_every_page_says_when_to_come_back_while_the_database_is_away(
    outcomes: Mapping[str, Outcome],
) -> None:
    outcome = outcomes["the-database-goes-away"]
    assert outcome.noticed is not None
    assert sum(each.resting for each in outcome.steps)
    assert not sum(each.errors + each.cut for each in outcome.steps)


def test_with_a_full_disk_whoever_reads_is_served(outcomes: Mapping[str, Outcome]) -> None:
    outcome = outcomes["the-disk-is-full"]
    assert outcome.noticed is not None
    assert not step(outcome, "/events").resting
