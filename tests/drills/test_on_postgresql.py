"""The drill that disconnects PostgreSQL, behind a proxy: it is contained, and nothing is lost."""

from pathlib import Path

from tests.drills.drill_runs import leaks, run, step


def test_while_postgresql_is_unavailable_every_page_says_when_to_come_back_and_nothing_is_lost(
    postgres_url: str, tmp_path: Path
) -> None:
    name = "postgresql-goes-away"
    # A request first waits a while for a connection.
    outcome = run([name], tmp_path, lasts=6.0, database=postgres_url)[name]
    assert leaks(outcome) == []
    assert outcome.journal.after is not None
    assert outcome.journal.after.clean
    assert outcome.noticed is not None
    assert outcome.recovered is not None
    assert step(outcome, "/events").unavailable
    assert not sum(step.errors + step.cut for step in outcome.steps)
