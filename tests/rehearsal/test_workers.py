"""Workers: several processes that generate one load, recorded as one run."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import httpx
import numpy as np
import psutil
import pytest

from festgate.ports import free_port
from festgate.rehearsal.runner.participant import CannotJoin, join
from festgate.rehearsal.runner.run import CannotRun, Second, rehearse
from festgate.rehearsal.runs.plan import Plan, Rate, RunOptions, Users
from festgate.rehearsal.runs.store import Run
from tests.rehearsal.target import Answer, answering, journey, welcome
from tests.rehearsal.test_commands import festgate

NEW_PROCESSES = True
"""The processes are children of this one."""
WORKER = "festgate.rehearsal.load worker"


@dataclass
class Outcome:
    """A run with two workers, the requests that reached its target, and its notices."""

    run: Run
    asked: int
    seconds: list[Second] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    workers: list[psutil.Process] = field(default_factory=list)
    """The worker processes during the run."""
    worker_notices: list[str] = field(default_factory=list)
    """The notices of the workers that joined, and their exit codes."""
    codes: list[int] = field(default_factory=list)
    refused: tuple[int, str] = (0, "")
    """Exit code and errors of the worker that could not join."""


class PageCounter:
    """A target that counts the requests for its page."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.count = 0
        self._lock = Lock()

    def __call__(self, path: str) -> Answer:
        if path == "/page":
            with self._lock:
                self.count += 1
        return welcome(path)


def words_of(process: psutil.Process) -> str:
    """Return the command line of a process; empty when it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # or a zombie, which is one of them
        return ""


def generator_of(folder: Path) -> psutil.Process:
    (generator,) = [child for child in psutil.Process().children() if str(folder) in words_of(child)]
    return generator


def workers_of(process: psutil.Process) -> list[psutil.Process]:
    return [child for child in process.children(recursive=True) if WORKER in words_of(child)]


def started_here(folder: Path) -> Outcome:
    """Run an open loop with equal intervals, with Locust's page, to its end."""
    seconds: list[Second] = []
    asked = PageCounter()
    with answering(asked) as target:
        plan = Plan(journey(folder), target.url, Rate(40, "constant"), 1.0, 1.0, seed=7, workers=2)
        notices: list[str] = []
        options = RunOptions(web_port=free_port())
        run = rehearse(
            plan, folder / "runs", on_second=seconds.append, on_notice=notices.append, options=options
        )
    return Outcome(run, asked.count, seconds, notices)


def one_dies(folder: Path) -> Outcome:
    """Kill the first of two workers after a second."""
    asked = PageCounter()
    with answering(asked) as target:

        def kill_one(second: Second) -> None:
            if second.at == 1:
                workers_of(generator_of(folder))[0].kill()

        plan = Plan(journey(folder), target.url, Rate(40), 60.0, seed=7, workers=2)
        run = rehearse(plan, folder / "runs", on_second=kill_one)
    return Outcome(run, asked.count)


def interrupted(folder: Path) -> Outcome:
    """Press Ctrl-C in the first second, after reading Locust's page."""
    port = free_port()
    shown: list[str] = []
    workers: list[psutil.Process] = []
    asked = PageCounter()

    def press_ctrl_c(_second: Second) -> None:
        stats = httpx.get(
            f"http://127.0.0.1:{port}/stats/requests", trust_env=False, verify=False, timeout=20
        ).json()
        shown.extend(worker["id"] for worker in stats["workers"])
        workers.extend(workers_of(generator_of(folder)))
        raise KeyboardInterrupt

    with answering(asked) as target:
        plan = Plan(journey(folder), target.url, Users(2, 100), 3600.0, seed=7, workers=2)
        run = rehearse(plan, folder / "runs", on_second=press_ctrl_c, options=RunOptions(web_port=port))
    return Outcome(run, asked.count, notices=shown, workers=workers)


def joined(folder: Path) -> Outcome:
    """Run a closed loop; a worker with another journey comes first, then the two that take part."""
    port = free_port()
    asked = PageCounter()
    (folder / "other").mkdir()
    mine, other = journey(folder), journey(folder / "other", wait=0.5)
    notices: list[str] = []
    worker_notices: list[str] = []
    with answering(asked) as target, ThreadPoolExecutor(3) as pool:
        plan = Plan(mine, target.url, Users(3, 100), 1.0, seed=7, workers=2)
        options = RunOptions(join_at=("127.0.0.1", port), timeout=150)
        future = pool.submit(rehearse, plan, folder / "runs", on_notice=notices.append, options=options)
        wrong = festgate(folder, "rehearse", other, "--worker-of", f"127.0.0.1:{port}")
        others = [
            pool.submit(join, mine, "127.0.0.1", port, 150.0, on_notice=worker_notices.append)
            for _ in range(2)
        ]
        run = future.result()
        codes = [other.result() for other in others]
    return Outcome(
        run,
        asked.count,
        notices=notices,
        worker_notices=worker_notices,
        codes=codes,
        refused=(wrong.returncode, wrong.stderr),
    )


