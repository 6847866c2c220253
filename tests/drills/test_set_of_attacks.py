"""The drill in which somebody attacks with text, played: it is contained, and no module is touched by it."""

from collections.abc import Mapping

import pytest

from festgate.drills.verdict import Outcome
from tests.drills.playing import leaks, played


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Outcome]:
    return played(("expensive-text",), tmp_path_factory.mktemp("attacks"), lasts=3.0)


def test_expensive_text_is_contained_and_the_data_is_sound(outcomes: Mapping[str, Outcome]) -> None:
    outcome = outcomes["expensive-text"]
    assert leaks(outcome) == []
    assert outcome.act.after is not None
    assert outcome.act.after.clean


def test_every_module_is_healthy_throughout_and_every_request_is_answered(
    outcomes: Mapping[str, Outcome],
) -> None:
    act = outcomes["expensive-text"].act
    assert act.looks
    assert not [look.readiness.ill() for look in act.looks if look.readiness.ill()]
    assert act.flooded.endswith("failed to answer 0 of them")
    assert not act.flooded.startswith("0 ")
