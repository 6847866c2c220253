"""A locustfile that ends its run before the planned time, in an open loop."""

from pathlib import Path

import pytest

from festgate.rehearsal.runner.run import rehearse
from festgate.rehearsal.runs.plan import Plan, Rate
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
