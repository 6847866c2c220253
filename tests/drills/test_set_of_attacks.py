"""The drill with hostile text, run: it is contained, and every module stays healthy."""

from collections.abc import Mapping

import pytest

from festgate.drills.verdict import Outcome
from tests.drills.drill_runs import leaks, run


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Outcome]:
    return run(("expensive-text",), tmp_path_factory.mktemp("attacks"), lasts=3.0)


def test_expensive_text_is_contained_and_the_data_is_consistent(outcomes: Mapping[str, Outcome]) -> None:
    outcome = outcomes["expensive-text"]
    assert leaks(outcome) == []
    assert outcome.journal.after is not None
    assert outcome.journal.after.clean


def test_every_module_is_healthy_throughout_and_every_request_is_answered(
    outcomes: Mapping[str, Outcome],
) -> None:
    journal = outcomes["expensive-text"].journal
    assert journal.readiness
    assert not any(sample.readiness.unhealthy() for sample in journal.readiness)
    assert journal.clients.endswith("failed to answer 0 of them")
    assert not journal.clients.startswith("0 ")
