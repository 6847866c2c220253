"""Two builds under load at the same time, compared by the processor time of each."""

import os
import shlex
import signal
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from festgate.rehearsal.report import Compared, render
from festgate.rehearsal.runner.builds import Command
from festgate.rehearsal.runner.cores import assign_cores
from festgate.rehearsal.runner.pairs import run_pairs
from festgate.rehearsal.runs.plan import Plan, Users
from festgate.rehearsal.runs.store import Run, list_runs
from festgate.rehearsal.stats.metrics import parse_metric
from festgate.rehearsal.verdict.comparison import compare, is_interleaved
from tests.rehearsal.target import journey
from tests.rig import command
from tests.rig.server import environment
from tests.rig.waiting import until

NEW_PROCESSES = True
"""A forked process would not inherit the cores of the process that starts it."""
CPU = [parse_metric("cpu")]
PAIRS = 2
CORES = """
import os
import psutil

kind = psutil.Process()
with open({kept!r} + "/cores-" + {name!r} + "-" + str(os.getpid()), "w") as file:
    file.write(repr(list(kind.cpu_affinity())) if hasattr(kind, "cpu_affinity") else "[]")
"""
"""Writes down the cores of its process."""
SERVER = """
import sys, time
sys.path.insert(0, {root!r})
from tests.rehearsal.target import Target, welcome

def answer(path):
    began = time.thread_time()
    while path == "/page" and time.thread_time() < began + float(sys.argv[2]) / 1000:
        pass
    return welcome(path)

Target(answer, port=int(sys.argv[1])).serve_forever()
"""


def computing(folder: Path, milliseconds: int) -> str:
    """Return a command that serves /page with that many milliseconds of processor time."""
    script = folder / "server.py"
    noted = CORES.format(kept=str(folder), name="target")
    script.write_text(noted + SERVER.format(root=str(Path.cwd())), encoding="utf-8")
    return shlex.join([sys.executable, str(script), "{port}", str(milliseconds)])


def plan(folder: Path) -> Plan:
    """Return a plan for four users, which do not saturate both targets."""
    noted = CORES.format(kept=str(folder), name="generator")
    path = Path(journey(folder, wait=0.1))
    path.write_text(noted + path.read_text(encoding="utf-8"), encoding="utf-8")
    return Plan(str(path), "", Users(4, 100.0), duration=4.0, warm_up=0.5, seed=7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("at-once")


@pytest.fixture(scope="module")
def completed(folder: Path) -> tuple[list[Run], list[Run]]:
    """Pairs of a build and of one that computes three times as long."""
    before, after = (Command(tuple(shlex.split(computing(folder, time)))) for time in (4, 12))
    return run_pairs(
        plan(folder), before, after, PAIRS, folder / "runs", on_second=lambda *_: None, at_once=True
    )


def test_each_build_has_its_own_processor_time(completed: tuple[list[Run], list[Run]]) -> None:
    comparison = compare(*completed, CPU, interleaved=is_interleaved(*completed), accepted=["too-few-runs"])
    assert "under load at once and delayed each other" in " ".join(
        render(Compared(comparison, *completed), "text").split()
    )
    assert (comparison.refusals, {flag.code for flag in comparison.flags} & {"not-interleaved"}) == (
        (),
        set(),
    )
    assert comparison.primary is not None
    # HTTP itself takes the same time in both, some milliseconds at most.
    assert 0.004 * 0.9 < comparison.primary.before < 0.010
    assert 0.012 * 0.9 < comparison.primary.after < 0.020


def test_a_pair_has_one_seed_and_takes_place_at_the_same_time(completed: tuple[list[Run], list[Run]]) -> None:
    assert [run.plan.seed for run in completed[0]] == [run.plan.seed for run in completed[1]] == [7, 8]
    for one, other in zip(*completed, strict=True):
        assert abs(one.began - other.began) < one.plan.warm_up + one.plan.duration


def test_response_times_of_runs_at_the_same_time_are_refused(completed: tuple[list[Run], list[Run]]) -> None:
    comparison = compare(*completed, [parse_metric("p50")], interleaved=True)
    figures = {refusal.code: refusal.figure for refusal in comparison.refusals}
    assert figures["played-at-once"] == "2 of 2 runs before overlap with one after"
    assert "played-at-once" not in {
        refusal.code for refusal in compare(*completed, CPU, interleaved=True).refusals
    }


def test_both_targets_have_the_same_core_and_the_generators_have_the_others(
    folder: Path, completed: tuple[list[Run], list[Run]]
) -> None:
    cores = assign_cores()
    if not cores.targets:  # one core, or a system without affinity
        cores = replace(cores, targets=_all_cores(), generators=_all_cores())
    noted = {
        name: [path.read_text(encoding="utf-8") for path in folder.glob(f"cores-{name}-*")]
        for name in ("target", "generator")
    }
    assert noted == {
        "target": [repr(list(cores.targets))] * 2 * PAIRS,
        "generator": [repr(list(cores.generators))] * 2 * PAIRS,
    }
    assert len(completed[0]) == PAIRS


def _all_cores() -> list[int]:
    kind = psutil.Process()
    return list(kind.cpu_affinity()) if hasattr(kind, "cpu_affinity") else []


def test_ctrl_c_ends_both_runs_and_keeps_them(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    one, other = (computing(tmp_path, time) for time in (4, 5))
    words = ["ab", journey(tmp_path, wait=0), "--at-once", "--before", one, "--after", other]
    words += ["--users", "2", "--duration", "1h", "--runs", str(runs)]
    with (tmp_path / "output").open("wb") as output, Path(os.devnull).open("rb") as nothing:
        program = command.start(
            words, environment(tmp_path), nothing, output, output, modules=command.REHEARSAL
        )
        try:
            until(lambda: len(list(runs.glob("*/*.samples"))) == 2, "both have begun", 60)
            until(
                lambda: all(len(run.samples()) > 20 for run in list_runs(runs)), "some of each are kept", 60
            )
            program.send_signal(signal.SIGINT)
            code = program.wait(60)
        finally:
            program.send_signal(signal.SIGKILL)
    printed = (tmp_path / "output").read_text(encoding="utf-8")
    assert (code, f"The completed runs are kept in {runs}" in printed) == (130, True), printed
    assert [run.state for run in list_runs(runs)] == ["cut", "cut"]
    assert {run.name.rsplit("-", 1)[-1] for run in list_runs(runs)} == {"before", "after"}
