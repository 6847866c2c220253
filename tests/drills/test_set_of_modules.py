"""The drills with a fault in one module, run: each is contained."""

from collections.abc import Mapping

import pytest

from festgate.drills.verdict import Outcome
from tests.drills.drill_runs import leaks, run, step

SET = (
    *("checkout-raises", "events-burns-cpu", "tickets-cannot-be-imported", "checkout-floods"),
    "checkout-hangs",
)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Outcome]:
    return run(SET, tmp_path_factory.mktemp("modules"))


@pytest.mark.parametrize("name", SET)
def test_it_is_contained_and_the_data_is_consistent(outcomes: Mapping[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert leaks(outcome) == []
    assert outcome.journal.after is not None
    assert outcome.journal.after.clean
    assert outcome.recovered is not None


def test_payers_learn_when_to_come_back_and_are_served_once_checkout_is_healthy(
    outcomes: Mapping[str, Outcome],
) -> None:
    outcome = outcomes["checkout-raises"]
    # Few visitors open one page of checkout in so short a time; all of its pages together are visited often enough.
    assert sum(impact.unavailable for impact in outcome.steps if impact.module == "checkout")
    responses = [sample.response for sample in outcome.journal.pages if sample.response.status == 503]
    assert responses
    assert all(int(response.headers["retry-after"]) > 0 for response in responses)
    assert outcome.recovered is not None


def test_a_request_that_hangs_is_ended_by_checkouts_time_limit(outcomes: Mapping[str, Outcome]) -> None:
    outcome = outcomes["checkout-hangs"]
    noticed = outcome.after(outcome.noticed)
    assert noticed is not None
    assert 5 < noticed < 13
    assert step(outcome, "/events").errors == 0


def test_the_list_that_burns_the_processor_becomes_unavailable_and_recovers(
    outcomes: Mapping[str, Outcome],
) -> None:
    outcome = outcomes["events-burns-cpu"]
    assert step(outcome, "/events").unavailable
    causes = [
        sample.readiness.why["catalogue"]
        for sample in outcome.journal.readiness
        if sample.readiness.modules.get("catalogue") == "resting"
    ]
    assert any("blocked the event loop" in cause for cause in causes)


def test_without_tickets_the_rest_opens_and_reports_what_is_missing(outcomes: Mapping[str, Outcome]) -> None:
    outcome = outcomes["tickets-cannot-be-imported"]
    absent = [
        sample.readiness
        for sample in outcome.journal.readiness
        if sample.readiness.modules.get("tickets") == "absent"
    ]
    assert absent
    assert all(readiness.ready for readiness in absent)
    assert "injected by a drill" in absent[0].why["tickets"]


def test_a_crowd_delays_only_itself(outcomes: Mapping[str, Outcome]) -> None:
    outcome = outcomes["checkout-floods"]
    assert "the crowd received" in outcome.journal.clients
    assert outcome.journal.clients.endswith("; 0 requests failed")
