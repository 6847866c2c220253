"""The warm-up of `festgate ab` where nobody says one: long enough for those who sign up first."""

import pytest

from festgate.rehearsal.cli.comparison import sign_up_time
from festgate.rehearsal.runs.plan import Load, Plan, Rate, Users


@pytest.mark.parametrize(
    "journey,load,seconds",
    [
        ("events", Users(50, spawn_rate=50.0), 5.0),
        # Those have signed up before the run begins.
        ("checkout", Rate(80.0), 0.0),
        # What it measures begins ten seconds after it, however many there are.
        ("opening-day", Users(200, spawn_rate=200.0), 0.0),
    ],
)
def test_more_people_take_longer_to_sign_up_and_doors_do_not_wait(
    journey: str, load: Load, seconds: float
) -> None:
    assert sign_up_time(Plan(journey, "", load, duration=10.0)) == pytest.approx(seconds)
