"""The drill in which clients are slow on purpose, run: no other visitor is affected, and every module stays healthy."""

from pathlib import Path

from tests.drills.drill_runs import leaks, run


def test_slow_clients_are_contained_and_open_no_breaker(tmp_path: Path) -> None:
    outcome = run(["slow-clients"], tmp_path, lasts=16.0)["slow-clients"]
    assert leaks(outcome) == []
    assert outcome.journal.after is not None
    assert outcome.journal.after.clean
    assert outcome.journal.readiness
    assert not any(sample.readiness.unhealthy() for sample in outcome.journal.readiness)
    assert not any(step.unavailable + step.errors + step.cut for step in outcome.steps)
    assert "slow connections were opened" in outcome.journal.clients
    assert not outcome.journal.clients.endswith("closed 0 of them")
