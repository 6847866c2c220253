"""A locustfile that ends its run before the planned time, or before it begins."""

from pathlib import Path

import pytest

from festgate.rehearsal.runner.run import CannotRun, rehearse
from festgate.rehearsal.runs.plan import Plan, Rate, Users
from festgate.rehearsal.stats.summary import summarize
from festgate.rehearsal.verdict.outcome import outcome_of
from tests.rehearsal.target import answering, journey, welcome

RATE = 20.0
ENOUGH = """
import gevent
from locust import FastHttpUser, events, task
from locust.runners import WorkerRunner

@events.init.add_listener
def watch(environment, **_):
    if not isinstance(environment.runner, WorkerRunner):
        gevent.spawn(quit_after_thirty_requests, environment.runner)

def quit_after_thirty_requests(runner):
    while runner.stats.total.num_requests < 30:
        gevent.sleep(0.05)
    runner.quit()

class Visitor(FastHttpUser):
    @task
    def look(self):
        self.client.get("/page")
"""

QUITS_AT = """
from locust import FastHttpUser, constant, events, task
from locust.runners import WorkerRunner

@events.{event}.add_listener
def quit_at_once(environment, **_):
    if not isinstance(environment.runner, WorkerRunner):
        environment.runner.quit()

class Visitor(FastHttpUser):
    wait_time = constant(0.1)

    @task
    def look(self):
        self.client.get("/page")
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_an_open_loop_that_the_locustfile_ends_has_every_arrival_until_then_and_is_whole(
    tmp_path: Path, workers: int
) -> None:
    with answering(welcome) as target:
        load = Rate(RATE, "constant")
        plan = Plan(journey(tmp_path, ENOUGH), target.url, load, duration=60.0, workers=workers)
        run = rehearse(plan, tmp_path / "runs")
    lasted = run.plan.duration
    assert (run.state, run.aborted) == ("whole", "")
    assert 1 <= lasted <= 20
    assert f"The locustfile ended the run after {lasted:g} s." in run.notes
    # The last one is due at the very end.
    assert RATE * lasted - 1 <= len(run.measured()) <= RATE * lasted
    assert run.dropped == 0
    assert outcome_of(summarize(run)).result == "held"


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    "event, load",
    [("init", Rate(RATE)), ("init", Users(2, 2.0)), ("test_start", Rate(RATE))],
    ids=["init-open", "init-closed", "start-open"],
)
def test_a_run_that_the_locustfile_ends_before_it_begins_is_refused(
    tmp_path: Path, event: str, load: Rate | Users, workers: int
) -> None:
    with answering(welcome) as target:
        plan = Plan(
            journey(tmp_path, QUITS_AT.replace("{event}", event)),
            target.url,
            load,
            duration=5.0,
            workers=workers,
        )
        with pytest.raises(CannotRun, match=r"^The locustfile ended the run before it began\.$"):
            rehearse(plan, tmp_path / "runs")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_closed_loop_that_the_locustfile_ends_as_its_users_start_ends(tmp_path: Path, workers: int) -> None:
    with answering(welcome) as target:
        text = QUITS_AT.replace("{event}", "test_start")
        plan = Plan(journey(tmp_path, text), target.url, Users(2, 2.0), duration=20.0, workers=workers)
        run = rehearse(plan, tmp_path / "runs")
    assert run.state == "whole"
    assert "The locustfile ended the run after 0 s." in run.notes
