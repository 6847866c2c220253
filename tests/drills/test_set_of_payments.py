"""The drills with a fault in payments, run: each is contained, and no visitor pays twice."""

from collections.abc import Mapping

import pytest

from festgate.drills.verdict import Outcome
from tests.drills.drill_runs import leaks, run, step

SET = ("payments-are-slow", "payments-come-twice", "payments-lie", "payments-are-dead")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Outcome]:
    # Long enough for payments under each fault.
    return run(SET, tmp_path_factory.mktemp("payments"), rate=16.0, lasts=6.0)


def shortest_payment(outcome: Outcome) -> float:
    """Return the shortest time of a payment under the fault, in seconds. Payments are too few for a steady p95."""
    paid = outcome.run.samples().of("POST /checkout").between(outcome.armed + 0.5, outcome.rolled_back - 0.5)
    assert len(paid)
    return float(paid.latency.min())


@pytest.mark.parametrize("name", SET)
def test_it_is_contained_and_the_data_is_consistent(outcomes: Mapping[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert leaks(outcome) == []
    assert outcome.journal.after is not None
    assert outcome.journal.after.clean


def test_only_payers_wait_for_a_slow_provider(outcomes: Mapping[str, Outcome]) -> None:
    outcome = outcomes["payments-are-slow"]
    assert shortest_payment(outcome) > 2
    assert not outcome.others.slower


def test_a_payment_of_a_wrong_amount_buys_no_ticket(outcomes: Mapping[str, Outcome]) -> None:
    assert step(outcomes["payments-lie"], "/orders/{ref}").unfinished


def test_payments_without_a_response_are_looked_up_until_none_is_stuck(
    outcomes: Mapping[str, Outcome],
) -> None:
    outcome = outcomes["payments-are-dead"]
    assert outcome.recovered is not None
    assert shortest_payment(outcome) > 5
