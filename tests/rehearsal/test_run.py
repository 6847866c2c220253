"""A run: the load that is sent, what is kept of it, and the errors that prevent it."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from hdrh.histogram import HdrHistogram

from festgate.rehearsal.runner.resources import ResourceMonitor
from festgate.rehearsal.runner.run import CannotRun, Second, rehearse
from festgate.rehearsal.runs.plan import Plan, Rate, Users
from festgate.rehearsal.runs.store import HISTOGRAM_FILE, RESOURCES_FILE, Run, list_runs, read_run
from tests.rehearsal.target import Answer, Freezing, answering, journey, welcome
from tests.rig import command
from tests.rig.server import environment
from tests.rig.waiting import until


def run_once(tmp_path: Path, host: str, load: Users | Rate, **more: float) -> tuple[Run, list[Second]]:
    seconds: list[Second] = []
    plan = Plan(journey=journey(tmp_path), host=host, load=load, **{"duration": 3.0, "seed": 7, **more})  # type: ignore[arg-type]
    return rehearse(plan, tmp_path / "runs", on_second=seconds.append), seconds


def test_a_run_is_kept_with_every_request_and_both_sides_and_a_histogram(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(path: str) -> tuple[int, bytes]:
        asked.append(path)
        return welcome(path)

    with answering(answer) as target:
        run, seconds = run_once(tmp_path, target.url, Users(4, 100), warm_up=1.0)
    assert run.state == "whole"
    samples = run.samples()
    assert (samples.names, len(samples)) == (("/page",), asked.count("/page"))
    assert set(samples.status.tolist()) == {200}
    assert not samples.failed.any()
    assert set(samples.size.tolist()) == {507}
    assert len(set(samples.digest.tolist())) == 1
    assert int(samples.new_connection.sum()) == 4
    assert 0 < len(run.measured()) < len(samples)
    assert run.measured().intended.min() >= 1
    on_disk = sum(file.stat().st_size for file in run.folder.glob("*.samples"))
    assert on_disk / len(samples) <= 20
    assert {second.side for second in run.resources()} == {"generator"}
    assert all(second.cpu >= 0 and second.memory > 10_000_000 for second in run.resources())
    assert [second.at for second in seconds] == [1, 2, 3, 4]
    assert seconds[-1].requests <= len(samples)
    assert (run.plan.seed, run.generator["festgate"] != "", run.name) == (7, True, read_run(run.folder).name)
    assert [kept.name for kept in list_runs(tmp_path / "runs")] == [run.name]
    log = (run.folder / HISTOGRAM_FILE).read_text(encoding="ascii")
    encoded = [line.split(",")[3] for line in log.splitlines() if re.match(r"\d", line)]
    counts = [HdrHistogram.decode(line).get_total_count() for line in encoded]
    assert sum(counts) == len(run.measured())


def test_a_failed_check_of_the_journey_is_a_failure_even_with_status_200(tmp_path: Path) -> None:
    with answering(lambda _path: (200, b"another page")) as target:
        run, seconds = run_once(tmp_path, target.url, Users(2, 100), duration=1.0)
    samples = run.samples()
    assert samples.failed.all()
    assert set(samples.status.tolist()) == {200}
    assert seconds[-1].failures > 0
    assert "not the page" in " ".join(run.notes)


@pytest.fixture(scope="module", autouse=True)
def frozen(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Mapping[str, Future[tuple[Run, list[Second]]]]]:
    """A freeze of 2 s in 10 s under an open and a closed loop, in the background of the other tests."""
    length = {"duration": 10.0, "warm_up": 2.0}
    with (
        answering(Freezing(after=5, length=2)) as one,
        answering(Freezing(after=5, length=2)) as other,
        ThreadPoolExecutor() as both,
    ):
        yield {
            "open": both.submit(run_once, tmp_path_factory.mktemp("open"), one.url, Rate(100), **length),
            "closed": both.submit(
                run_once, tmp_path_factory.mktemp("closed"), other.url, Users(5, 100), **length
            ),
        }


def test_an_open_loop_sends_at_its_rate_and_the_same_seed_sends_at_the_same_moments(tmp_path: Path) -> None:
    intended = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with answering(welcome) as target:
            run, _ = run_once(tmp_path / name, target.url, Rate(80), duration=3.0)
        intended.append(run.samples().intended)
    first, second = intended
    both = min(len(first), len(second))
    assert 100 < both < 350
    assert np.abs(first[:both] - second[:both]).max() < 1e-5


GETTING_READY = """
from locust import FastHttpUser, task

