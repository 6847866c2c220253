"""`cpu`, the processor time per request: its arithmetic, its verdict, and a real server with a known time."""

import socket
import sys
from pathlib import Path

import numpy as np
import pytest

from festgate.rehearsal.report import Compared, render
from festgate.rehearsal.runner.run import rehearse
from festgate.rehearsal.runner.servers import serving
from festgate.rehearsal.runs.plan import Plan, Users
from festgate.rehearsal.runs.store import RESOURCES_FILE, Resources, Run, Side
from festgate.rehearsal.stats.metrics import Metric, parse_metric, parse_threshold
from festgate.rehearsal.stats.processor_time import processor_time
from festgate.rehearsal.stats.summary import Summary, summarize
from festgate.rehearsal.verdict.comparison import Comparison, compare
from tests.rehearsal.synthetic_runs import Answers, Fest
from tests.rehearsal.target import journey

CPU = parse_metric("cpu")
BURNT = 0.020
"""Seconds of processor time per page."""
SERVER = """
import sys, time
sys.path.insert(0, {root!r})
from tests.rehearsal.target import Target, welcome

def answer(path):
    began = time.thread_time()
    while path == "/page" and time.thread_time() < began + {burnt}:
        pass
    return welcome(path)

Target(answer, port=int(sys.argv[1])).serve_forever()
"""
PARENT = "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"


@pytest.fixture
def fest(tmp_path: Path) -> Fest:
    return Fest(tmp_path)


def sample(at: float, cpu: float, side: Side = "server") -> Resources:
    return Resources(side, at, cpu, 1)


def test_processor_time_is_the_time_between_the_first_and_last_sample_per_answered_request(
    fest: Fest,
) -> None:
    # Asked each tenth of a second, and answered 50 ms later.
    asked = np.arange(0, 10, 0.1)
    samples = fest.run("one", Answers(np.full(100, 0.05), asked)).samples()
    resources = [sample(1.7, 9.0), sample(2.7, 0.5), sample(3.7, 0.2), sample(5.7, 0.1), sample(6.9, 7.0)]
    resources.insert(2, sample(3.1, 9.0, "generator"))
    # From 2.7 to 5.7 s it used 0.2 of the first second and 0.1 of each of the two that follow.
    assert processor_time(resources, samples, 2, 6) == pytest.approx(0.4 / 30)
    # A request sent before the first sample and answered after it counts.
    slow = fest.run("slow", Answers(np.full(100, 0.95), asked)).samples()
    assert processor_time(resources, slow, 2, 6) == pytest.approx(0.4 / 30)


def test_a_request_without_a_response_does_not_count_and_an_error_does(fest: Fest) -> None:
    asked, waited = np.arange(0, 10, 0.1), np.full(100, 0.05)
    resources = [sample(0.0, 1.0), sample(5.0, 0.3), sample(9.0, 0.3)]
    broken = fest.run("broken", Answers(waited, asked, failed=50)).samples()
    assert processor_time(resources, broken, 0, 10) == pytest.approx(2.7 / 90)
    silent = fest.run("silent", Answers(waited, asked, failed=50, failed_status=0)).samples()
    assert processor_time(resources, silent, 0, 10) == pytest.approx(2.7 / 40)


@pytest.mark.parametrize(
    "resources",
    [
        [],
        [sample(3, 0.5)],
        [sample(3, 0.5, "generator"), sample(4, 0.5, "generator")],
        [sample(1, 1), sample(4, 1)],
    ],
)
def test_without_two_samples_in_the_measured_time_processor_time_is_unknown(
    fest: Fest, resources: list[Resources]
) -> None:
    samples = fest.run("one", Answers(np.full(100, 0.05), np.arange(0, 10, 0.1))).samples()
    assert np.isnan(processor_time(resources, samples, 2, 6))


def compared(
    fest: Fest, metrics: list[Metric], *, slower: bool, cpu: float = 0.3, seen: bool = True
) -> Comparison:
    """Compare six pairs in which the server used the same processor time; a slower target answered half as much."""
    sides: tuple[list[Run], list[Run]] = ([], [])
    for number in range(6):
        for side, runs in enumerate(sides):
            requests = 700 if side and slower else 1_400 - 10 * (number % 2)
            run = fest.run(f"{side}-{number}", fest.usual(number + 10 * side, requests=requests), cpu=cpu)
            runs.append(run)
    if not seen:
        kept = sides[1][3].folder / RESOURCES_FILE
        rows = kept.read_text(encoding="utf-8").splitlines(keepends=True)
        kept.write_text("".join(row for row in rows if "server" not in row), encoding="utf-8")
    return compare(*sides, metrics, interleaved=True)


