"""The drill in which clients are slow on purpose, run: nobody else notices, and no module becomes unavailable."""

from pathlib import Path

from tests.drills.playing import leaks, played


def test_slow_clients_are_contained_and_open_no_breaker(tmp_path: Path) -> None:
    outcome = played(["slow-clients"], tmp_path, lasts=12.0)["slow-clients"]
    assert leaks(outcome) == []
    assert outcome.act.after is not None
    assert outcome.act.after.clean
    assert outcome.act.looks
    assert not any(look.readiness.ill() for look in outcome.act.looks)
    assert not any(step.resting + step.errors + step.cut for step in outcome.steps)
    assert "slow connections were opened" in outcome.act.flooded
    assert not outcome.act.flooded.endswith("ended 0 of them")