class Guest(FastHttpUser):
    def on_start(self):
        self.client.get("/ready")
        {then}

    @task
    def look(self):
        self.client.get("/page")
"""


def test_the_first_users_of_an_open_loop_are_ready_before_its_clock_starts(tmp_path: Path) -> None:
    def answer(path: str) -> Answer:
        if path == "/ready":
            time.sleep(0.7)
        return welcome(path)

    with answering(answer) as target:
        text = GETTING_READY.replace("{then}", "pass")
        plan = Plan(journey(tmp_path, text), target.url, Rate(8, "constant"), duration=1.5)
        run = rehearse(plan, tmp_path / "runs")
    samples = run.samples()
    assert samples.names == ("/page",)
    # Each request was sent by a user that was ready: none waited for a new user.
    assert len(samples) == 11
    assert run.dropped == 0


WAITING_FOR_THE_OTHERS = """
from gevent.event import Event
from locust import FastHttpUser, constant, events, task

all_started = Event()

@events.spawning_complete.add_listener
def let_in(user_count, **_):
    if user_count:
        all_started.set()

class Guest(FastHttpUser):
    wait_time = constant(0.05)

    def on_start(self):
        if not all_started.wait(timeout=5):
            raise TimeoutError("the others did not start")

    @task
    def look(self):
        self.client.get("/page")
"""


@pytest.mark.parametrize(
    "load, workers",
    [(Users(3, 100), 2), (Rate(8, "constant"), 1), (Rate(8, "constant"), 2)],
    ids=["closed loop of two workers", "open loop", "open loop of two workers"],
)
def test_an_on_start_can_wait_until_all_users_have_started(
    tmp_path: Path, load: Users | Rate, workers: int
) -> None:
    with answering(welcome) as target:
        plan = Plan(journey(tmp_path, WAITING_FOR_THE_OTHERS), target.url, load, 1.5, workers=workers)
        run = rehearse(plan, tmp_path / "runs")
    assert len(run.samples()) >= 8
    assert (run.exceptions, run.dropped) == ({}, 0)


def test_a_journey_without_a_ready_user_is_reported_in_one_sentence_and_leaves_no_run(tmp_path: Path) -> None:
    with answering(lambda _path: (503, b"closed")) as target:
        text = GETTING_READY.replace("{then}", "raise RuntimeError")
        plan = Plan(journey(tmp_path, text), target.url, Rate(5), duration=1.0)
        with pytest.raises(CannotRun, match=r"None of the first users became ready: /ready: .*503"):
            rehearse(plan, tmp_path / "runs")
    assert list((tmp_path / "runs").iterdir()) == []


def test_an_arrival_that_no_user_could_take_in_time_is_counted_as_dropped(tmp_path: Path) -> None:
    with answering(Freezing(after=0, length=6)) as target:
        run, seconds = run_once(tmp_path, target.url, Rate(20, "constant", most_users=3), duration=2.0)
    assert run.dropped > 0
    assert seconds[-1].waiting > 0


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("from locust import task\nclass Broken(:\n", "line 2"),
        (
            "from locust import task\n\nraise RuntimeError('no such thing')\n",
            "line 3: RuntimeError: no such thing",
        ),
        ("import this_module_is_nowhere\n", "this_module_is_nowhere"),
        ("VALUE = 1\n", "has no user"),
    ],
)
def test_a_journey_with_an_error_is_reported_in_one_sentence_and_leaves_no_run(
    tmp_path: Path, text: str, sentence: str
) -> None:
    with answering(welcome) as target:
        plan = Plan(journey(tmp_path, text), target.url, Users(1, 1), 1.0)
        with pytest.raises(CannotRun, match=re.escape(sentence)):
            rehearse(plan, tmp_path / "runs")
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_run_that_ctrl_c_ends_is_kept_as_cut(tmp_path: Path) -> None:
    visits = itertools.count()
    enough = threading.Event()

    def answer(path: str) -> Answer:
        if path == "/page" and next(visits) > 30:
            enough.set()
        return welcome(path)

    with (
        answering(answer) as target,
        (tmp_path / "output").open("wb") as output,
        (tmp_path / "errors").open("wb") as errors,
        Path(os.devnull).open("rb") as nothing,
    ):
        words = ["rehearse", journey(tmp_path), "--host", target.url, "--format", "json"]
        words += ["--users", "2", "--duration", "1h", "--runs", str(tmp_path / "runs")]
        program = command.start(
            words, environment(tmp_path), nothing, output, errors, modules=command.REHEARSAL
        )
        try:
            assert enough.wait(60)
            program.send_signal(signal.SIGINT)
            code = program.wait(60)
        finally:
            program.send_signal(signal.SIGKILL)
    assert code == 130, (tmp_path / "errors").read_text(encoding="utf-8")
    (run,) = list_runs(tmp_path / "runs")
    assert run.state == "cut"
    assert len(run.samples()) > 20
    assert json.loads((tmp_path / "output").read_text(encoding="utf-8"))["state"] == "cut"


def test_a_server_that_freezes_shows_in_an_open_loop_and_hardly_in_a_closed_one(
    frozen: Mapping[str, Future[tuple[Run, list[Second]]]],
) -> None:
    """At 100 arrivals a second, a fifth of all people arrive during the freeze."""
    opened, closed = (frozen[loop].result()[0].measured().response for loop in ("open", "closed"))
    assert np.quantile(opened, 0.99) > 1.0
    # Arrivals in its first second wait for more than one: 100 of 1,000 in the open loop. In the closed one, each of the
    # five users waits once.
    assert np.mean(opened > 1.0) > 0.06
    assert np.sum(closed > 1.0) < 10


def test_an_ended_process_is_ignored_even_while_it_is_a_zombie(tmp_path: Path) -> None:
    rows = tmp_path / RESOURCES_FILE

    def seen(side: str) -> int:
        return rows.read_text(encoding="utf-8").count(side)

    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert process.stdin is not None
    with process, ResourceMonitor(tmp_path, {"generator": process.pid, "server": os.getpid()}) as monitor:
        monitor.begin(time.time())
        until(lambda: monitor.last.get("generator"), "a sample of the process")
        process.stdin.close()
        until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE, "its end")
        before, samples = seen("generator"), seen("server")
        until(lambda: seen("server") >= samples + 2, "two more samples")
        # The first of the two may have begun before its end.
        assert seen("generator") <= before + 1
    memory = [int(row.rpartition(",")[2]) for row in rows.read_text(encoding="utf-8").splitlines()[1:]]
    assert min(memory) > 0


RAISING = """
from locust import HttpUser, constant, task

