"""Reports as text, Markdown, JSON and JUnit XML."""

import json
import math
import xml.etree.ElementTree as ET
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from festgate.rehearsal.report import Compared, render, show, write_report
from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats.metrics import parse_metric
from festgate.rehearsal.verdict.comparison import Comparison, compare
from tests.rehearsal.synthetic_runs import Fest

LIMITS = ("p95(/events) < 200ms", "p95(/my_events) < 1ms", "errors < 5%")


@pytest.fixture
def fest(tmp_path: Path) -> Fest:
    return Fest(tmp_path, Plan("opening_day", "http://127.0.0.1:1", Rate(70.0), duration=10.0, warm_up=2.0))


@pytest.fixture
def run(fest: Fest) -> Run:
    answers = replace(fest.usual(1, requests=1400), steps=("/events", "/my_events"), failed=7)
    return fest.run("one", answers, plan=replace(fest.plan, fail_if=LIMITS), server={"server": "festgate/1"})


@pytest.fixture
def comparison(fest: Fest) -> Compared:
    """Six pairs, the second build slower by a quarter."""
    sides: dict[str, list[Run]] = {"before": [], "after": []}
    for pair in range(6):
        for side in ("before", "after") if pair % 2 else ("after", "before"):
            slower, seed = (1.0, pair) if side == "before" else (1.25, pair + 100)
            answers = fest.usual(seed, slower=slower)
            sides[side].append(fest.run(f"{side}-{pair}", answers, server={"revision": side}))
    metrics = [parse_metric("p95(/events)"), parse_metric("p50"), parse_metric("errors")]
    result = compare(sides["before"], sides["after"], metrics, interleaved=True)
    return Compared(result, sides["before"], sides["after"])


def suite_of(report: str) -> ET.Element:
    suite = ET.fromstring(report).find("testsuite")  # noqa: S314  (our own)
    assert suite is not None
    return suite


def test_text_has_the_words_before_the_tables_and_no_colour_codes(run: Run) -> None:
    text = render(run, "text")
    assert "\x1b" not in text
    assert text.endswith("\n")
    assert not any(line != line.rstrip() for line in text.splitlines())
    places = [
        text.index(part)
        for part in ("Failed", "Under a load of 4,200 visitors a minute", "Limits", "Measurements")
    ]
    assert places == sorted(places)
    assert "x Not met: p95(/my_events) < 1ms" in text
    assert "+ Met: errors < 5%: 0.500 %" in text


def test_a_terminal_shows_the_same_in_colours(run: Run) -> None:
    written = StringIO()
    show(run, Console(file=written, force_terminal=True, color_system="standard", width=140))
    assert "\x1b[1;31mFailed" in written.getvalue()


def test_a_percentile_of_few_requests_is_marked(run: Run) -> None:
    line = next(line for line in render(run, "text").splitlines() if line.startswith(" /events "))
    # p95 of 700 requests stands, p99 and p99.9 are marked.
    assert line.count("?") == 2


def test_markdown_is_tables_whose_names_cannot_break_out(fest: Fest) -> None:
    answers = replace(fest.usual(1), steps=("/a|b_c/<slug>",))
    text = render(fest.run("one", answers), "markdown")
    assert "# opening\\_day" in text
    assert "| /a\\|b\\_c/\\<slug\\> | 700 |" in text
    assert "|:---|---:|" in text


