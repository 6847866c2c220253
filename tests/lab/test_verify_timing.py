"""The timed runs are real, and an interrupted verification leaves nothing behind."""

import os
import re
import sys
from pathlib import Path

import psutil

from festgate.lab.description.starter import BUILT_IN
from festgate.lab.student.copies import write_fixed_starter
from festgate.lab.student.folder import write_starter
from festgate.lab.verify.behaviour import Program
from festgate.lab.verify.timing import time_routes
from festgate.rehearsal.runs.store import list_runs
from tests.lab import solutions
from tests.rig import command
from tests.rig.server import environment
from tests.rig.waiting import until


def test_both_apps_are_run_in_turn_and_each_route_is_a_comparison_of_its_own(tmp_path: Path) -> None:
    write_fixed_starter(BUILT_IN, tmp_path / "before")
    write_starter(BUILT_IN, tmp_path / "after")
    solutions.reference(tmp_path / "after")
    reported = []
    comparisons = time_routes(
        Program(BUILT_IN, tmp_path / "before", sys.executable),
        Program(BUILT_IN, tmp_path / "after", sys.executable),
        {"my-events": ("code 1", "code 2"), "checkout": ("code 3", "code 4")},
        tmp_path / "runs",
        pairs=1,
        seconds=2.0,
        report=lambda number, side, _: reported.append((number, side)),
    )
    assert sorted(set(reported)) == [(0, "before"), (1, "after")]
    after, before = list_runs(tmp_path / "runs")
    assert (before.server["build"], after.server["build"]) == ("code 1 code 3", "code 2 code 4")
    for run in (before, after):
        samples = run.measured()
        assert set(samples.names) == {"/my-events", "/checkout"}
        assert not samples.failed.any()
        assert len(set(samples.digest[samples.name == samples.names.index("/my-events")].tolist())) > 1
    assert set(comparisons) == {"my-events", "checkout"}
    for name, comparison in comparisons.items():
        assert comparison.verdict == "refused"
        assert {refusal.code for refusal in comparison.refusals} <= {
            "too-few-runs",
            "too-few-samples",
            "generator-saturated",
        }
        assert set(comparison.steps) == {"/checkout", "/my-events"}, name
    slow, quick = (side[2] for side in comparisons["my-events"].steps["/my-events"])
    assert quick < slow


def test_an_interrupted_verification_leaves_no_process_and_no_file(
    tmp_path: Path,
) -> None:
    lab = tmp_path / "lab"
    lab.mkdir()
    (lab / "main.py").write_text("app = None\nwhile True: pass\n", encoding="utf-8")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    known = environment(tmp_path / "data", {"TMPDIR": str(scratch)})
    log = tmp_path / "log"
    with log.open("wb") as output, Path(os.devnull).open("rb") as nothing:
        process = command.start(
            ["lab", "verify", "lab", "--without-load"],
            known,
            nothing,
            output,
            output,
            folder=tmp_path,
            modules=command.REHEARSAL,
        )
    until(lambda: running(scratch), "the start of the submission")
    process.send_signal(15)
    assert process.wait(30) == 130
    assert re.search(r"Interrupted\. The submission no longer runs\.\n$", log.read_text(encoding="utf-8"))
    assert running(scratch) == []
    assert list(scratch.iterdir()) == []


def running(folder: Path) -> list[int]:
    """Return the ids of processes that work below the folder, as submitted apps do in their temporary copies."""
    pids = []
    for process in psutil.process_iter():
        try:
            if process.cwd().startswith(str(folder)):
                pids.append(process.pid)
        except psutil.Error:
            continue
    return pids
