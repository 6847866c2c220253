"""With the bulkheads switched off the same drills fail: a drill can tell whether trouble is contained."""

from collections.abc import Mapping

import pytest

from festgate.drills.verdict import Outcome
from tests.drills.playing import played

SAID = {
    "checkout-floods": "Everybody else waited",
    "checkout-raises": "got HTTP 500 without a way onward",
    "events-burns-cpu": "Everybody else waited",
}
"""By drill: what it says of what leaked."""
LASTS = 4.0
"""Seconds: where everybody waits there are few requests, and fewer than twenty decide nothing."""
MAX_TIMES = 3
"""Where other programs have most of the machine a drill says that they explain as much, or those who waited were not
answered at all; then it is played again."""


def told(outcome: Outcome) -> str:
    return " ".join(leak.what for leak in outcome.leaks)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Outcome]:
    found: dict[str, Outcome] = {}
    for _ in range(MAX_TIMES):
        untold = [name for name, words in SAID.items() if name not in found or words not in told(found[name])]
        if untold:
            found |= played(untold, tmp_path_factory.mktemp("off"), bulkheads=False, rate=6.0, lasts=LASTS)
    return found


@pytest.mark.parametrize("name", SAID)
def test_it_is_not_contained(outcomes: Mapping[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert not outcome.refused
    assert outcome.leaks


def test_what_leaked_is_said(outcomes: Mapping[str, Outcome]) -> None:
    assert {name for name, words in SAID.items() if words not in told(outcomes[name])} == set()