def test_json_has_the_figures_and_only_valid_numbers(run: Run) -> None:
    report = json.loads(render(run, "json"), parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert (report["kind"], report["outcome"], report["state"]) == ("run", "failed", "whole")
    assert (report["plan"]["load"]["kind"], report["plan"]["load"]["rate"]) == ("rate", 70.0)
    assert [limit["held"] for limit in report["limits"]] == [True, False, True]
    assert report["all"]["requests"] == 1400
    assert [step["name"] for step in report["steps"]] == ["/events", "/my_events"]
    assert report["steps"][0]["few_requests_for"] == ["p99", "p99.9"]
    assert report["machines"]["server"]["cpu"] == pytest.approx(0.95)
    assert report["series"]["p95"][0] is None
    assert report["failures"][0] == {"step": "/events", "status": 500, "times": 4, "no_response": None}


def test_junit_has_a_case_for_each_limit_and_each_check(run: Run) -> None:
    suite = suite_of(render(run, "junit"))
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("7", "1", "0")
    checks = ["requests were measured", "few exceptions were raised", "nobody was turned away"]
    assert [case.get("name") for case in suite] == ["run was complete", *LIMITS, *checks]
    (failure,) = suite.findall("testcase/failure")
    assert failure.get("message", "").startswith("p95(/my_events) < 1ms: ")


def test_junit_has_an_error_for_a_run_that_was_stopped_early(fest: Fest) -> None:
    suite = suite_of(render(fest.run("one", fest.usual(1), state="cut"), "junit"))
    assert suite.get("errors") == "1"


def test_xml_has_no_invalid_characters(fest: Fest) -> None:
    plan = replace(fest.plan, fail_if=("p95(/\x00\x1b<&\ud800) < 1s",))
    suite = suite_of(render(fest.run("one", fest.usual(1), plan=plan), "junit"))
    assert [case.get("name") for case in suite][1] == "p95(/<&) < 1s"


def test_a_run_without_requests_has_a_report_in_every_format(fest: Fest, tmp_path: Path) -> None:
    nothing = replace(fest.usual(1), latency=np.zeros(0), intended=np.zeros(0))
    run = fest.run("one", nothing, state="cut")
    for form in ("text", "markdown", "html"):
        assert "Nothing was measured" in render(run, form)
    assert json.loads(render(run, "json"))["all"]["p95"] is None
    assert "<error" in render(run, "junit")


def test_an_unknown_format_is_refused_with_the_list_of_formats(run: Run) -> None:
    with pytest.raises(ValueError, match="text, markdown, json, junit, github, html"):
        render(run, "pdf")


def test_a_comparison_shows_its_verdict_and_every_metric(comparison: Compared) -> None:
    assert comparison.comparison.verdict == "regressed"
    text = render(comparison, "text")
    assert "p95(/events) became worse: +2" in text
    assert " p95(/events) (primary)  regressed " in text
    assert "before-0" in text
    markdown = render(comparison, "markdown")
    assert "| p95(/events) (primary) | regressed |" in markdown


def test_a_comparison_as_json_has_its_exit_code_and_effects(comparison: Compared) -> None:
    report = json.loads(render(comparison, "json"))
    assert (report["kind"], report["verdict"], report["exit_code"], report["pairs"]) == (
        "comparison",
        "regressed",
        1,
        6,
    )
    assert report["primary"]["low"] > 0.05
    assert [effect["metric"] for effect in report["others"]] == ["p50", "errors"]
    assert report["before"] == [f"before-{pair}" for pair in range(6)]


def test_a_comparison_as_junit_fails_where_it_regressed(comparison: Compared) -> None:
    suite = suite_of(render(comparison, "junit"))
    first = suite.find("testcase")
    assert first is not None
    assert first.get("name") == "p95(/events)"
    assert first.find("failure") is not None


def test_a_refused_comparison_has_its_reasons_in_every_format(comparison: Compared) -> None:
    same = comparison.before
    refused = compare(same, same, [parse_metric("p95(/events)")], interleaved=False)
    assert refused.verdict == "refused"
    for form in ("text", "markdown", "html"):
        report = render(Compared(refused, same, same), form)
        assert "not a valid comparison" in report.lower()
        assert all(finding.figure in report for finding in refused.refusals if finding.figure.isalnum())
    assert [finding["code"] for finding in json.loads(render(refused, "json"))["refusals"]] == [
        finding.code for finding in refused.refusals
    ]
    assert f'errors="{len(refused.refusals)}"' in render(refused, "junit")


def test_a_missing_value_is_a_dash_or_null(comparison: Compared) -> None:
    primary = comparison.comparison.primary
    assert primary is not None
    nothing = replace(primary, change=math.nan, low=math.nan, high=math.nan, p_value=math.nan, differences=())
    report = Comparison("inconclusive", primary, (replace(nothing, verdict="refused"),), (), (), 6, 0.05)
    assert json.loads(render(report, "json"))["others"][0]["change"] is None
    row = next(line for line in render(report, "markdown").splitlines() if "| refused |" in line)
    assert "nan" not in row
    assert "nan" not in render(report, "html").partition("</style>")[2].partition("<script")[0]


def test_a_report_is_replaced_whole(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("an older one", encoding="utf-8")
    write_report(run, path)
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["report.html"]
