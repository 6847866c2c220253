"""Stages: a load that changes over time, as users or as arrivals, and its outcome of each stage."""

import json
import random
import re
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer

from festgate.rehearsal.cli.commands import mount
from festgate.rehearsal.cli.options import make_staged_load
from festgate.rehearsal.report import render, write_report
from festgate.rehearsal.report.run_report import run_document
from festgate.rehearsal.runner.run import Second, rehearse
from festgate.rehearsal.runs.plan import Load, Plan, Rate, Users, mean_load
from festgate.rehearsal.runs.stages import Stage, highest, level, moment, seconds_of, total
from festgate.rehearsal.runs.store import LoadSecond, Run, StageLoad, read_run
from festgate.rehearsal.stats.metrics import parse_metric
from festgate.rehearsal.stats.summary import summarize
from festgate.rehearsal.verdict.comparison import compare
from festgate.rehearsal.verdict.outcome import outcome_of
from tests.rehearsal.synthetic_runs import Answers, Fest
from tests.rehearsal.target import Answer, answering, journey, welcome
from tests.rehearsal.test_commands import festgate
from tests.rig.charts import charts_of

MOUNTAIN = (Stage(4, 20), Stage(0, 40), Stage(2, 40), Stage(4, 0))
"""A slope, a step, a level part, and a slope down to nothing."""


def run_in_process(*words: str) -> object:
    """Run a command of the rehearsal in this process; return its exit code."""
    app = typer.Typer()
    mount(app)
    with pytest.raises(SystemExit) as ended:
        app(list(words))
    return ended.value.code


def run_stages(folder: Path, load: Load, **more: float) -> Run:
    """Run the stages against a target that answers at once."""
    with answering(welcome) as target:
        plan = Plan(
            journey(folder),
            target.url,
            load,
            seed=7,
            **{"duration": seconds_of(load.stages), **more},  # type: ignore[arg-type]
        )
        return rehearse(plan, folder / "runs")


def test_a_stage_is_a_straight_line_from_the_load_before_it() -> None:
    shown = [level(MOUNTAIN, at) for at in (0, 2, 3.999, 4, 5, 6, 8, 10, 99)]
    assert shown == pytest.approx([0, 10, 19.995, 40, 40, 40, 20, 0, 0])
    assert [highest(MOUNTAIN, 3, 4.5), highest(MOUNTAIN, 7.5, 8.5)] == pytest.approx([40, 25])
    assert total(MOUNTAIN, 4) == pytest.approx(40)
    assert total(MOUNTAIN, 99) == pytest.approx(40 + 80 + 80)
    assert mean_load(Users(40, 40, stages=MOUNTAIN), 4, 8) == pytest.approx((80 + 60) / 4)


def test_the_moment_of_an_arrival_is_when_that_many_have_been_due() -> None:
    rng = random.Random(1)
    for _ in range(200):
        stages = [
            Stage(rng.choice((0, 0.5, 3)), rng.choice((0.0, 1.0, 700.0))) for _ in range(rng.randint(1, 5))
        ]
        whole = total(stages, seconds_of(stages))
        for share in (0.001, 0.3, 0.999):
            if whole:
                assert total(stages, moment(stages, share * whole)) == pytest.approx(share * whole)
        assert moment(stages, whole + 1) == float("inf")


def test_arrivals_follow_the_stages_and_are_counted_for_each(tmp_path: Path) -> None:
    stages = (Stage(2, 40), Stage(1, 40), Stage(2, 0))
    run = run_stages(tmp_path, Rate(40, "constant", stages=stages))
    intended = run.samples().intended
    # The number of arrivals up to a moment is the area below the lines.
    assert [int(np.sum(intended < at)) for at in (1, 2, 3, 4)] == pytest.approx([10, 40, 80, 110], abs=1.5)
    assert [(stage.asked, stage.reached) for stage in run.stages if stage] == [
        pytest.approx((asked, asked), abs=1.5) for asked in (40, 40, 40)
    ]
    assert outcome_of(summarize(run)).result == "held"
    assert read_run(run.folder) == run


@pytest.mark.parametrize("workers", [1, 2])
def test_users_follow_the_stages(tmp_path: Path, workers: int) -> None:
    stages = (Stage(3, 12), Stage(2, 12), Stage(1, 0))
    run = run_stages(tmp_path, Users(12, 12.0, stages=stages), workers=workers)
    seconds = {second.at: second.reached for second in run.load_seconds()}
    # Locust asks for the users of the second that begins, and may do so just before its beginning.
    assert (seconds[1.0] <= 8, seconds[4.0], run.present) == (True, 12, 12)
    assert [stage is not None and stage.reached >= 0.95 * stage.asked for stage in run.stages] == [True] * 3
    assert outcome_of(summarize(run)).result == "held"


