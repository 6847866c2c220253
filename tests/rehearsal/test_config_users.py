"""Locust's option --config-users, which changes user classes and their tasks."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from festgate.rehearsal.runner.inspection import inspect_locustfile
from festgate.rehearsal.runner.run import CannotRun, rehearse
from festgate.rehearsal.runs.plan import Load, Plan, Rate, Users
from tests.rehearsal.target import answering, journey, welcome

KINDS = """
from locust import HttpUser, constant, task

class Student(HttpUser):
    host = "http://127.0.0.1:1"
    wait_time = constant(0.05)

    @task
    def look(self):
        self.client.get("/student")

    @task
    def search(self):
        self.client.get("/search")

class Teacher(Student):
    weight = 9

    @task
    def grade(self):
        self.client.get("/teacher")
"""
STUDENT = {"user_class_name": "Student", "tasks": ["look"]}


@pytest.mark.parametrize(
    "load, workers",
    [(Users(4, 100.0), 1), (Users(4, 100.0), 2), (Rate(20.0, "constant"), 1)],
    ids=["users", "users of two workers", "arrivals"],
)
def test_users_have_the_tasks_and_the_weight_of_the_configuration(
    tmp_path: Path, load: Load, workers: int
) -> None:
    words = ("--config-users", json.dumps([STUDENT, {"user_class_name": "Teacher", "weight": 0}]))
    with answering(welcome) as target:
        plan = Plan(journey(tmp_path, KINDS), target.url, load, 1.0, workers=workers, arguments=words)
        samples = rehearse(plan, tmp_path / "runs").samples()
    names = Counter(samples.names[number] for number in samples.name)
    assert names["/student"] > 10
    assert set(names) == {"/student"}


def test_the_host_of_the_configuration_is_used(tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    hosts = [{"user_class_name": name, "host": "http://127.0.0.1:2"} for name in ("Student", "Teacher")]
    file.write_text(json.dumps(hosts), encoding="utf-8")
    plan = Plan(journey(tmp_path, KINDS), "", Users(1, 1.0), 1.0, arguments=("--config-users", str(file)))
    assert inspect_locustfile(plan).host == "http://127.0.0.1:2"


@pytest.mark.parametrize(
    "settings, sentence",
    [
        ({"user_class_name": "Nobody", "weight": 1}, "journey.py has no user class 'Nobody'."),
        ({**STUDENT, "tasks": ["sleep"]}, "the tasks of Student have to be a list of these: look, search."),
        ({**STUDENT, "tasks": 3}, "the tasks of Student have to be a list of these: look, search."),
        ({**STUDENT, "weight": "9"}, "the weight of Student has to be a number."),
    ],
)
def test_a_configuration_that_fits_no_user_class_is_reported_in_one_sentence(
    tmp_path: Path, settings: dict[str, object], sentence: str
) -> None:
    words = ("--config-users", json.dumps(settings))
    plan = Plan(journey(tmp_path, KINDS), "", Users(1, 1.0), 1.0, arguments=words)
    with pytest.raises(CannotRun, match=f"^--config-users: {re.escape(sentence)}$"):
        inspect_locustfile(plan)
