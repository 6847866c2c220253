"""A run that ends early because a limit is broken."""

import json
from pathlib import Path

import pytest

from festgate.rehearsal.runner.limit_watch import LimitWatch
from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.runs.store import read_run
from tests.rehearsal.synthetic_runs import Fest
from tests.rehearsal.target import answering, journey
from tests.rehearsal.test_commands import festgate


def test_a_broken_limit_ends_the_run_with_1_and_the_reason(tmp_path: Path) -> None:
    with answering(lambda _path: (500, b"")) as target:
        words = [
            "--host",
            target.url,
            "--users",
            "2",
            "--duration",
            "1h",
            "--warm-up",
            "0s",
            "--format",
            "json",
        ]
        limits = ["--fail-if", "p95 < 60s", "--fail-if", "errors < 1%", "--abort-on-fail", "1s"]
        done = festgate(tmp_path, "rehearse", journey(tmp_path), *words, *limits)
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert (report["outcome"], report["state"]) == ("failed", "cut")
    (folder,) = (tmp_path / "festgate-runs").iterdir()
    run = read_run(folder)
    assert run.aborted.startswith("errors < 1% was not met after ")
    assert run.aborted.endswith(" s (100 %)")
    assert f"the run was ended early: {run.aborted}" in " ".join(report["words"])
    assert report["aborted"] == run.aborted


@pytest.mark.parametrize(
    "limit, failed, delay, at, reason",
    [
        ("errors < 1%", 100, 5.0, 6.9, ""),
        ("errors < 1%", 100, 5.0, 7.0, "errors < 1% was not met after 5 s (28.6 %)"),
        ("errors < 1%", 100, None, 7.0, ""),
        ("p50 < 1ms", 0, 0.0, 7.0, "p50 < 1ms was not met after 5 s (20.0 ms)"),
        # Requests of a step that has not been sent yet, and too few for the percentile.
        ("p95(/nowhere) < 1ms", 0, 0.0, 7.0, ""),
        ("p99.9 < 1ms", 0, 0.0, 7.0, ""),
        ("p50 < 1ms", 0, 0.0, 2.0, ""),
    ],
    ids=["before the delay", "after it", "not asked for", "a time", "no request", "few requests", "warm-up"],
)  # fmt: skip
def test_a_limit_is_checked_after_the_delay_by_the_requests_so_far(
    tmp_path: Path, limit: str, failed: int, delay: float | None, at: float, reason: str
) -> None:
    plan = Plan("events", "", Rate(70.0), duration=10.0, warm_up=2.0, fail_if=(limit,))
    fest = Fest(tmp_path, plan)
    answers = fest.usual(1)
    answers.latency[:] = 0.02
    answers.intended[:] = 2 + 10 * (answers.intended.argsort() / len(answers.intended))
    run = fest.run("run", type(answers)(answers.latency, answers.intended, failed=failed))
    assert LimitWatch(run, delay).broken(at) == reason
