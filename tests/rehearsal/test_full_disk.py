"""A disk that fills up during a run, simulated by the system's limit on the size of files."""

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
"""Bytes for a file of samples, enough for one to three seconds."""
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
    # From now on this process, which writes run.json, can write nothing; its child processes still can.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, most))

threading.Thread(target=fill, daemon=True).start()
main()
"""


def run_to_full_disk(folder: Path, host: str, workers: int) -> subprocess.CompletedProcess[str]:
    """Start a run of an hour; return how the command ended."""
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
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, tuple[Path, object]]]:
    """The runs' folder and the ended command, for a run of one process and for one with two workers."""
    folder = tmp_path_factory.mktemp("full")
    folders = {workers: folder / str(workers) for workers in (1, 2)}
    with answering(welcome) as target, ThreadPoolExecutor() as both:
        ends = {
            workers: both.submit(run_to_full_disk, own_folder, target.url, workers)
            for workers, own_folder in folders.items()
        }
        yield {workers: (folders[workers] / "runs", end.result()) for workers, end in ends.items()}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_on_a_full_disk_is_kept_as_cut_and_reported_in_a_sentence(
    ended: dict[int, tuple[Path, subprocess.CompletedProcess[str]]], workers: int
) -> None:
    runs, end = ended[workers]
    assert end.returncode == 2, end.stderr
    (run,) = list_runs(runs)
    last = end.stderr.splitlines()[-1]
    assert last == (
        f"The run could not be written to its end in {run.folder} (File too large). What fitted on the disk is kept,"
        " marked as cut. Free some space there, or choose another folder with --runs."
    )
    assert "Traceback" not in end.stderr
    assert run.state == "cut"
    assert run.notes[-1] == "The disk was full before the end of the run."
    assert not list(run.folder.glob(".*"))
    assert all(0 < file.stat().st_size <= ROOM for file in run.folder.glob("*.samples"))
    samples = run.samples()
    assert len(samples) > 20
    assert not samples.failed.any()
    assert all(second.memory > 0 for second in run.resources())
    assert "Stopped before its end" in render(run, "text")
