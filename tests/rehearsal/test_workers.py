"""Workers: several processes that send one load, and the one run that is kept of it."""

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

from festgate.rehearsal.runner.participant import CannotJoin, join
from festgate.rehearsal.runner.run import CannotRun, Second, rehearse
from festgate.rehearsal.runs.plan import Plan, Rate, RunOptions, Users
from festgate.rehearsal.runs.store import Run
from tests.rehearsal.target import Answer, answering, journey, welcome
from tests.rehearsal.test_commands import festgate
from tests.rig.ports import free_port

WORKER = "festgate.rehearsal.load worker"


@dataclass
class Played:
    """A run with two workers, what its target saw, and what was said."""

    run: Run
    asked: int
    seconds: list[Second] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    left: list[psutil.Process] = field(default_factory=list)
    """Workers that were there while it was played."""
    told: list[str] = field(default_factory=list)
    """What the workers that joined said, and their exit codes."""
    codes: list[int] = field(default_factory=list)
    refused: tuple[int, str] = (0, "")
    """The same of the one that could not join."""


class Asked:
    """Counts who asks for the page."""

    def __init__(self) -> None:
        """Nobody yet."""
        self.count = 0
        self._lock = Lock()

    def __call__(self, path: str) -> Answer:
        if path == "/page":
            with self._lock:
                self.count += 1
        return welcome(path)


def words_of(process: psutil.Process) -> str:
    """What it was started with; empty when it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # or a zombie, which is one of them
        return ""


def player_of(folder: Path) -> psutil.Process:
    (player,) = [each for each in psutil.Process().children() if str(folder) in words_of(each)]
    return player


def workers_of(process: psutil.Process) -> list[psutil.Process]:
    return [each for each in process.children(recursive=True) if WORKER in words_of(each)]


def started_here(folder: Path) -> Played:
    """An open loop with equal distances, with Locust's page, to its end."""
    seconds: list[Second] = []
    asked = Asked()
    with answering(asked) as target:
        plan = Plan(journey(folder), target.url, Rate(40, "constant"), 1.0, 1.0, seed=7, workers=2)
        said: list[str] = []
        options = RunOptions(web_port=free_port())
        run = rehearse(
            plan, folder / "runs", on_second=seconds.append, on_notice=said.append, options=options
        )
    return Played(run, asked.count, seconds, said)


def one_dies(folder: Path) -> Played:
    """Of two workers the first is killed after a second."""
    asked = Asked()
    with answering(asked) as target:

        def kill_one(second: Second) -> None:
            if second.at == 1:
                workers_of(player_of(folder))[0].kill()

        plan = Plan(journey(folder), target.url, Rate(40), 60.0, seed=7, workers=2)
        run = rehearse(plan, folder / "runs", on_second=kill_one)
    return Played(run, asked.count)


def interrupted(folder: Path) -> Played:
    """Ctrl-C in the first second, after a look at Locust's page."""
    port = free_port()
    shown: list[str] = []
    left: list[psutil.Process] = []
    asked = Asked()

    def press_ctrl_c(_second: Second) -> None:
        stats = httpx.get(
            f"http://127.0.0.1:{port}/stats/requests", trust_env=False, verify=False, timeout=20
        ).json()
        shown.extend(worker["id"] for worker in stats["workers"])
        left.extend(workers_of(player_of(folder)))
        raise KeyboardInterrupt

    with answering(asked) as target:
        plan = Plan(journey(folder), target.url, Users(2, 100), 3600.0, seed=7, workers=2)
        run = rehearse(plan, folder / "runs", on_second=press_ctrl_c, options=RunOptions(web_port=port))
    return Played(run, asked.count, said=shown, left=left)


def joined(folder: Path) -> Played:
    """A closed loop; a worker with another journey comes first, then the two that take part."""
    port = free_port()
    asked = Asked()
    (folder / "other").mkdir()
    mine, other = journey(folder), journey(folder / "other", wait=0.5)
    said: list[str] = []
    told: list[str] = []
    with answering(asked) as target, ThreadPoolExecutor(3) as pool:
        plan = Plan(mine, target.url, Users(3, 100), 1.0, seed=7, workers=2)
        options = RunOptions(join_at=("127.0.0.1", port), timeout=150)
        playing = pool.submit(rehearse, plan, folder / "runs", on_notice=said.append, options=options)
        wrong = festgate(folder, "rehearse", other, "--worker-of", f"127.0.0.1:{port}")
        others = [pool.submit(join, mine, "127.0.0.1", port, 150.0, on_notice=told.append) for _ in range(2)]
        run = playing.result()
        codes = [each.result() for each in others]
    return Played(
        run, asked.count, said=said, told=told, codes=codes, refused=(wrong.returncode, wrong.stderr)
    )


PLAYS: dict[str, Callable[[Path], Played]] = {
    each.__name__: each for each in (started_here, one_dies, interrupted, joined)
}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Played]]:
    """Each kind of run once, all at the same time: nothing here depends on how fast they are."""
    folders = {name: tmp_path_factory.mktemp(name) for name in PLAYS}
    with ThreadPoolExecutor(len(PLAYS)) as pool:
        found = {name: pool.submit(play, folders[name]) for name, play in PLAYS.items()}
        yield {name: each.result() for name, each in found.items()}


