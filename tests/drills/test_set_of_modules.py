"""The drills that strike a module, and the data below all of them: played, and each is contained."""

from collections.abc import Mapping

import pytest

from festgate.drills.verdict import Outcome
from tests.drills.playing import leaks, played, step

SET = (
    *("checkout-raises", "events-burns-cpu", "tickets-cannot-be-imported", "checkout-floods"),
    "checkout-hangs",
)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Outcome]:
    return played(SET, tmp_path_factory.mktemp("modules"))


@pytest.mark.parametrize("name", SET)
def test_it_is_contained_and_the_data_is_sound(outcomes: Mapping[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert leaks(outcome) == []
    assert outcome.act.after is not None
    assert outcome.act.after.clean
    assert outcome.recovered is not None


def test_whoever_pays_is_told_to_come_back_and_is_served_once_checkout_is_well(
    outcomes: Mapping[str, Outcome],
) -> None:
    outcome = outcomes["checkout-raises"]
    assert step(outcome, "/checkout").resting
    told = [visit.answer for visit in outcome.act.visits if visit.answer.status == 503]
    assert told
    assert all(int(answer.headers["retry-after"]) > 0 for answer in told)
    assert outcome.recovered is not None


def test_a_request_that_hangs_is_ended_by_checkouts_time_limit(outcomes: Mapping[str, Outcome]) -> None:
    outcome = outcomes["checkout-hangs"]
    noticed = outcome.after(outcome.noticed)
    assert noticed is not None
    assert 5 < noticed < 13
    assert step(outcome, "/events").errors == 0


def test_the_list_that_burns_the_processor_rests_and_comes_back(outcomes: Mapping[str, Outcome]) -> None:
    outcome = outcomes["events-burns-cpu"]
    assert step(outcome, "/events").resting
    resting = [look for look in outcome.act.looks if look.readiness.modules.get("catalogue") == "resting"]
    assert any("held the loop" in look.readiness.why["catalogue"] for look in resting)


def test_without_tickets_the_rest_opens_and_says_what_is_lacking(outcomes: Mapping[str, Outcome]) -> None:
    outcome = outcomes["tickets-cannot-be-imported"]
    absent = [
        look.readiness for look in outcome.act.looks if look.readiness.modules.get("tickets") == "absent"
    ]
    assert absent
    assert all(readiness.ready for readiness in absent)
    assert "injected by a drill" in absent[0].why["tickets"]


def test_a_crowd_waits_for_itself(outcomes: Mapping[str, Outcome]) -> None:
    outcome = outcomes["checkout-floods"]
    assert "the crowd got" in outcome.act.flooded
    assert outcome.act.flooded.endswith("no right answer 0 times")
