"""The drill of tickets, run: people use teams, promo codes and a waiting list while offers fail and a worker dies."""

from collections.abc import Mapping

import pytest

from festgate.drills.verdict import Outcome
from tests.drills.drill_runs import leaks, run, step


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    # One of the first people of this crowd registers a team. In one of fifty crowds nobody does.
    name, seed = "offers-are-interrupted", 4
    outcomes: Mapping[str, Outcome] = run((name,), tmp_path_factory.mktemp("tickets"), seed=seed)
    return outcomes[name]


def test_no_quota_code_team_or_offer_is_broken(outcome: Outcome) -> None:
    assert leaks(outcome) == []
    assert outcome.journal.after is not None
    assert outcome.journal.after.clean


def test_people_used_teams_and_the_waiting_list_and_a_worker_was_lost(outcome: Outcome) -> None:
    used = {"POST /events/{slug}/register", "POST /events/{slug}/teams", "POST /events/{slug}/wait"}
    assert used <= set(outcome.run.samples().names)
    assert all(
        step(outcome, name).module == "registrations" for name in used & {one.step for one in outcome.steps}
    )
    assert len(outcome.journal.signalled) == 1