def test_a_build_that_computes_twice_as_long_for_each_request_is_worse(fest: Fest) -> None:
    comparison = compared(fest, [CPU], slower=True)
    assert comparison.primary is not None
    assert (comparison.verdict, comparison.exit_code) == ("regressed", 1)
    assert comparison.primary.change == pytest.approx(1, abs=0.1)
    # Nine seconds of 95 % of a core, and nine tenths of 1,400 requests.
    assert comparison.primary.before == pytest.approx(9 * 0.95 / 1_260, rel=0.1)
    assert comparison.primary.metric.shown(comparison.primary.before).endswith(" ms")


def test_a_saturated_load_generator_invalidates_a_latency_but_not_processor_time(fest: Fest) -> None:
    comparison = compared(fest, [CPU], slower=False, cpu=0.97)
    assert (comparison.verdict, comparison.refusals) == ("equivalent", ())
    beside = compared(Fest(fest.folder / "beside"), [CPU, parse_metric("p95")], slower=False, cpu=0.97)
    assert [finding.code for finding in beside.refusals] == ["generator-saturated"]


def test_runs_without_processor_time_are_refused_by_name(fest: Fest) -> None:
    comparison = compared(fest, [CPU], slower=False, seen=False)
    assert [(finding.code, finding.figure) for finding in comparison.refusals] == [
        ("target-unseen", "1 of 12 runs: 1-3")
    ]
    beside = compared(Fest(fest.folder / "beside"), [parse_metric("p50"), CPU], slower=False, seen=False)
    assert beside.refusals == ()
    assert [effect.verdict for effect in beside.others] == ["refused"]
    assert "cpu cannot be judged: no processor time was measured" in render(Compared(beside, (), ()), "junit")


def test_a_limit_is_not_met_without_processor_time(fest: Fest) -> None:
    plan = Plan.from_json(fest.plan.as_json() | {"fail_if": ["cpu < 10s"]})
    run = fest.run("one", fest.usual(1), plan)
    assert summarize(run).limits[0].held
    (run.folder / RESOURCES_FILE).unlink()
    (limit,) = summarize(run).limits
    assert not limit.held
    assert "no processor time was measured" in render(summarize(run), "text")


@pytest.fixture(scope="module")
def completed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A real run against a server that computes, in a child of the started process."""
    folder = tmp_path_factory.mktemp("computing")
    (folder / "server.py").write_text(SERVER.format(root=str(Path.cwd()), burnt=BURNT), encoding="utf-8")
    command = [sys.executable, "-c", PARENT, sys.executable, str(folder / "server.py"), "{port}"]
    with serving(command, folder) as server:
        plan = Plan(
            journey=journey(folder, wait=0),
            host=server.url,
            load=Users(3, 100),
            duration=4.0,
            warm_up=0.5,
            fail_if=("cpu < 1ms", "cpu < 1s"),
        )
        return rehearse(plan, folder / "runs", server=server)


@pytest.fixture(scope="module")
def computing(completed: Run) -> Summary:
    return summarize(completed)


def test_the_processor_time_of_a_started_target_is_measured(completed: Run) -> None:
    comparison = compare([completed], [completed], [CPU], interleaved=True)
    assert "target-unseen" not in {finding.code for finding in comparison.refusals}


def test_child_processes_end_with_the_command(completed: Run) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(completed.plan.host.rpartition(":")[2])), timeout=5)


def test_processor_time_is_that_of_all_processes_of_a_real_server(computing: Summary) -> None:
    assert {machine.side for machine in computing.machines} == {"generator", "server"}
    # HTTP itself takes some milliseconds at most, and the processor clock counts in hundredths of a second.
    assert BURNT * 0.9 < computing.processor < BURNT * 1.6
    assert [limit.held for limit in computing.limits] == [False, True]


def test_reports_show_processor_time(computing: Summary) -> None:
    shown = f"{CPU.shown(computing.processor)} per request"
    assert shown in render(computing, "markdown")
    assert f'"cpu": {computing.processor}' in render(computing, "json")
    assert parse_threshold("cpu < 1ms").limit == pytest.approx(0.001)
