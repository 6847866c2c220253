"""The drills that strike payments, played: each is contained, and nobody pays twice."""

from collections.abc import Mapping

import pytest

from festgate.drills.verdict import Outcome
from tests.drills.playing import leaks, played, step

SET = ("payments-are-slow", "payments-come-twice", "payments-lie", "payments-are-dead")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Outcome]:
    # Long enough that somebody surely pays under each fault.
    return played(SET, tmp_path_factory.mktemp("payments"), rate=16.0, lasts=6.0)


def least_wait_of_payers(outcome: Outcome) -> float:
    """Seconds, of those who paid while the fault was there; how many did is chance, and so is a percentile of all."""
    paid = outcome.run.samples().of("POST /checkout").between(outcome.armed + 0.5, outcome.undone - 0.5)
    assert len(paid)
    return float(paid.latency.min())


@pytest.mark.parametrize("name", SET)
def test_it_is_contained_and_the_data_is_sound(outcomes: Mapping[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert leaks(outcome) == []
    assert outcome.act.after is not None
    assert outcome.act.after.clean


def test_whoever_pays_waits_for_a_slow_provider_and_nobody_else_does(outcomes: Mapping[str, Outcome]) -> None:
    outcome = outcomes["payments-are-slow"]
    assert least_wait_of_payers(outcome) > 2
    assert not outcome.others.slower


def test_a_payment_of_another_amount_buys_no_ticket(outcomes: Mapping[str, Outcome]) -> None:
    assert step(outcomes["payments-lie"], "/orders/{ref}").unfinished


def test_payments_that_were_not_answered_are_asked_about_until_none_hangs(
    outcomes: Mapping[str, Outcome],
) -> None:
    outcome = outcomes["payments-are-dead"]
    assert outcome.recovered is not None
    assert least_wait_of_payers(outcome) > 5
