"""The drill that takes PostgreSQL away, behind a proxy: it is contained, and nothing is lost."""

from pathlib import Path

from tests.drills.playing import leaks, played, step


def test_while_postgresql_is_away_every_page_says_when_to_come_back_and_nothing_is_lost(
    postgres_url: str, tmp_path: Path
) -> None:
    name = "postgresql-goes-away"
    # Who asks waits a while for a connection first.
    outcome = played([name], tmp_path, lasts=6.0, database=postgres_url)[name]
    assert leaks(outcome) == []
    assert outcome.act.after is not None
    assert outcome.act.after.clean
    assert outcome.noticed is not None
    assert outcome.recovered is not None
    assert step(outcome, "/events").resting
    assert not sum(each.errors + each.cut for each in outcome.steps)