SCENARIOS: dict[str, Callable[[Path], Outcome]] = {
    scenario.__name__: scenario for scenario in (started_here, one_dies, interrupted, joined)
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    """Each kind of run once, all at the same time: no test depends on their speed."""
    folders = {name: tmp_path_factory.mktemp(name) for name in SCENARIOS}
    with ThreadPoolExecutor(len(SCENARIOS)) as pool:
        futures = {name: pool.submit(scenario, folders[name]) for name, scenario in SCENARIOS.items()}
        yield {name: future.result() for name, future in futures.items()}


def test_the_samples_of_all_workers_are_one_run_with_the_load_of_the_plan(
    outcomes: dict[str, Outcome],
) -> None:
    outcome = outcomes["started_here"]
    samples = outcome.run.samples()
    assert (outcome.run.state, outcome.run.plan.workers) == ("whole", 2)
    assert len(samples) == outcome.asked
    assert sorted(file.name for file in outcome.run.folder.glob("*.samples")) == ["0.samples", "1.samples"]
    # 40 a second for 2 seconds, the first after one interval: each worker sends every second one. Rounding decides
    # whether the last arrival is just before the end or at it.
    assert len(samples) + outcome.run.dropped in (78, 79, 80)
    place = samples.intended * 40
    assert np.allclose(place, np.round(place), atol=1e-3)
    assert len(set(np.round(place).tolist())) == len(samples)
    assert outcome.run.measured().intended.min() >= 1


def test_the_progress_of_all_workers_is_reported_as_one(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["started_here"]
    assert [second.at for second in outcome.seconds] == [1, 2]
    counts = [second.requests for second in outcome.seconds]
    assert counts == sorted(counts)
    assert 0 < counts[-1] <= outcome.asked
    assert all(second.p95 is not None and second.users > 0 for second in outcome.seconds)
    assert outcome.notices[0].startswith("Locust's web page of this run is http://127.0.0.1:")
    generator = [second for second in outcome.run.resources() if second.side == "generator"]
    # Three processes that have imported Locust.
    assert max(second.memory for second in generator) > 100_000_000


def test_a_worker_that_dies_ends_the_run_which_is_kept_as_cut(outcomes: dict[str, Outcome]) -> None:
    run = outcomes["one_dies"].run
    assert run.state == "cut"
    assert "crashed, with exit code -9" in " ".join(run.notes)
    kept = [file.stat().st_size for file in run.folder.glob("*.samples")]
    assert len(kept) == 2
    assert len(run.samples()) > 20


def test_ctrl_c_ends_every_worker_and_keeps_the_run(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["interrupted"]
    assert outcome.run.state == "cut"
    # Answered requests are recorded; open ones were given up at the end.
    assert 0 < len(outcome.run.samples()) <= outcome.asked
    assert len(outcome.workers) == 2
    assert not any(worker.is_running() for worker in outcome.workers)


def test_the_page_of_locust_shows_the_workers(outcomes: dict[str, Outcome]) -> None:
    assert len(set(outcomes["interrupted"].notices)) == 2


def test_workers_join_from_elsewhere_and_send_what_they_recorded(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["joined"]
    assert outcome.notices[0].startswith("Waiting for 2 workers to join at 127.0.0.1:")
    assert "2 of 2 workers" in outcome.notices[-1]
    assert (outcome.codes, outcome.worker_notices.count("The run is over.")) == ([0, 0], 2), (
        outcome.worker_notices
    )
    samples = outcome.run.samples()
    assert (outcome.run.state, len(samples)) == ("whole", outcome.asked)
    assert len(list(outcome.run.folder.glob("*.samples"))) == 2
    assert int(samples.new_connection.sum()) == 3
    assert sum("its clock exact to" in note for note in outcome.run.notes) == 2
    assert samples.start.min() >= 0
    assert all(second.memory > 100_000_000 for second in outcome.run.resources())


def test_a_worker_with_another_journey_is_refused_on_both_sides(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["joined"]
    code, errors = outcome.refused
    assert code == 2
    assert "has another file of the journey" in errors
    assert any("has another file of the journey" in notice for notice in outcome.notices)


def test_workers_that_do_not_join_in_time_are_reported_in_one_sentence_and_leave_no_run(
    tmp_path: Path,
) -> None:
    with answering(welcome) as target:
        plan = Plan(journey(tmp_path), target.url, Users(2, 2), 1.0, workers=2)
        with pytest.raises(CannotRun, match=r"Only 0 of 2 workers joined within 0\.1 seconds\."):
            rehearse(
                plan, tmp_path / "runs", options=RunOptions(join_at=("127.0.0.1", free_port()), timeout=0.1)
            )
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_worker_without_a_rehearsal_is_reported_in_one_sentence(tmp_path: Path) -> None:
    port = free_port()
    with pytest.raises(CannotJoin, match=f"No rehearsal waits for workers at 127.0.0.1:{port}"):
        join("events", "127.0.0.1", port, 0.0, on_notice=print)


def test_a_place_to_join_that_is_taken_is_reported_in_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        words = ["--host", "http://127.0.0.1:1", "--workers", "2", "--join-at", place]
        done = festgate(tmp_path, "rehearse", "events", *words)
    assert done.returncode == 2, done.stderr
    assert f"The rehearsal cannot listen at {place}: " in done.stderr
    assert "Choose another address with --join-at." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["--workers", "3", "--users", "2"], "there are only 2 users"),
        (["--workers", "2", "--join-at", "127.0.0.1:5557"], "--join-at needs a --host"),
        (["--worker-of", "somewhere"], "write HOST:PORT"),
    ],
)
def test_a_load_that_workers_cannot_share_is_reported_in_one_sentence_and_exit_code_2(
    tmp_path: Path, words: list[str], sentence: str
) -> None:
    done = festgate(tmp_path, "rehearse", "events", *words)
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_comparison_with_fewer_users_than_workers_runs_nothing(tmp_path: Path) -> None:
    builds = ["--before", "http://127.0.0.1:1", "--after", "http://127.0.0.1:1"]
    done = festgate(tmp_path, "ab", "events", *builds, "--workers", "3", "--users", "2")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--workers 3: there are only 2 users to share among them." in done.stderr
    assert not (tmp_path / "festgate-runs").exists()
