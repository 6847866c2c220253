"""The report of a capacity search, in every format."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from festgate.rehearsal.report import render
from festgate.rehearsal.report.capacity_charts import limit_chart
from festgate.rehearsal.report.document import Table
from festgate.rehearsal.runner.capacity import Capacity, CapacityStep
from festgate.rehearsal.runs.plan import Plan, Rate
from festgate.rehearsal.stats.metrics import parse_thresholds
from festgate.rehearsal.stats.usl import Scalability
from tests.rehearsal.synthetic_runs import Fest


@pytest.fixture
def capacity(tmp_path: Path) -> Capacity:
    """A target that sustains forty journeys per second, but not eighty."""
    plan = Plan("events", "http://127.0.0.1:1", Rate(40.0), duration=2.0, warm_up=1.0)
    fest = Fest(tmp_path, plan)
    run = fest.run("one", fest.usual(1, requests=100))
    steps = (
        CapacityStep(40.0, run, 40.0, 0.4, (0.01, 0.0), holds=True, generator_busy=False),
        CapacityStep(80.0, run, 79.0, 60.0, (0.75, 0.0), holds=False, generator_busy=False),
    )
    limits = tuple(parse_thresholds("p95 < 300ms, errors < 1%"))
    return Capacity(limits, steps, 40.0, 80.0, None, "two loads are too few")


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_the_report_states_the_sustained_rate_and_the_next_one(capacity: Capacity, form: str) -> None:
    text = render(capacity, form)
    assert "The target sustains 2,400 journeys a minute" in text
    assert "At 4,800 journeys a minute a run did not meet them." in text
    assert "two loads are too few" in text


def test_json_has_every_step(capacity: Capacity) -> None:
    report = json.loads(render(capacity, "json"))
    assert (report["most"], report["breaks_at"]) == (40.0, 80.0)
    assert [step["holds"] for step in report["steps"]] == [True, False]


def test_junit_passes_if_a_rate_is_sustained_and_lists_the_limits(capacity: Capacity) -> None:
    (suite,) = ET.fromstring(render(capacity, "junit")).iter("testsuite")  # noqa: S314  (our own)
    assert (suite.get("tests"), suite.get("failures")) == ("3", "0")
    assert [case.get("name") for case in suite] == [
        "a rate meets every limit",
        "p95 < 300ms",
        "errors < 1%",
    ]
    assert suite.findtext("testcase[2]/system-out") == "10.0 ms at 2,400 journeys a minute"


def test_junit_fails_if_no_rate_is_sustained_and_names_the_limit(capacity: Capacity) -> None:
    nothing = replace(capacity, max_rate=None, breaks_at=80.0, steps=capacity.steps[1:])
    (suite,) = ET.fromstring(render(nothing, "junit")).iter("testsuite")  # noqa: S314  (our own)
    failed = {case.get("name") for case in suite if case.find("failure") is not None}
    assert failed == {"a rate meets every limit", "p95 < 300ms"}


@pytest.mark.parametrize(
    "law, sentence",
    [
        (
            Scalability(12.3, 0.287, 0.0012, 0.95),
            (
                "One visitor alone gets 12.3 requests/s. About 29 % of the work cannot run in parallel (contention);"
                " every pair of visitors adds 0.120 % (coherency). The law predicts at most 36 requests/s with 24"
                " concurrent visitors."
            ),
        ),
        (
            Scalability(10.0, 0.25, 0.0, 0.95),
            (
                "One visitor alone gets 10.0 requests/s. About 25 % of the work cannot run in parallel (contention)."
                " The law predicts at most 40 requests/s."
            ),
        ),
        (
            Scalability(10.0, 0.0, 0.0, 0.95),
            (
                "One visitor alone gets 10.0 requests/s. Nearly all of the work can run in parallel (contention). The"
                " law predicts no highest rate."
            ),
        ),
    ],
)
def test_the_scalability_law_is_described_in_sentences(
    capacity: Capacity, law: Scalability, sentence: str
) -> None:
    assert sentence in " ".join(render(replace(capacity, law=law), "text").split())


def test_the_axes_of_the_charts_have_units(capacity: Capacity) -> None:
    limits = tuple(parse_thresholds("p95 < 300ms, errors < 1%, rate > 5/s, turned_away <= 3"))
    steps = tuple(replace(step, values=(*step.values, 70.0, 2.0)) for step in capacity.steps)
    every = replace(capacity, limits=limits, steps=steps)
    specs = [limit_chart(every, number, Table("", (), ())).spec for number in range(len(limits))]
    axes = [spec["layer"][0]["encoding"] for spec in specs]
    assert [axis["x"]["title"] for axis in axes] == ["journeys/s"] * 4
    titles = [axis["y"].get("title") or axis["y"]["axis"]["title"] for axis in axes]
    assert titles == ["p95, ms", "errors, %", "rate, requests/s", "turned_away, people"]
