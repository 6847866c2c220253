"""With the bulkheads switched off the same drills fail: a drill can tell whether trouble is contained."""

import re
from collections.abc import Mapping

import pytest

from festgate.drills.judge import Outcome
from tests.drills.playing import played

SET = ("checkout-floods", "checkout-raises", "events-burns-cpu")
MOST_TIMES = 3
"""Where other programs have most of the machine a drill says that they explain as much; then it is played again."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Outcome]:
    found: dict[str, Outcome] = {}
    for _ in range(MOST_TIMES):
        untold = [name for name in SET if name not in found or not found[name].leaks]
        if untold:
            found |= played(untold, tmp_path_factory.mktemp("off"), bulkheads=False, rate=6.0)
    return found


@pytest.mark.parametrize("name", SET)
def test_it_is_not_contained(outcomes: Mapping[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert not outcome.refused
    assert outcome.leaks


def test_what_leaked_is_said(outcomes: Mapping[str, Outcome]) -> None:
    said = {name: " ".join(leak.what for leak in outcome.leaks) for name, outcome in outcomes.items()}
    assert "got HTTP 500 without a way onward" in said["checkout-raises"]
    # Where others have most of the machine, too, those who waited may not have been answered at all.
    for name in ("events-burns-cpu", "checkout-floods"):
        assert re.search("Everybody else waited|people got no answer", said[name])