def test_the_samples_of_all_workers_are_one_run_with_the_load_of_the_plan(played: dict[str, Played]) -> None:
    found = played["started_here"]
    samples = found.run.samples()
    assert (found.run.state, found.run.plan.workers) == ("whole", 2)
    assert len(samples) == found.asked
    assert sorted(file.name for file in found.run.folder.glob("*.samples")) == ["0.samples", "1.samples"]
    # 40 a second for 2 seconds, the first after one distance: each worker sends every second one. Whether its last one
    # comes just before the end or at it is the rounding's.
    assert len(samples) + found.run.dropped in (78, 79, 80)
    place = samples.intended * 40
    assert np.allclose(place, np.round(place), atol=1e-3)
    assert len(set(np.round(place).tolist())) == len(samples)
    assert found.run.measured().intended.min() >= 1


def test_while_it_is_played_all_workers_are_told_as_one(played: dict[str, Played]) -> None:
    found = played["started_here"]
    assert [second.at for second in found.seconds] == [1, 2]
    counts = [second.requests for second in found.seconds]
    assert counts == sorted(counts)
    assert 0 < counts[-1] <= found.asked
    assert all(second.p95 is not None and second.users > 0 for second in found.seconds)
    assert found.said[0].startswith("Locust's web page of this run is http://127.0.0.1:")
    generator = [each for each in found.run.resources() if each.side == "generator"]
    # Three processes that have Locust in them.
    assert max(each.memory for each in generator) > 100_000_000


def test_a_worker_that_dies_ends_the_run_which_is_kept_and_marked(played: dict[str, Played]) -> None:
    run = played["one_dies"].run
    assert run.state == "cut"
    assert "crashed, with exit code -9" in " ".join(run.notes)
    kept = [file.stat().st_size for file in run.folder.glob("*.samples")]
    assert len(kept) == 2
    assert len(run.samples()) > 20


def test_ctrl_c_ends_every_worker_and_keeps_the_run(played: dict[str, Played]) -> None:
    found = played["interrupted"]
    assert found.run.state == "cut"
    # What was answered is recorded; what was under way at the end was given up.
    assert 0 < len(found.run.samples()) <= found.asked
    assert len(found.left) == 2
    assert not any(each.is_running() for each in found.left)


def test_the_page_of_locust_shows_the_workers(played: dict[str, Played]) -> None:
    assert len(set(played["interrupted"].said)) == 2


def test_workers_join_from_elsewhere_and_send_what_they_recorded(played: dict[str, Played]) -> None:
    found = played["joined"]
    assert found.said[0].startswith("Waiting for 2 workers to join at 127.0.0.1:")
    assert "2 of 2 workers" in found.said[-1]
    assert (found.codes, found.told.count("The run is over.")) == ([0, 0], 2), found.told
    samples = found.run.samples()
    assert (found.run.state, len(samples)) == ("whole", found.asked)
    assert len(list(found.run.folder.glob("*.samples"))) == 2
    assert int(samples.new_connection.sum()) == 3
    assert sum("its clock known to" in note for note in found.run.notes) == 2
    assert samples.start.min() >= 0
    assert all(each.memory > 100_000_000 for each in found.run.resources())


def test_a_worker_with_another_journey_is_sent_away_and_both_sides_say_so(played: dict[str, Played]) -> None:
    found = played["joined"]
    code, said = found.refused
    assert code == 2
    assert "has another file of the journey" in said
    assert any("has another file of the journey" in each for each in found.said)


def test_workers_that_do_not_come_in_time_are_one_sentence_and_leave_no_run(tmp_path: Path) -> None:
    with answering(welcome) as target:
        plan = Plan(journey(tmp_path), target.url, Users(2, 2), 1.0, workers=2)
        with pytest.raises(CannotRun, match=r"Only 0 of 2 workers joined within 0\.1 seconds\."):
            rehearse(
                plan, tmp_path / "runs", options=RunOptions(join_at=("127.0.0.1", free_port()), timeout=0.1)
            )
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_worker_whom_nobody_expects_says_so(tmp_path: Path) -> None:
    port = free_port()
    with pytest.raises(CannotJoin, match=f"No rehearsal waits for workers at 127.0.0.1:{port}"):
        join("events", "127.0.0.1", port, 0.0, on_notice=print)


def test_a_place_to_join_that_is_taken_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
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
def test_what_workers_cannot_share_is_one_sentence_and_exit_code_2(
    tmp_path: Path, words: list[str], sentence: str
) -> None:
    done = festgate(tmp_path, "rehearse", "events", *words)
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_comparison_whose_people_are_too_few_for_its_workers_plays_nothing(tmp_path: Path) -> None:
    builds = ["--before", "http://127.0.0.1:1", "--after", "http://127.0.0.1:1"]
    done = festgate(tmp_path, "ab", "events", *builds, "--workers", "3", "--users", "2")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--workers 3: there are only 2 users to share among them." in done.stderr
    assert not (tmp_path / "festgate-runs").exists()