def test_a_target_that_holds_up_its_users_misses_the_arrivals_of_a_stage(tmp_path: Path) -> None:
    release = threading.Event()

    def answer(path: str) -> Answer:
        if path == "/page":
            release.wait(20)
        return welcome(path)

    def release_at_the_end(second: Second) -> None:
        if second.at >= 3:
            release.set()

    load = Rate(20, "constant", most_users=3, stages=(Stage(0, 20), Stage(2, 20), Stage(2, 20)))
    with answering(answer) as target:
        plan = Plan(journey(tmp_path), target.url, load, duration=4.0, seed=7)
        summary = summarize(rehearse(plan, tmp_path / "runs", on_second=release_at_the_end))
    step, held_up, _ = summary.run.stages
    assert step is None
    assert held_up is not None
    assert held_up.asked == pytest.approx(40, abs=1)
    assert held_up.reached == 3
    (check,) = [check for check in outcome_of(summary).checks if check.name == "each stage had its load"]
    assert not check.passed
    assert check.words.startswith(f"in stage 2, 3 of {held_up.asked:.0f} due arrivals began")


def kept(folder: Path, load: Load, *stages: tuple[float, float]) -> Run:
    """Return a run of ten seconds after a warm-up of two, with the load that its stages asked for and reached."""
    fest = Fest(folder)
    plan = replace(fest.plan, load=load)
    run = fest.run("run", fest.usual(1), plan)
    run.write_load(
        LoadSecond(float(at), level(load.stages, at), level(load.stages, at)) for at in range(1, 13)
    )
    return run.update(present=40, stages=[StageLoad(*stage) for stage in stages])


def test_a_stage_that_misses_more_than_5_per_cent_of_its_load_fails_the_run(tmp_path: Path) -> None:
    users = Users(40, 40.0, stages=(Stage(6, 40), Stage(6, 40)))
    assert outcome_of(summarize(kept(tmp_path / "a", users, (20, 20), (40, 38)))).result == "held"
    failed = summarize(kept(tmp_path / "b", users, (20, 20), (40, 37.9)))
    assert outcome_of(failed).result == "failed"
    assert (
        "Not held: in stage 2, 38 of 40 planned users were present on average." in run_document(failed).words
    )


def test_the_report_shows_each_stage_and_the_load_over_time(tmp_path: Path) -> None:
    load = Rate(70.0, stages=(Stage(6, 70), Stage(6, 70)))
    summary = summarize(kept(tmp_path, load, (140, 140), (420, 419)))
    text = render(summary, "text")
    assert "The target served up to 4,200 visitors a minute in 2 stages for 10 s" in text
    assert re.search(r"1 +0:00 to 0:06 +from 0 to 70 arrivals/s +140 +140 ", text)
    assert re.search(r"2 +0:06 to 0:12 +70 arrivals/s +420 +419 ", text)
    page = tmp_path / "report.html"
    write_report(summary, page)
    assert "Load over time" in page.read_text(encoding="utf-8")
    assert set(charts_of(page)) == {""}
    first, second = json.loads(render(summary, "json"))["stages"]
    assert (first["begin"], first["end"], first["from"], first["to"], first["asked"]) == (0, 6, 0, 70, 140)
    assert first["requests"] + second["requests"] == len(summary.run.measured())


def test_runs_with_different_stages_cannot_be_compared_and_with_the_same_they_can(tmp_path: Path) -> None:
    fest = Fest(tmp_path)
    growing = replace(fest.plan, load=Rate(80.0, stages=(Stage(2, 60), Stage(10, 80))))
    other = replace(growing, load=Rate(80.0, stages=(Stage(4, 60), Stage(8, 80))))
    before, same, changed = (
        [fest.run(f"{side}{number}", fest.usual(seed + number), plan) for number in range(6)]
        for side, seed, plan in (("a", 0, growing), ("b", 100, growing), ("c", 200, other))
    )
    p95 = [parse_metric("p95")]
    compared = compare(before, same, p95, interleaved=True)
    assert ([finding.code for finding in compared.refusals], compared.flags) == ([], ())
    (refusal,) = compare(before, changed, p95, interleaved=True).refusals
    assert (refusal.code, "2 s to 60, 10 s to 80 / " in refusal.figure) == ("workload-differs", True)


def test_a_run_that_slows_down_by_its_stages_has_not_drifted(tmp_path: Path) -> None:
    fest = Fest(tmp_path)
    growing = replace(fest.plan, load=Rate(80.0, stages=(Stage(2, 60), Stage(10, 80))))

    def slowing(seed: int) -> Answers:
        answers = fest.usual(seed)
        return replace(answers, latency=answers.latency * (1 + answers.intended / 5))

    codes = [
        [
            finding.code
            for finding in compare(
                [fest.run(f"{name}a{seed}", slowing(seed), plan) for seed in range(6)],
                [fest.run(f"{name}b{seed}", slowing(100 + seed), plan) for seed in range(6)],
                [parse_metric("p95")],
                interleaved=True,
            ).flags
        ]
        for name, plan in (("steady", fest.plan), ("growing", growing))
    ]
    assert codes == [["drift"], []]


