"""With the bulkheads switched off the same drills fail: a drill detects that a fault is not contained."""

from collections.abc import Mapping

import pytest

from festgate.drills.verdict import Outcome
from tests.drills.drill_runs import run

EXPECTED = {
    "checkout-floods": "Other visitors waited",
    "checkout-raises": "got HTTP 500 without a page that helps",
    "events-burns-cpu": "Other visitors waited",
}
"""The leak that each drill has to report."""
LASTS = 4.0
"""Seconds: where everyone waits there are few requests, and fewer than twenty decide nothing."""
MAX_TIMES = 3
"""Where other programs use most of the machine, they may explain the delay, or requests may get no response at all. The
drill is then run again."""


def leaks(outcome: Outcome) -> str:
    return " ".join(leak.what for leak in outcome.leaks)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    for _ in range(MAX_TIMES):
        missing = [
            name
            for name, leak in EXPECTED.items()
            if name not in outcomes or leak not in leaks(outcomes[name])
        ]
        if missing:
            outcomes |= run(missing, tmp_path_factory.mktemp("off"), bulkheads=False, rate=6.0, lasts=LASTS)
    return outcomes


@pytest.mark.parametrize("name", EXPECTED)
def test_it_is_not_contained(outcomes: Mapping[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert not outcome.refused
    assert outcome.leaks


def test_the_leak_is_reported(outcomes: Mapping[str, Outcome]) -> None:
    assert not {name for name, leak in EXPECTED.items() if leak not in leaks(outcomes[name])}
