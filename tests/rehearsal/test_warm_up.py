"""The default warm-up of `festgate ab`: long enough for all users to sign up."""

import pytest

from festgate.rehearsal.cli.comparison import sign_up_time
from festgate.rehearsal.runs.plan import Load, Plan, Rate, Users


@pytest.mark.parametrize(
    "journey,load,seconds",
    [
        ("events", Users(50, spawn_rate=50.0), 5.0),
        # The users of an open loop sign up before the run begins.
        ("checkout", Rate(80.0), 0.0),
        # Its doors open ten seconds after the beginning, for any number of users.
        ("opening-day", Users(200, spawn_rate=200.0), 0.0),
    ],
)
def test_the_warm_up_grows_with_the_users_that_sign_up(journey: str, load: Load, seconds: float) -> None:
    assert sign_up_time(Plan(journey, "", load, duration=10.0)) == pytest.approx(seconds)