class Visitor(HttpUser):
    wait_time = constant(0.05)

    @task
    def look(self):
        prices = {"asha": 1}
        self.client.get("/page")
        prices["ravi"]
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_in_a_task_is_kept_with_its_line(tmp_path: Path, workers: int) -> None:
    file = tmp_path / "raising.py"
    file.write_text(RAISING, encoding="utf-8")
    with answering(welcome) as target:
        plan = Plan(str(file), target.url, Users(2, 100), duration=1.0, seed=7, workers=workers)
        run = rehearse(plan, tmp_path / "runs")
    assert set(run.exceptions) == {"KeyError: 'ravi' (raising.py, line 11)"}
    assert len(run.samples()) - 2 * workers <= sum(run.exceptions.values()) <= len(run.samples())
    assert read_run(run.folder).exceptions == run.exceptions


def test_users_that_cannot_start_are_missing_and_the_exception_is_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "raising.py"
    file.write_text(
        RAISING.replace("    @task", "    def on_start(self):\n        int('x')\n\n    @task"),
        encoding="utf-8",
    )
    reason = "ValueError: invalid literal for int() with base 10: 'x' (raising.py, line 8)"
    with answering(welcome) as target:
        closed = Plan(str(file), target.url, Users(2, 100), duration=1.0, seed=7)
        run = rehearse(closed, tmp_path / "runs")
        assert (run.present, set(run.exceptions)) == (0, {reason})
        with pytest.raises(CannotRun, match=re.escape(reason)):
            rehearse(replace(closed, load=Rate(5.0)), tmp_path / "runs")


def test_the_message_of_an_exception_is_short_and_does_not_control_a_terminal(tmp_path: Path) -> None:
    file = tmp_path / "raising.py"
    hostile = 'raise ValueError("\\x1b[2J\\x07gone\\r\\n" + "x" * 1_000_000)'
    file.write_text(RAISING.replace('prices["ravi"]', hostile), encoding="utf-8")
    with answering(welcome) as target:
        plan = Plan(str(file), target.url, Users(1, 100), duration=1.0, seed=7)
        (kind,) = rehearse(plan, tmp_path / "runs").exceptions
    assert kind.startswith("ValueError: [2J gone x")
    assert kind.isprintable()
    assert len(kind) < 300
