"""A disk that fills up while a run is written. What stands for it is the system's limit on the size of files."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from festgate.rehearsal.report import render
from festgate.rehearsal.runs.store import list_runs
from tests.rehearsal.target import answering, journey, welcome
from tests.rig.server import environment

ROOM = 1_500
"""Bytes for a file of samples: of a second or two, or three."""
PROGRAM = """
import resource, sys, threading, time
from pathlib import Path

from festgate.__main__ import main

_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)), most))
runs = Path(sys.argv[sys.argv.index("--runs") + 1])

def fill():
    while not any(file.stat().st_size for file in runs.glob("*/*.samples")):
        time.sleep(0.01)
    # From now on this process, which writes run.json, has no room at all; those that it has started have some left.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, most))

threading.Thread(target=fill, daemon=True).start()
main()
"""


def play(folder: Path, host: str, workers: int) -> subprocess.CompletedProcess[str]:
    """A run of an hour, to what ends it."""
    folder.mkdir()
    load = ["--users", "4", "--duration", "1h", "--warm-up", "0", "--workers", str(workers)]
    words = ["rehearse", journey(folder), "--host", host, *load, "--runs", str(folder / "runs")]
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROOM), *words],
        # Python takes a compiled file that was cut short for a whole one; the next to import it would fail.
        env=environment(folder, {"PYTHONDONTWRITEBYTECODE": "1"}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, tuple[Path, object]]]:
    """The folder and the end of a run of one process, and of one with two workers, by their number."""
    folder = tmp_path_factory.mktemp("full")
    folders = {workers: folder / str(workers) for workers in (1, 2)}
    with answering(welcome) as target, ThreadPoolExecutor() as both:
        ends = {
            workers: both.submit(play, of_its_own, target.url, workers)
            for workers, of_its_own in folders.items()
        }
        yield {workers: (folders[workers] / "runs", end.result()) for workers, end in ends.items()}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_for_which_the_disk_has_no_more_room_is_kept_and_marked_and_told_in_a_sentence(
    played: dict[int, tuple[Path, subprocess.CompletedProcess[str]]], workers: int
) -> None:
    runs, end = played[workers]
    assert end.returncode == 2, end.stderr
    (run,) = list_runs(runs)
    last = end.stderr.splitlines()[-1]
    assert last == (
        f"The run could not be written any further in {run.folder} (File too large): what there was room for is kept,"
        " and marked as cut. Make room there, or choose another folder with --runs."
    )
    assert "Traceback" not in end.stderr
    assert run.state == "cut"
    assert run.notes[-1] == "The disk was full before its end."
    assert not list(run.folder.glob(".*"))
    assert all(0 < file.stat().st_size <= ROOM for file in run.folder.glob("*.samples"))
    samples = run.samples()
    assert len(samples) > 20
    assert not samples.failed.any()
    assert all(each.memory > 0 for each in run.resources())
    assert "Stopped before its end" in render(run, "text")