@pytest.mark.parametrize(
    "text, load, seconds",
    [
        ("2m:200, 5m:1000, 1m:0", Users(1000, 1000.0, stages=(Stage(120, 200), Stage(300, 1000), Stage(60, 0))), 480),
        ("0s:50,1h:50", Users(50, 50.0, stages=(Stage(0, 50), Stage(3600, 50))), 3600),
        ("30:20/s, 1m:600/min, 5:0", Rate(20.0, stages=(Stage(30, 20), Stage(60, 10), Stage(5, 0))), 95),
    ],
)  # fmt: skip
def test_stages_are_read_as_they_are_written(text: str, load: Load, seconds: float) -> None:
    assert make_staged_load(text, None, constant=False) == load
    assert seconds_of(load.stages) == seconds


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["--stages", "2m200"], "'2m200' is not a stage"),
        (["--stages", "2m:200,"], "'' is not a stage"),
        (["--stages", "soon:200"], "'soon' is not a duration"),
        (["--stages", "2m:200, 2m:20/s"], "has users and arrivals"),
        (["--stages", "2m:0"], "has no load"),
        (["--stages", "0s:20"], "has no load"),
        (["--stages", "2m:1.5"], "1.5 is not a number of users"),
        (["--stages", "2m:20", "--users", "3"], "--users and --stages both"),
        (["--stages", "2m:20", "--rate", "3"], "leave out --rate"),
        (["--stages", "2m:20", "--duration", "3m"], "leave out --duration"),
        (["--stages", "2m:20", "--warm-up", "2m"], "nothing would be measured"),
        (["--stages", "2m:20", "--constant"], "--constant is for an open loop"),
        (["--stages", "2m:20", "--workers", "21"], "only 20 users"),
        (["--users", "10000000"], "10,000,000 users are too many for one machine: 100,000 is the limit."),
        (["--stages", "2m:200, 5m:10000000"], "10,000,000 users are too many for one machine"),
        (
            ["--stages", "2m:20000000/s"],
            "20,000,000 visits a second are too many for one machine: 100,000 is",
        ),
        (["--rate", "100001"], "100,001 visits a second are too many"),
        (["--rate", "5", "--users", "100001"], "100,001 users are too many"),
        (["--users", "3", "--spawn-rate", "inf"], "inf new users a second are too many"),
        (
            [
                "--users",
                "300001",
                "--workers",
                "3",
                "--join-at",
                "127.0.0.1:1",
                "--host",
                "http://127.0.0.1:1",
            ],
            "300,001 users are too many for 3 machines: 300,000 is the limit.",
        ),
        (["--abort-on-fail", "0s"], "--abort-on-fail needs a --fail-if"),
    ],
)
def test_a_load_that_makes_no_sense_is_reported_in_one_sentence(
    capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert run_in_process("rehearse", "events", *words) == 2
    assert sentence in capsys.readouterr().err


def test_stages_of_the_command_line_are_kept_with_the_run(tmp_path: Path) -> None:
    with answering(welcome) as target:
        words = ["--host", target.url, "--stages", "1s:20/s, 1s:20/s", "--constant", "--format", "github"]
        done = festgate(tmp_path, "rehearse", journey(tmp_path), *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("::notice title=journey%2C 20")
    (folder,) = (tmp_path / "festgate-runs").iterdir()
    run = read_run(folder)
    assert (run.plan.duration, run.plan.warm_up) == (2.0, 0.0)
    assert run.plan.load == Rate(20.0, "constant", stages=(Stage(1, 20), Stage(1, 20)))


def test_each_run_of_a_comparison_follows_the_stages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with answering(welcome) as target:
        words = [
            "--before",
            target.url,
            "--after",
            target.url,
            "--stages",
            "1s:10, 1s:10",
            "--warm-up",
            "0.5s",
        ]
        code = run_in_process("ab", journey(tmp_path), *words)
    # The first run has too few requests for a p95, so there is no second one.
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert "the same target, so this is an A/A comparison" in printed.err
    assert "p95, which needs 600 in each run" in printed.err
    (folder,) = (tmp_path / "festgate-runs").iterdir()
    run = read_run(folder)
    assert (run.plan.duration, run.plan.warm_up) == (1.5, 0.5)
    assert run.plan.load == Users(10, 10.0, stages=(Stage(1, 10), Stage(1, 10)))
    assert [stage is not None and stage.reached >= 0.95 * stage.asked for stage in run.stages] == [True] * 2
