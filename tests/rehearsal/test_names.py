"""Names of steps: values are rolled up into routes, and long or malicious names do no harm."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from festgate.rehearsal.cli.execution import report_run
from festgate.rehearsal.report import render
from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.runs.recording import MAX_NAMES, OTHER_NAMES, Sample, SamplesWriter
from festgate.rehearsal.runs.samples import read_samples
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats.limits import MANY_NAMES, NAME_ADVICE
from festgate.rehearsal.stats.summary import Summary, summarize
from festgate.rehearsal.verdict.outcome import outcome_of
from tests.rehearsal.synthetic_runs import Answers, Fest

NASTY = (
    "/\x1b[2J\x1b]0;title\x07\x9b31m",
    "</script><img src=x onerror=alert(1)>",
    "[red]not a colour[/red]",
    "one | two ` three <b>",
    "/" + "Q" * 300,
    "/" + "päge/" * 60,
)


def with_names(folder: Path, names: list[str], fail_if: tuple[str, ...] = ()) -> Run:
    """Return a run with a request for each name."""
    fest = Fest(folder, Plan("visitor.py", "http://127.0.0.1:1", Rate(70.0), 10.0, 2.0, fail_if=fail_if))
    count = len(names)
    answers = Answers(np.full(count, 0.02), 2 + 10 * np.arange(count) / count, steps=names)
    return fest.run("one", answers)


def rolled(folder: Path, names: list[str], *fail_if: str) -> tuple[Summary, list[tuple[str, int]]]:
    summary = summarize(with_names(folder, names, fail_if))
    return summary, [(step.name, step.requests) for step in summary.steps]


def test_values_in_names_are_rolled_up_into_routes(tmp_path: Path) -> None:
    names = [f"/orders/{number}/seats?page={number % 20}" for number in range(600)]
    names += [f"POST /orders/{number}" for number in range(40)] + ["/events"] * 50
    summary, steps = rolled(tmp_path, names)
    assert steps == [("/orders/{}/seats?page={}", 600), ("POST /orders/{}", 40), ("/events", 50)]
    assert summary.names == 641
    assert summary.all.requests == 690


def test_words_that_differ_for_each_visitor_are_rolled_up_if_there_are_very_many(tmp_path: Path) -> None:
    letters = "abcdefgh"
    words = [f"{one}{two}{three}" for one in letters for two in letters for three in letters]
    _, steps = rolled(tmp_path, [f"look at {word}" for word in words] + ["/"])
    assert steps == [("look at {}", 512), ("/", 1)]


@pytest.mark.parametrize(
    "names",
    [
        [f"/page-of-{letter}" for letter in "abcdefghijklmnop"],
        [f"/v{number}/events" for number in range(9)],
        [f"/events/{number}" for number in range(12)] * 40,
    ],
    ids=["words", "few versions", "many requests for each"],
)
def test_the_steps_of_a_small_app_keep_their_names(tmp_path: Path, names: list[str]) -> None:
    summary, steps = rolled(tmp_path, names)
    assert {name for name, _ in steps} == set(names)
    assert summary.names == len(steps)
    assert "rolled up" not in render(summary, "text")


def test_names_without_a_common_part_are_counted_together_beyond_a_hundred(tmp_path: Path) -> None:
    names = [f"{'x' * (number + 1)}/a/b/c/d"[number % 5 :] for number in range(30)]
    names += [f"/{'y' * one}/{'z' * two}" for one in range(1, 31) for two in range(1, 31)]
    _, steps = rolled(tmp_path, names)
    assert len(steps) <= 101
    assert dict(steps)[OTHER_NAMES] > 100
    assert sum(requests for _, requests in steps) == len(names)


def test_a_limit_can_name_a_recorded_name_or_its_route(tmp_path: Path) -> None:
    limits = ("max(/orders/7) < 1s", "p50(/orders/{}) < 1s", "max(/nowhere) < 1s")
    summary, _ = rolled(tmp_path, [f"/orders/{number}" for number in range(600)], *limits)
    assert [limit.held for limit in summary.limits] == [True, True, False]
    assert outcome_of(summary).result == "failed"


def test_the_report_warns_of_values_in_names_and_stays_small(tmp_path: Path) -> None:
    run = with_names(tmp_path, [f"/orders/{number}" for number in range(5000)])
    text = render(run, "text")
    assert "! Names of steps contain visitors' values: 5,000 names" in text
    assert " /orders/{} " in text
    assert json.loads(render(run, "json"))["names"] == 5000
    assert len(render(run, "html").partition("</main>")[0]) < 200_000


@pytest.mark.parametrize("workers, warned", [(1, False), (2, True)])
def test_the_command_line_warns_at_the_end_of_names_that_no_worker_could_count_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], workers: int, warned: bool
) -> None:
    run = with_names(tmp_path, [f"/orders/{number}" for number in range(MANY_NAMES)])
    report_run(run.update(plan=replace(run.plan, workers=workers)), "json")
    sentence = f"The requests have 500 different names. {NAME_ADVICE}\n"
    assert (sentence in capsys.readouterr().err) is warned


def test_a_file_has_room_for_any_number_of_names(tmp_path: Path) -> None:
    writer = SamplesWriter(tmp_path / "0.samples")
    for number in range(MAX_NAMES + 10):
        writer.add(Sample(f"/{number}", 0.0, 0.0, 0.01, 200, False, False, 10, 1))
        if number % 10_000 == 0:
            writer.flush()
    writer.add(Sample("/3", 0.0, 0.0, 0.01, 200, False, False, 10, 1))
    writer.close()
    samples = read_samples([tmp_path / "0.samples"])
    assert len(samples) == MAX_NAMES + 11
    assert len(samples.of(OTHER_NAMES)) == 10
    assert len(samples.of("/3")) == 2


@pytest.mark.parametrize("form", ["text", "markdown", "html", "junit", "json"])
def test_long_and_malicious_names_do_no_harm(tmp_path: Path, form: str) -> None:
    run = with_names(tmp_path, list(NASTY) * 100, tuple(f"p50({name}) < 1s" for name in NASTY[:3]))
    report = render(replace(run, notes=(f"The first failure was {NASTY[0]}.",)), form)
    if form in ("text", "markdown"):
        assert all(character.isprintable() or character == "\n" for character in report)
    if form == "text":
        assert "…" not in report
        rows = [line for line in report.splitlines() if line.startswith(" /Q")]
        assert rows[0].split()[1:3] == ["100", "0"]
        table = report.partition("Measurements of each step")[2].partition("Network")[0]
        # The name is folded, and no part of it is missing.
        assert table.count("Q") == 300
    if form == "markdown":
        assert "<" not in report.replace("\\<", "")
        assert " one \\| two \\` three \\<b\\> |" in report
    if form == "html":
        assert "<img" not in report.partition("</style>")[2].partition("<script>")[0]
    if form == "json":
        assert [step["name"] for step in json.loads(report)["steps"]] == list(NASTY)
