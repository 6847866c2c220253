"""The trend of kept runs: figures in their order, and no verdict."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from festgate.rehearsal.cli.trend import show_trend
from festgate.rehearsal.report import render, write_report
from festgate.rehearsal.runs.plan import Users
from festgate.rehearsal.runs.store import list_runs
from festgate.rehearsal.stats.metrics import parse_metric
from festgate.rehearsal.stats.trend import Trend, trend_of
from festgate.terminal import CommandFailed
from tests.rehearsal.synthetic_runs import Fest
from tests.rig.charts import charts_of


@pytest.fixture
def fest(tmp_path: Path) -> Fest:
    """Three runs of the same load, each slower than the one before, one of another load, and one that was cut off."""
    fest = Fest(tmp_path / "runs")
    for number, slower in enumerate((1.0, 1.5, 3.0)):
        fest.run(f"run{number}", fest.usual(number, slower=slower), server={"build": f"v{number}"})
    fest.run("users", fest.usual(9, requests=100), replace(fest.plan, load=Users(20, 20.0)))
    fest.run("cut", fest.usual(10), state="cut")
    return fest


def trend(fest: Fest) -> Trend:
    runs = [run for run in list_runs(fest.folder) if run.state == "whole"]
    return trend_of(runs, [parse_metric("p95"), parse_metric("errors")])


def test_the_runs_are_shown_in_their_order_by_workload_and_without_a_verdict(fest: Fest) -> None:
    shown = trend(fest)
    text = render(shown, "text")
    assert [point.run.name for point in shown.points] == ["run0", "run1", "run2", "users"]
    assert text.index("run0") < text.index("run1") < text.index("run2")
    assert "4 runs from 1970-01-01" in text
    assert "A trend is no verdict" in " ".join(text.split())
    assert "Passed" not in text
    assert text.count("events: ") == 2
    # The slowest run has the longest bar; 100 requests are too few for a p95.
    bars = [
        line.count("#") for line in text.splitlines() if line.lstrip().startswith(("run0", "run1", "run2"))
    ]
    assert (bars == sorted(bars), bars[-1]) == (True, 20)
    assert text.count(" ms ?") == 1


def test_the_page_has_a_valid_chart_of_each_metric(fest: Fest, tmp_path: Path) -> None:
    page = tmp_path / "trend.html"
    write_report(trend(fest), page)
    # Bars of characters stand in for charts in text only.
    assert "p95, drawn" in render(trend(fest), "markdown")
    assert "p95, drawn" not in page.read_text(encoding="utf-8")
    assert charts_of(page) == ["", ""]


def test_json_and_junit_have_each_run_and_pass_none(fest: Fest) -> None:
    report = json.loads(render(trend(fest), "json"))
    assert (report["kind"], len(report["runs"])) == ("trend", 4)
    assert report["runs"][2]["values"]["p95"] > report["runs"][0]["values"]["p95"] * 2
    assert report["runs"][3]["few_requests_for"] == ["p95"]
    (suite,) = ET.fromstring(render(trend(fest), "junit")).iter("testsuite")  # noqa: S314  (our own)
    assert (suite.get("tests"), suite.get("skipped"), suite.get("failures")) == ("4", "4", "0")


def test_the_command_chooses_runs_by_journey_label_and_number(
    fest: Fest, capsys: pytest.CaptureFixture[str]
) -> None:
    show_trend(metric=["p50"], last=2, form="json", runs=fest.folder)
    report = json.loads(capsys.readouterr().out)
    assert [run["name"] for run in report["runs"]] == ["run2", "users"]
    assert report["metrics"] == ["p50"]
    with pytest.raises(CommandFailed, match="There is no complete run to show in"):
        show_trend(journey="attendee", form="text", runs=fest.folder)
