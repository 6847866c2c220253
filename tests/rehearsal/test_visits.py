"""An arrival of an open loop is one visit, whatever the tasks and task sets of the locustfile are."""

from collections import Counter
from pathlib import Path

import pytest

from festgate.rehearsal.runner.run import rehearse
from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.runs.store import Run
from tests.rehearsal.target import answering, welcome

RATE, SECONDS = 5.0, 3.0
ARRIVALS = 14
"""Arrivals at equal intervals of 0.2 s within three seconds, the first after 0.2 s."""
HEAD = "from locust import HttpUser, SequentialTaskSet, TaskSet, constant, task\n"


def visited(folder: Path, locustfile: str, *, most_users: int = 100) -> tuple[Run, Counter[str]]:
    """Rehearse a locustfile in an open loop; return the run and the number of requests of each name."""
    file = folder / "visits.py"
    file.write_text(HEAD + locustfile, encoding="utf-8")
    with answering(welcome) as target:
        plan = Plan(str(file), target.url, Rate(RATE, "constant", most_users), duration=SECONDS, seed=7)
        run = rehearse(plan, folder / "runs")
    samples = run.samples()
    names = Counter(samples.names[number] for number in samples.name.tolist())
    assert not samples.failed.any()
    assert run.dropped == 0
    return run, names


def test_a_task_set_with_pauses_of_its_own_has_one_task_for_each_arrival(tmp_path: Path) -> None:
    run, names = visited(
        tmp_path,
        """
class Browse(TaskSet):
    wait_time = constant(0.02)

    @task
    def look(self):
        self.client.get("/page")

class Visitor(HttpUser):
    wait_time = constant(1)
    tasks = [Browse]
""",
    )
    assert names == {"/page": ARRIVALS}
    assert "A visit of Visitor is 1 task of Browse." in " ".join(run.notes)


def test_a_sequence_is_one_visit_and_runs_to_its_end(tmp_path: Path) -> None:
    run, names = visited(
        tmp_path,
        """
class Inner(TaskSet):
    wait_time = constant(0)

    @task
    def look(self):
        self.client.get("/inner")
        self.interrupt()

class Buy(SequentialTaskSet):
    wait_time = constant(0.01)

    @task
    def first(self):
        self.client.get("/first")

    tasks = [Inner]

    @task
    def last(self):
        self.client.get("/last")

class Visitor(HttpUser):
    tasks = [Buy]
""",
    )
    assert set(names) == {"/first", "/inner", "/last"}
    # The last arrival may still be under way at the end.
    assert names["/first"] in (ARRIVALS, ARRIVALS - 1)
    assert names["/first"] - names["/last"] <= 1
    assert not any("A visit of" in note for note in run.notes)


def test_the_locustfile_can_set_the_tasks_of_a_visit(tmp_path: Path) -> None:
    _, names = visited(
        tmp_path,
        """
class Browse(TaskSet):
    tasks_per_visit = 3

    @task
    def look(self):
        self.client.get("/page")

class Visitor(HttpUser):
    wait_time = constant(0.01)
    tasks = [Browse]
""",
    )
    assert 3 * ARRIVALS - 2 <= names["/page"] <= 3 * ARRIVALS


@pytest.mark.parametrize("reschedule", [True, False])
def test_a_task_that_only_leaves_its_task_set_takes_no_arrival(tmp_path: Path, reschedule: bool) -> None:
    _, names = visited(
        tmp_path,
        f"""
class Browse(TaskSet):
    @task(3)
    def look(self):
        self.client.get("/page")

    @task(1)
    def leave(self):
        self.interrupt(reschedule={reschedule})

class Visitor(HttpUser):
    wait_time = constant(0.01)
    tasks = [Browse]
""",
    )
    assert names == {"/page": ARRIVALS}


@pytest.mark.parametrize("leave", ["self.stop()", "raise StopUser"])
def test_a_user_that_stops_after_its_visit_makes_room_for_the_next(tmp_path: Path, leave: str) -> None:
    _, names = visited(
        tmp_path,
        f"""
from locust.exception import StopUser

class Visitor(HttpUser):
    @task
    def look(self):
        self.client.get("/page")
        {leave}
""",
        most_users=3,
    )
    assert names == {"/page": ARRIVALS}
